import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Signal } from '../shared/signal/signal.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const PAIR = 'XAUUSD_XAGUSD';
const HOUR_MS = 3_600_000;

describe('an imported calendar on a simulated market, whose days are long past', () => {
  let place: Workplace;
  let up: Running;
  const signal = (): Signal | null => {
    const path = join(place.home, 'signals', PAIR, 'signal.json');
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Signal) : null;
  };
  /** Close of the newest bar, on the market's clock. */
  const marketMs = (): number => Date.parse(signal()!.timestamp);

  beforeAll(async () => {
    place = createWorkplace({
      core: {
        require_edge: false,
        no_entry_windows: [],
        news_stop: { importance: 'high', minutes_before: 600, minutes_after: 60, close: false },
      },
      minutehand: {
        pairs: [PAIR],
        decision: { z_entry: 0.01, z_exit: 0, beta_min: 0, beta_max: 1000 },
        simulated: { bar_interval_ms: 60 },
      },
    });
    const { version } = await tinyModels(place.models, { settings: place.settings });
    activate(place.models, version);
    up = place.start(['up', '--json', '--no-paper']);
    await eventually(up.stderr, () => signal() !== null);
  });
  afterAll(() => place?.remove());

  it('stops entries near its events, which explain, the list of signals and the list of events name', async () => {
    expect((await place.call(['status'])).stdout).toContain('NEWS_STALE');
    const now = marketMs();
    const row = (ms: number, name: string): string => `${new Date(ms).toISOString().slice(0, 16)}Z,USD,high,${name}\n`;
    const file = join(place.folder, 'week.csv');
    writeFileSync(
      file,
      `time,currency,importance,name\n${row(now + 8 * HOUR_MS, 'a decision')}${row(now + 150 * HOUR_MS, 'a later one')}`,
    );
    expect((await place.call(['news', 'import', file])).stdout).toContain('2 events');
    const listed = await place.call(['news', 'list', '--json']);
    expect(JSON.parse(listed.stdout)).toMatchObject({ fault: null, events: [{ name: 'a decision' }, {}] });

    await eventually(up.stderr, () => signal()!.reason === 'NEWS');
    expect((await place.call(['status'])).stdout).not.toContain('NEWS_STALE');
    const seen = signal()!;
    const explained = await place.call(['explain', PAIR, seen.timestamp]);
    expect(explained.stdout).toContain('a decision');
    // Lists begin with the time of publication, which is by another clock than the bars of this market.
    const published = new Date(seen.generated_at_ms).toISOString().replace('T', ' ').replace('Z', '');
    for (const time of [String(seen.generated_at_ms), published]) {
      const again = await place.call(['explain', PAIR, time]);
      expect(again.stdout.split('\n')[0], again.stderr).toBe(explained.stdout.split('\n')[0]);
    }
    expect((await place.call(['explain', PAIR, '2031-01-01 00:00'])).stderr).toContain('EXPLAIN_NO_SIGNAL');

    const reasons = async (...args: readonly string[]): Promise<ReadonlySet<string>> => {
      const { stdout } = await place.call(['signals', 'list', '--json', ...args]);
      const { signals } = JSON.parse(stdout) as { signals: readonly { reason: string }[] };
      return new Set(signals.map(({ reason }) => reason));
    };
    await vi.waitFor(async () => expect(await reasons('--reason', 'news')).toEqual(new Set(['NEWS'])), 60_000);
    expect(await reasons('--live', '--reason', 'ENTRY', '--action', 'ENTER')).toEqual(new Set());
    const misspelt = await place.call(['signals', 'list', '--reason', 'NEWZ']);
    expect([misspelt.code, misspelt.stderr]).toEqual([2, expect.stringContaining('NO_EDGE')]);
  });

  it('is started once: a second start says how to reach the first one', async () => {
    const second = await place.run(['up']);
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('minutehand token link')]);
  });

  it('resumes what it names', async () => {
    await place.call(['halt', PAIR, '--reason', 'a drill']);
    await place.call(['halt', '--reason', 'a second one']);
    const { stdout } = await place.call(['resume']);
    expect(stdout).toContain(`Lifted: ${PAIR}: entries stopped`);
    expect(stdout).toContain('Lifted: all subjects: entries stopped');
  });
});
