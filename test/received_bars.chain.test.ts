import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readHalts } from '../shared/bundle/halts.ts';
import { createRng } from '../shared/rng.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const MINUTE_MS = 60_000;
const MINUTES = 2000;
const POSTED = 1000;
const PAIR = 'EURUSD_GBPUSD';
const OTHER = 'AUDUSD_NZDUSD';

interface SentBar {
  readonly symbol: string;
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** Minutes of a market that moves, up to the one that has just closed. */
function walk(symbol: string, first: number): SentBar[] {
  const rng = createRng(symbol);
  const newest = (Math.floor(Date.now() / MINUTE_MS) - 1) * MINUTE_MS;
  let price = first;
  return Array.from({ length: MINUTES }, (_, i) => {
    const open = price;
    price *= 1 + (rng.uniform() - 0.5) * 4e-4;
    const high = Math.max(open, price) * 1.00003;
    const low = Math.min(open, price) * 0.99997;
    const time = newest - (MINUTES - 1 - i) * MINUTE_MS;
    return { symbol, time, open, high, low, close: price, volume: 1 + (i % 97) };
  });
}

describe('a feeder that sends open and close of a symbol swapped', () => {
  let place: Workplace;
  let stopsOfDaemon: () => Promise<readonly string[]>;
  let post: (bars: readonly SentBar[], query: string) => Promise<void>;
  beforeAll(async () => {
    place = createWorkplace({
      minutehand: { market: 'live', pairs: [PAIR, OTHER], screen: { enabled: false } },
    });
    const { version } = await tinyModels(place.models, { settings: place.settings, market: 'live' });
    activate(place.models, version);
    const daemon = place.start(['daemon', '--json']);
    const text = await eventually(daemon.stderr, () => daemon.stdout());
    const { port } = JSON.parse(text) as { port: number };
    stopsOfDaemon = async () => {
      const { stops } = (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as {
        stops: readonly { pair_id: string }[];
      };
      return stops.map(({ pair_id }) => pair_id);
    };
    post = async (bars, query) => {
      const response = await fetch(`http://127.0.0.1:${port}/bars${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(bars),
      });
      expect(response.status, await response.text()).toBe(200);
    };
  });
  afterAll(() => place?.remove());

  const signalOf = (pair: string): Signal | null => {
    const file = join(place.home, 'signals', pair, 'signal.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Signal) : null;
  };
  const stopped = (): string[] => (readHalts(place.models).stops ?? []).map(({ pair_id }) => pair_id);

  it('has entries stopped and nothing learned, until a person decides', async () => {
    const swapped = walk('EURUSD', 1.08).map((bar) => ({ ...bar, open: bar.close, close: bar.open }));
    const right = [walk('GBPUSD', 1.27), walk('AUDUSD', 0.66), walk('NZDUSD', 0.61)];
    const all = [swapped, ...right];
    const history = all.flatMap((bars) => bars.slice(0, -1)).sort((a, b) => a.time - b.time);
    for (let i = 0; i < history.length; i += POSTED) await post(history.slice(i, i + POSTED), '?backfill=1');
    const trainer = place.start(['trainer', '--json']);
    await eventually(trainer.stderr, () => stopped().length > 0);
    expect(stopped()).toEqual([PAIR]);
    await eventually(trainer.stderr, async () => (await stopsOfDaemon()).includes(PAIR));
    const newest = all.map((bars) => bars.at(-1)!);
    await post(newest, '');
    await eventually(
      () => JSON.stringify([signalOf(PAIR), signalOf(OTHER)]),
      () => signalOf(PAIR)?.reason === 'STOPPED',
    );
    expect(signalOf(PAIR)).toMatchObject({ action: 'HOLD', mode: 'OK' });
    expect(signalOf(OTHER)?.reason).not.toBe('STOPPED');

    const out = join(place.home, 'out');
    for (const command of [
      ['train', '--trials', '0'],
      ['scan'],
      ['backtest', '--from', '2020-01-01'],
      ['dataset', 'export', '--out', join(place.home, 'rows.csv')],
    ]) {
      const { code, stderr } = await place.call(command);
      expect([command, code, stderr]).toEqual([command, 1, expect.stringMatching(/FEED_REFUSED[^]*EURUSD[^]*SWAPPED/)]);
    }
    const exported = await place.call(['bars', 'export', '--out', out]);
    expect([exported.code, exported.stderr]).toEqual([3, expect.stringContaining('FEED_REFUSED')]);
    expect([existsSync(join(out, 'EURUSD.csv.gz')), existsSync(join(out, 'GBPUSD.csv.gz'))]).toEqual([false, true]);

    const unfounded = await place.call(['bars', 'accept', 'GBPUSD', 'SWAPPED', '--reason', 'none']);
    expect(unfounded.code).toBe(2);
    const accepted = await place.call(['bars', 'accept', 'EURUSD', 'SWAPPED', '--reason', 'a drill', '--json']);
    expect(accepted.code, accepted.stderr).toBe(0);
    const { import_number } = JSON.parse(accepted.stdout) as { import_number: number };
    expect((await place.call(['bars', 'export', '--out', out])).code).toBe(0);
    expect((await place.call(['bars', 'history'])).stdout).toMatch(/accept .*EURUSD SWAPPED: a drill/);
    expect((await place.call(['bars', 'undo', String(import_number)])).code).toBe(0);
    expect((await place.call(['bars', 'export', '--out', out])).code).toBe(3);

    const leftOut = await place.call(['bars', 'leave-out', 'EURUSD', '--reason', 'open and close were swapped']);
    expect([leftOut.code, leftOut.stdout]).toEqual([0, expect.stringContaining(`${MINUTES} received bars`)]);
    const trained = await place.call(['train', '--trials', '0']);
    expect(trained.stderr).not.toContain('FEED_REFUSED');
    expect((await place.call(['resume', PAIR])).code).toBe(0);
    expect(stopped()).toEqual([]);
  });
});
