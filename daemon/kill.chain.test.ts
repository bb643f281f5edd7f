import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { activate } from '../test/activate.ts';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { addHalts } from '../shared/bundle/halts.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { createSimulatedMarket } from '../shared/market/simulated_market.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import { homePaths } from '../shared/home.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { openJournal } from '../shared/store/journal.ts';
import { buildDaemonProgram, type Program, type RunningProgram } from '../test/program.ts';
import { isConnectionLost } from '../test/connection_lost.ts';
import { IS_WEEKLY } from '../test/weekly.ts';
import { tinyBars, tinySettings, tinyModels } from '../test/tiny_models.ts';
import { replayJournal } from './replay.ts';
import type { HealthReport } from './health/health.ts';
import { byMinute } from './pipeline.fixture.ts';
import { Database } from '../shared/store/sqlite.ts';

let folder: string;
let program: Program;
let models: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-kill-'));
  models = join(folder, 'trained');
  program = await buildDaemonProgram();
});
afterAll(async () => {
  await program.remove();
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly program: RunningProgram;
  readonly url: string;
  readonly bootId: string;
  readonly printed: string[];
}

function makeHome(
  name: string,
  settings: Settings,
  env: NodeJS.ProcessEnv = {},
): { start(): Promise<Running>; launch(): RunningProgram; home: string } {
  const home = join(folder, name);
  mkdirSync(home, { recursive: true });
  const file = join(home, 'settings.json');
  writeFileSync(file, JSON.stringify(settings));
  const launch = (): RunningProgram => program.start([file], { ...env, MINUTEHAND_HOME: home });
  const start = async (): Promise<Running> => {
    const started = launch();
    const printed: string[] = [];
    for (;;) {
      const event = JSON.parse(await started.line()) as { print?: string; port?: number; bootId?: string };
      if (event.port !== undefined)
        return { program: started, url: `http://127.0.0.1:${event.port}`, bootId: event.bootId!, printed };
      printed.push(event.print!);
    }
  };
  return { start, launch, home };
}

const pathsOf = (home: string): ReturnType<typeof homePaths> => homePaths({ MINUTEHAND_HOME: home });

interface StoredSignal {
  readonly boot_id: string;
  readonly seq: number;
  readonly pair_id: string;
  readonly time: number;
  readonly body: string;
  readonly features_crc: string | null;
  readonly risk_prob: number | null;
  readonly position: string;
}

function storedSignals(path: string): StoredSignal[] {
  const db = new Database(path, { readonly: true });
  const rows = db.prepare('SELECT * FROM signals ORDER BY signal_row').all() as StoredSignal[];
  db.close();
  return rows;
}

const essence = ({ time, body, features_crc, risk_prob, position }: StoredSignal): unknown[] => [
  time,
  body,
  features_crc,
  risk_prob,
  position,
];

/**
 * handover.test.ts kills more of them: those whose place another one takes. Here the same one comes again. `npm run
 * test:weekly` kills more often.
 */
const KILLS = IS_WEEKLY ? 10 : 2;
const MINUTES = IS_WEEKLY ? 400 : 200;
/** At random times, with locks of the journal. */
const LIVES = IS_WEEKLY ? 30 : 6;

describe('a live daemon that is killed repeatedly', () => {
  it('leaves the same features, bodies and positions as one that was never killed', { timeout: 400_000 }, async () => {
    // No leg of a minute may time out here: that would depend on when the kill came.
    const settings = tinySettings({ minutehand: { market: 'live', feed: { straggler_timeout_ms: 50_000 } } });
    const { path, version } = await tinyModels(models, { market: 'live', settings });
    const warmup = warmupBars(settings.minutehand.windows);
    const market = byMinute(tinyBars(settings, warmup + MINUTES));
    const send = async (url: string, bars: readonly Bar[], backfill = false): Promise<void> => {
      const wire = bars.map((bar) => ({ ...bar, time: bar.time * 1000 }));
      const answer = await fetch(`${url}/bars${backfill ? '?backfill=1' : ''}`, {
        method: 'POST',
        body: JSON.stringify(wire),
      });
      expect(await answer.json()).toMatchObject({ rejected: [] });
    };
    const history = market.slice(0, warmup).flatMap(({ bars }) => bars);
    const install = (home: string): void => {
      mkdirSync(pathsOf(home).models, { recursive: true });
      cpSync(path, join(pathsOf(home).models, version), { recursive: true });
      activate(pathsOf(home).models, version);
    };

    const calm = makeHome('calm', settings);
    install(calm.home);
    const whole = await calm.start();
    await send(whole.url, history, true);
    for (const { bars } of market.slice(warmup)) await send(whole.url, bars);
    await whole.program.kill('SIGTERM');

    const rng = createRng('kill');
    const rough = makeHome('rough', settings);
    install(rough.home);
    const boots: string[] = [];
    let kills = 0;
    let at = warmup;
    while (at < market.length) {
      const daemon = await rough.start();
      boots.push(daemon.bootId);
      let killing: ReturnType<RunningProgram['kill']> | null = null;
      try {
        const health = (await (await fetch(`${daemon.url}/healthz`)).json()) as HealthReport;
        const last = Object.values(health.last_bars).map((time) => Date.parse(time) / 1000);
        if (last.length < 6 || Math.min(...last) < market[warmup - 1]!.time) {
          await send(daemon.url, history, true);
        } else {
          // Every symbol has this minute, so sending on from here leaves no gap; some bars are duplicates.
          at = Math.max(
            warmup,
            market.findIndex(({ time }) => time === Math.min(...last)),
          );
        }
        // Number of requests answered before the kill, so that each boot publishes signals; bars of the first may be
        // duplicates. The process is killed during later requests.
        let answers = 2 + rng.integer(6);
        const isKilled = kills < KILLS;
        if (isKilled) kills++;
        while (at < market.length) {
          if (isKilled && answers-- === 0) killing = delay(rng.integer(5)).then(() => daemon.program.kill('SIGKILL'));
          const count = 1 + rng.integer(4);
          await send(
            daemon.url,
            market.slice(at, at + count).flatMap(({ bars }) => bars),
          );
          at += count;
          if (isKilled && at >= market.length - 5) at = market.length - 5;
        }
        await daemon.program.kill('SIGTERM');
      } catch (error) {
        // Only a daemon that was killed may leave a request without an answer.
        if (killing === null || !isConnectionLost(error)) throw error;
        expect(await killing).toBe('SIGKILL');
      }
    }
    expect(kills).toBe(KILLS);

    const expected = storedSignals(pathsOf(calm.home).journal('live', 'main'));
    const seen = storedSignals(pathsOf(rough.home).journal('live', 'main'));
    // The final heartbeat of each pair is at the end of both: they received SIGTERM.
    expect(expected).toHaveLength((MINUTES + 1) * 3);
    expect(new Set(expected.map(({ body }) => (JSON.parse(`${body}}`) as { action: string }).action))).toEqual(
      new Set(['ENTER', 'EXIT', 'HOLD']),
    );
    for (const id of settings.minutehand.pairs) {
      const mine = (rows: StoredSignal[]): StoredSignal[] => rows.filter(({ pair_id }) => pair_id === id);
      expect(mine(seen).map(essence)).toEqual(mine(expected).map(essence));
      for (const boot of boots) {
        const numbers = mine(seen).filter(({ boot_id }) => boot_id === boot);
        expect(numbers.map(({ seq }) => seq)).toEqual(numbers.map((_, i) => i + 1));
      }
    }
    expect(boots).toEqual([...new Set(boots)].sort());
    expect(new Set(seen.map(({ boot_id }) => boot_id)).size).toBe(KILLS + 1);
    const [a, b] = [calm.home, rough.home].map((home) => {
      const store = openJournal(pathsOf(home).journal('live', 'main'), { readOnly: true });
      const bars = settings.minutehand.pairs
        .map(parsePair)
        .flatMap((pair) => [...store.bars(pair.a), ...store.bars(pair.b)]);
      store.close();
      return bars;
    });
    expect(b).toEqual(a);
  });
});

describe('a live daemon that is killed while it is halted', () => {
  it(
    'is halted after the restart, and the replay of its journal reproduces every signal',
    { timeout: 180_000 },
    async () => {
      const settings = tinySettings({ minutehand: { market: 'live', feed: { straggler_timeout_ms: 50_000 } } });
      const { path, version } = await tinyModels(models, { market: 'live', settings, seed: 3 });
      const { windows, pairs } = settings.minutehand;
      const warmup = warmupBars(windows);
      const market = byMinute(tinyBars(settings, warmup + 120));
      const { start, home } = makeHome('halted', settings);
      const folderOf = pathsOf(home).models;
      mkdirSync(folderOf, { recursive: true });
      cpSync(path, join(folderOf, version), { recursive: true });
      activate(folderOf, version);
      const send = (url: string, from: number, to: number): Promise<Response> =>
        fetch(`${url}/bars`, {
          method: 'POST',
          body: JSON.stringify(
            market.slice(from, to).flatMap(({ bars }) => bars.map((bar) => ({ ...bar, time: bar.time * 1000 }))),
          ),
        });
      const healthOf = async (url: string): Promise<HealthReport> =>
        (await (await fetch(`${url}/healthz`)).json()) as HealthReport;

      let daemon = await start();
      await send(daemon.url, 0, warmup + 20);
      addHalts(folderOf, [
        { pair_id: pairs[0]!, reason: 'drawdown', seen: '0.2', limit: '0.1', version, since: '2026-11-20T08:00:00Z' },
      ]);
      while ((await healthOf(daemon.url)).halted_pairs.length === 0) await delay(20);
      await send(daemon.url, warmup + 20, warmup + 40);
      const answer = send(daemon.url, warmup + 40, warmup + 60).catch(() => null);
      await delay(3);
      await daemon.program.kill('SIGKILL');
      await answer;
      daemon = await start();
      expect(await healthOf(daemon.url)).toMatchObject({ halted_pairs: [pairs[0]], model_version: version });
      await send(daemon.url, warmup + 20, warmup + 120);
      await daemon.program.kill('SIGTERM');

      const rows = storedSignals(pathsOf(home).journal('live', 'main')).map(
        ({ body }) => JSON.parse(`${body}}`) as Record<'pair_id' | 'timestamp' | 'mode' | 'action' | 'reason', string>,
      );
      const haltedFromMs = market[warmup + 20]!.time * 1000;
      for (const pair of pairs) {
        const later = rows.filter(
          ({ pair_id, timestamp, reason }) =>
            pair_id === pair && Date.parse(timestamp) > haltedFromMs && reason !== 'SHUTDOWN',
        );
        expect(later).toHaveLength(100);
        expect(new Set(later.map(({ mode }) => mode))).toEqual(new Set([pair === pairs[0] ? 'HALT' : 'OK']));
        if (pair === pairs[0]) expect(later.filter(({ action }) => action === 'ENTER')).toEqual([]);
      }
      const store = openJournal(pathsOf(home).journal('live', 'main'), { readOnly: true });
      const { differences, equal } = await replayJournal({
        settings,
        pairIds: pairs,
        clock: MACHINE_CLOCK,
        bootId: 'replay',
        store,
        loadModels: (name) => loadModelSet(join(folderOf, name), featureSchema(windows), pairs.length),
        onSignals: () => undefined,
      });
      store.close();
      expect(differences).toEqual([]);
      expect(equal).toBe(rows.length);
    },
  );
});

/** The daemon waits this long for the lock of another process before it continues without its journal. */
const LOCK_PATIENCE_MS = 5000;

describe('a live daemon that is killed while another process locks its journal', () => {
  it(
    'has published at most one signal of each pair that the journal lacks, has reported no bar as stored that it lacks, and repeats the same signals',
    { timeout: 120_000 },
    async () => {
      const settings = tinySettings({ minutehand: { market: 'live' } });
      const { pairs } = settings.minutehand;
      const market = byMinute(tinyBars(settings, 200));
      const { start, home } = makeHome('locked', settings);
      const path = pathsOf(home).journal('live', 'main');
      const send = (url: string, minute: number): Promise<{ stored: boolean } | null> =>
        fetch(`${url}/bars`, {
          method: 'POST',
          body: JSON.stringify(market[minute]!.bars.map((bar) => ({ ...bar, time: bar.time * 1000 }))),
        }).then(
          (answer) => answer.json() as Promise<{ stored: boolean }>,
          () => null,
        );
      const publishedIds: string[][] = [];
      let first = 0;
      let heldMs = Infinity;
      // On a machine that is busy for so long the daemon is DEGRADED by then, and its rows wait in memory.
      for (; heldMs > 0.8 * LOCK_PATIENCE_MS; first += 5) {
        const daemon = await start();
        expect(await send(daemon.url, first)).toMatchObject({ stored: true });
        const published = new Map<string, string[]>(pairs.map((id) => [id, []]));
        const consumer = new WebSocket(`${daemon.url.replace('http', 'ws')}/signals`);
        await new Promise((resolve) => consumer.once('open', resolve));
        consumer.on('message', (data: Buffer) => {
          const signal = JSON.parse(data.toString()) as { pair_id: string; signal_id: string; timestamp: string };
          if (Date.parse(signal.timestamp) > market[first]!.time * 1000 + 60_000)
            published.get(signal.pair_id)!.push(signal.signal_id);
        });
        const lock = new Database(path);
        lock.exec('BEGIN IMMEDIATE');
        const sinceMs = performance.now();
        const answers = [1, 2, 3, 4].map((minutes) => send(daemon.url, first + minutes));
        while ([...published.values()].some((ids) => ids.length === 0)) await delay(5);
        // Time enough for the next minutes, which are waiting.
        await delay(300);
        await daemon.program.kill('SIGKILL');
        heldMs = performance.now() - sinceMs;
        lock.exec('ROLLBACK');
        lock.close();
        consumer.terminate();
        publishedIds.splice(0, Infinity, ...published.values());
        const answered = await Promise.all(answers);
        if (heldMs <= 0.8 * LOCK_PATIENCE_MS) expect(answered).toEqual([null, null, null, null]);
      }
      expect(publishedIds.map((ids) => ids.length)).toEqual(pairs.map(() => 1));
      const last = first - 5;
      expect(storedSignals(path).at(-1)!.time).toBe(market[last]!.time);

      const next = await start();
      for (let minute = last + 1; minute <= last + 4; minute++)
        expect(await send(next.url, minute)).toMatchObject({ stored: true });
      await next.program.kill('SIGTERM');
      const bodies = storedSignals(path).map(({ body }) => JSON.parse(`${body}}`) as Record<string, string>);
      for (const [index, id] of pairs.entries()) {
        const mine = bodies.filter(({ pair_id, reason }) => pair_id === id && reason !== 'SHUTDOWN');
        expect(mine.slice(-4).map(({ timestamp }) => Date.parse(timestamp!))).toEqual(
          [1, 2, 3, 4].map((minutes) => market[last + minutes]!.time * 1000 + 60_000),
        );
        expect(mine.at(-4)!['signal_id']).toBe(publishedIds[index]![0]);
      }
    },
  );
});

describe('a live daemon whose journal is locked until no more rows may wait', () => {
  it(
    'refuses bars by HTTP and WebSocket with JOURNAL_FULL, takes them again when the lock is gone, and has stored all that it took',
    { timeout: 120_000 },
    async () => {
      const settings = tinySettings({ minutehand: { market: 'live' } });
      const market = byMinute(tinyBars(settings, 40));
      const symbols = market[0]!.bars.length;
      const MINUTES_IN_MEMORY = 12;
      const { start, home } = makeHome('full', settings, { MAX_WAITING_ROWS: `${MINUTES_IN_MEMORY * symbols}` });
      const path = pathsOf(home).journal('live', 'main');
      const daemon = await start();
      const wire = (from: number, to: number): string =>
        JSON.stringify(
          market.slice(from, to).flatMap(({ bars }) => bars.map((bar) => ({ ...bar, time: bar.time * 1000 }))),
        );
      const post = async (from: number, to = from + 1) => {
        const response = await fetch(`${daemon.url}/bars?backfill=1`, { method: 'POST', body: wire(from, to) });
        return { status: response.status, body: (await response.json()) as Record<string, unknown> };
      };
      expect(await post(0)).toMatchObject({ status: 200, body: { stored: true } });
      const lock = new Database(path);
      lock.exec('BEGIN IMMEDIATE');
      const refused = MINUTES_IN_MEMORY + 1;
      // The answer waits until SQLite gives up on the lock; from then on rows wait in memory.
      const accepted = MINUTES_IN_MEMORY * symbols;
      expect(await post(1, refused)).toMatchObject({ status: 202, body: { accepted, stored: false } });
      expect(await post(refused)).toMatchObject({ status: 503, body: { error: { code: 'JOURNAL_FULL' } } });
      const feeder = new WebSocket(`${daemon.url.replace('http', 'ws')}/bars`);
      await new Promise((resolve) => feeder.once('open', resolve));
      const answer = new Promise<string>((resolve) =>
        feeder.once('message', (data: Buffer) => resolve(data.toString())),
      );
      feeder.send(wire(refused, refused + 1));
      expect(JSON.parse(await answer)).toMatchObject({ error: { code: 'JOURNAL_FULL' } });
      feeder.terminate();
      const health = await fetch(`${daemon.url}/healthz`);
      expect(await health.json()).toMatchObject({ degradations: ['journal'] });

      lock.exec('ROLLBACK');
      lock.close();
      const took = async (): Promise<boolean> => (await post(refused)).status === 200;
      while (!(await took())) await delay(50);
      await daemon.program.kill('SIGTERM');
      const minutes = new Set(storedBars(path).map(({ time }) => time));
      expect([...minutes]).toEqual(market.slice(0, refused + 1).map(({ time }) => time));
    },
  );
});

describe('a live daemon that is killed at random times while bars stream in and its journal is locked now and then', () => {
  it('has never published more than one signal of a pair that its journal lacks', { timeout: 300_000 }, async () => {
    const settings = tinySettings({ minutehand: { market: 'live' } });
    const market = byMinute(tinyBars(settings, 5000));
    const { start, home } = makeHome('random', settings);
    const path = pathsOf(home).journal('live', 'main');
    const rng = createRng('random kills');
    let at = 0;
    let received = 0;
    for (let life = 0; life < LIVES; life++) {
      const daemon = await start();
      const last = new Map<string, number>();
      const consumer = new WebSocket(`${daemon.url.replace('http', 'ws')}/signals`);
      await new Promise((resolve) => consumer.once('open', resolve));
      consumer.on('message', (data: Buffer) => {
        const { boot_id, pair_id, seq } = JSON.parse(data.toString()) as StoredSignal;
        if (boot_id === daemon.bootId) last.set(pair_id, Math.max(seq, last.get(pair_id) ?? 0));
      });
      const lock = new Database(path);
      const endMs = performance.now() + 20 + rng.integer(400);
      for (let isLocked = false; performance.now() < endMs; at++) {
        if (rng.integer(8) === 0) {
          lock.exec(isLocked ? 'ROLLBACK' : 'BEGIN IMMEDIATE');
          isLocked = !isLocked;
        }
        const body = JSON.stringify(market[at]!.bars.map((bar) => ({ ...bar, time: bar.time * 1000 })));
        void fetch(`${daemon.url}/bars`, { method: 'POST', body }).catch(() => undefined);
        await delay(rng.integer(8));
      }
      await daemon.program.kill('SIGKILL');
      lock.close();
      consumer.terminate();
      const stored = storedSignals(path).filter(({ boot_id }) => boot_id === daemon.bootId);
      for (const [id, seq] of last) {
        received += seq;
        const found = Math.max(0, ...stored.filter(({ pair_id }) => pair_id === id).map((row) => row.seq));
        expect(seq - found, `${id} of life ${life}`).toBeLessThanOrEqual(1);
      }
    }
    expect(received).toBeGreaterThan(3 * LIVES);
  });
});

describe('a daemon with a simulated market', () => {
  const settings = tinySettings({ minutehand: { simulated: { bar_interval_ms: 5, history_bars: 6000 } } });
  const { simulated, pairs } = settings.minutehand;
  const symbols = symbolsOf(pairs.map(parsePair));

  it(
    'killed amid its history, and killed again later, has every minute once, as a market never interrupted',
    { timeout: 60_000 },
    async () => {
      const { start, launch, home } = makeHome('simulated', settings);
      const first = launch();
      expect(JSON.parse(await first.line())).toMatchObject({
        print: expect.stringMatching(/6000 minutes of history/) as string,
      });
      const reader = openJournal(pathsOf(home).journal('simulated', 'main'), { readOnly: true });
      while (!symbols.some((symbol) => reader.newestBars(symbol, 500).length === 500)) await delay(1);
      reader.close();
      await first.kill('SIGKILL');
      const atKill = storedBars(pathsOf(home).journal('simulated', 'main'));
      expect(atKill.length / symbols.length).toBeGreaterThanOrEqual(500);
      expect(atKill.length / symbols.length).toBeLessThan(6000);
      expect(new Set(atKill.map(({ backfill }) => backfill))).toEqual(new Set([1]));

      const second = await start();
      expect(second.printed.join()).toMatch(/continues after/);
      await delay(150);
      await second.program.kill('SIGKILL');
      const third = await start();
      await delay(100);
      expect(await third.program.kill('SIGTERM')).toBe(0);

      const rows = storedBars(pathsOf(home).journal('simulated', 'main'));
      const minutes = rows.length / symbols.length;
      expect(minutes).toBeGreaterThan(simulated.history_bars);
      const market = createSimulatedMarket({
        seed: simulated.seed,
        symbols: [...symbols].sort(),
        start: (Date.parse(simulated.start) / 1000) as OpenTime,
      });
      const expected = Array.from({ length: minutes }, (_, minute) =>
        market.next().bars.map((bar) => ({ ...bar, backfill: minute < simulated.history_bars ? 1 : 0 })),
      ).flat();
      expect(
        rows.map(({ subject, time, open, high, low, close, volume, spread, backfill }) => ({
          symbol: subject,
          time,
          open,
          high,
          low,
          close,
          volume,
          spread,
          backfill,
        })),
      ).toEqual(expected);
      const signals = storedSignals(pathsOf(home).journal('simulated', 'main')).filter(
        ({ body }) => !body.includes('"reason":"SHUTDOWN"'),
      );
      for (const id of pairs) {
        const times = signals.filter(({ pair_id }) => pair_id === id).map(({ time }) => time);
        expect(times).toEqual(
          expected.filter(({ backfill, symbol }) => backfill === 0 && symbol === symbols[0]).map(({ time }) => time),
        );
      }
    },
  );
});

interface StoredBar {
  readonly subject: string;
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly spread: number;
  readonly backfill: 0 | 1;
}

function storedBars(path: string): StoredBar[] {
  const db = new Database(path, { readonly: true });
  const rows = db.prepare("SELECT * FROM inputs WHERE kind = 'bar' ORDER BY input_id").all() as StoredBar[];
  db.close();
  return rows;
}
