import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { byMinute } from '../daemon/pipeline.fixture.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import type { HealthReport } from '../daemon/health/health.ts';
import { readCalendar } from '../shared/calendar/calendar_file.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { compileProgram, compilerNote, hasCompiler } from '../mt5/test/compile.ts';
import { startProgram } from '../mt5/test/program.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { tinyBars, tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const MINUTE_MS = 60_000;

describe.runIf(hasCompiler())(`news on a live market${compilerNote()}`, () => {
  let place: Workplace;
  let program: string;
  beforeAll(async () => {
    place = createWorkplace({
      core: {
        require_edge: false,
        no_entry_windows: [],
        news_stop: { importance: 'high', minutes_before: 30, minutes_after: 15, close: false },
      },
      minutehand: {
        market: 'live',
        pairs: ['XAUUSD_XAGUSD'],
        decision: { z_entry: 0.01, z_exit: 0, beta_min: 0, beta_max: 1000 },
        screen: { enabled: false },
      },
    });
    const { version } = await tinyModels(place.models, { settings: place.settings, market: 'live' });
    activate(place.models, version);
    program = compileProgram('bars');
  });
  afterAll(() => place?.remove());

  it('go from the terminal through trainer and daemon into a signal, its explanation and a replay', async () => {
    const up = place.start(['up', '--json']);
    const text = await eventually(up.stderr, () => up.stdout());
    const { daemons } = JSON.parse(text) as { daemons: readonly { port: number }[] };
    expect(daemons, text).toBeDefined();
    const url = `http://127.0.0.1:${daemons[0]!.port}`;
    expect((await place.run(['status'])).stdout).toContain('NEWS_STALE');

    // The terminal's calendar: payrolls in ten minutes, on a server two hours ahead.
    const account = join(place.home, 'ea', '1_paper');
    mkdirSync(account, { recursive: true });
    const terminal = startProgram(program);
    const soon = Math.floor(Date.now() / MINUTE_MS) * 60 + 600;
    await terminal.ask('offset 7200');
    await terminal.ask(`folder ${account}`);
    await terminal.ask(`news ${soon} USD 3 0 Nonfarm Payrolls`);
    await terminal.ask(`news ${soon} JPY 3 0 not of this pair`);
    expect(await terminal.ask(`calendar ${Date.now()}`)).toBe('2 events');
    await terminal.end();
    await eventually(up.stderr, () => readCalendar(place.models)?.events.length === 2);
    // The daemon looks at the file twice a second; a bar that comes before is answered without these events.
    const newsOfDaemon = async () => ((await (await fetch(`${url}/healthz`)).json()) as HealthReport).news;
    await eventually(up.stderr, async () => (await newsOfDaemon())?.events === 1);
    expect(await newsOfDaemon()).toEqual({ events: 1, fault: null });

    // Warm by history, then one minute that has just closed.
    const { windows } = place.settings.minutehand;
    const market = byMinute(tinyBars(place.settings, warmupBars(windows) + 5));
    const newest = (Math.floor(Date.now() / MINUTE_MS) - 1) * MINUTE_MS;
    const bars = market.flatMap(({ bars: own }, index) =>
      own.map((bar) => ({ ...bar, time: newest - (market.length - 1 - index) * MINUTE_MS })),
    );
    const post = async (sent: readonly object[], backfill: boolean): Promise<void> => {
      const response = await fetch(`${url}/bars${backfill ? '?backfill=1' : ''}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(sent),
      });
      expect(response.status, await response.text()).toBe(200);
    };
    await post(
      bars.filter(({ time }) => time < newest),
      true,
    );
    await post(
      bars.filter(({ time }) => time === newest),
      false,
    );
    const file = join(place.home, 'signals', 'XAUUSD_XAGUSD', 'signal.json');
    const signalOf = (): Signal | null =>
      existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Signal) : null;
    await eventually(up.stderr, () => signalOf()?.price_a !== undefined && signalOf()!.price_a !== null);
    expect(signalOf()).toMatchObject({ action: 'HOLD', reason: 'NEWS', target: 0 });

    const close = signalOf()!.timestamp;
    const explained = await place.run(['explain', 'XAUUSD_XAGUSD', close]);
    expect(explained.stdout).toContain('USD Nonfarm Payrolls (high): no entry for');
    expect((await place.run(['status'])).stdout).not.toContain('NEWS_STALE');
    const listed = await place.run(['news', 'list', '--json']);
    expect(JSON.parse(listed.stdout)).toMatchObject({
      events: [{ currency: 'USD', name: 'Nonfarm Payrolls' }],
      fault: null,
    });
    up.kill('SIGTERM');
    await up.ended;
    const replay = await place.run(['replay', '--journal', join(place.home, 'live_main.db'), '--json']);
    expect(JSON.parse(replay.stdout)).toMatchObject({ differences: [] });
  });
});
