import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { activate } from './activate.ts';
import { startDaemon, type RunningDaemon } from '../daemon/main.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { fillKey, parseFill, type Fill } from '../shared/fill/fill.ts';
import { homePaths } from '../shared/home.ts';
import { packageRoot } from '../shared/root.ts';
import { createRng } from '../shared/rng.ts';
import { accountIdOf } from '../trainer/control/fills/account_id.ts';
import { startFills } from '../trainer/control/fills/fills.ts';
import {
  readRefusedLines,
  readTrades,
  type LiveTrade,
  type RefusedLine,
} from '../trainer/control/fills/live_trades.ts';
import { reconcile } from '../trainer/control/fills/reconcile.ts';
import { barIntervalMs } from '../shared/policy/policy.ts';
import { journalLookup } from '../trainer/control/fills/signal_lookup.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { buildProgram, type Program, type RunningProgram } from './program.ts';
import { freePort, startRedis, type RedisServer } from './redis_server.ts';
import { NO_PANDAS, PANDAS } from './formula_pandas/run_pandas.ts';
import { skipNote } from './skip_note.ts';
import { tinyModels } from './tiny_models.ts';

const MINUTES = 220;
const BAR_MS = 40;
const NAMES = ['file', 'redis', 'ws'] as const;
type Name = (typeof NAMES)[number];
/** Consumers that are killed repeatedly; the others keep running. */
const KILLED: readonly Name[] = ['file', 'ws'];
const KILLS = 5;
const REDIS_RESTARTS = 3;
const TRAINER_KILLS = 2;
const EXAMPLE = join(packageRoot(), 'examples', 'pandas_exports.py');

describe('minutehand ea beside a real daemon, its fills in the store of a trainer', () => {
  let place: Workplace;
  let program: Program;
  let redis: RedisServer | null = null;
  let daemon: RunningDaemon | null = null;
  let fills: RunningProgram;
  let env: NodeJS.ProcessEnv;
  let trades: readonly LiveTrade[];
  let refusedLines: readonly RefusedLine[];
  /** What `trades export` wrote. */
  let exported: string;
  const running = new Map<Name, RunningProgram>();
  const published = new Set<string>();
  const entered = new Set<string>();
  let kills = 0;
  let restarts = 0;
  let trainerKills = 0;

  const own = (name: Name): string => join(place.home, 'ea', `${name}_paper`);
  const linesOf = (name: Name): string[] => {
    const path = join(own(name), 'result.json');
    return existsSync(path)
      ? readFileSync(path, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : [];
  };
  const fillsOf = (name: Name): Fill[] => linesOf(name).map(parseFill);
  const command = (...args: string[]) => program.start(args, env);
  const ways = (): Name[] => NAMES.filter((name) => name !== 'redis' || redis !== null);

  async function start(name: Name): Promise<void> {
    const url = `ws://127.0.0.1:${daemon!.port}/signals`;
    const ea = command('ea', '--via', name, '--name', name, '--url', url);
    running.set(name, ea);
    expect(await ea.line()).toContain('Paper trading of 3 pairs');
  }

  async function startTaking(): Promise<void> {
    fills = command('fills');
    expect(await fills.line()).toBe('taking fills');
  }

  beforeAll(async () => {
    const port = await freePort();
    redis = await startRedis([], port);
    place = createWorkplace({
      minutehand: {
        transports: { redis: { enabled: redis === null ? 'off' : 'auto', url: `redis://127.0.0.1:${port}` } },
        simulated: { bar_interval_ms: BAR_MS, await_models_ms: 60_000 },
      },
    });
    env = { MINUTEHAND_HOME: place.home, MINUTEHAND_CONFIG: place.config };
    program = await buildProgram('ea_program');
    const { settings } = place;
    const paths = homePaths({ MINUTEHAND_HOME: place.home });
    mkdirSync(paths.models, { recursive: true });
    const { version } = await tinyModels(paths.models, { settings });
    activate(paths.models, version);
    const print = (): void => undefined;
    await startTaking();
    daemon = await startDaemon({ settings, paths, shard: 'main', clock: MACHINE_CLOCK, token: undefined, print });
    const socket = new WebSocket(`ws://127.0.0.1:${daemon.port}/signals`);
    socket.on('message', (data: Buffer) => {
      const { signal_id, action } = JSON.parse(data.toString()) as { signal_id: string; action: string };
      published.add(signal_id);
      if (action === 'ENTER') entered.add(signal_id);
    });
    await once(socket, 'open');
    for (const name of ways()) await start(name);

    const rng = createRng(5);
    const wanted = MINUTES * settings.minutehand.pairs.length;
    const isDone = (): boolean =>
      published.size >= wanted &&
      kills === KILLS &&
      trainerKills === TRAINER_KILLS &&
      (redis === null || restarts === REDIS_RESTARTS);
    for (let step = 1; !isDone() && step < 400; step++) {
      await sleep(100 + rng.integer(300));
      if (kills < KILLS) {
        const name = KILLED[kills++ % KILLED.length]!;
        // At any time, like a power cut; every other time it stays down for a while.
        await running.get(name)!.kill('SIGKILL');
        if (kills % 2 === 0) await sleep(5 * BAR_MS);
        await start(name);
      }
      if (redis !== null && step % 3 === 0 && restarts < REDIS_RESTARTS) {
        restarts++;
        await redis.kill();
        redis = await startRedis([], port);
      }
      // The trainer is killed too, at other times.
      if (step % 3 === 1 && trainerKills < TRAINER_KILLS) {
        trainerKills++;
        await fills.kill('SIGKILL');
        await startTaking();
      }
    }
    socket.close();
    await daemon.stop();
    daemon = null;
    for (const ea of running.values()) {
      ea.process.kill('SIGINT');
      expect(await ea.ended, ea.stderr()).toBe(0);
    }
    await fills.kill('SIGKILL');
    const last = startFills({ settings, paths, log: pino({ level: 'silent' }), print, env: {} });
    await last.pass();
    await last.stop();
    const store = await openStore(paths.trainer);
    trades = await readTrades(store, { market: 'simulated' });
    refusedLines = await readRefusedLines(store);
    await store.close();
  }, 120_000);

  afterAll(async () => {
    await daemon?.stop();
    await redis?.stop();
    await program.remove();
    await place.remove();
  });

  it('kills and restarts as often as planned', () => {
    expect({ kills, trainerKills }).toEqual({ kills: KILLS, trainerKills: TRAINER_KILLS });
    expect(restarts).toBe(redis === null ? 0 : REDIS_RESTARTS);
    expect(entered.size).toBeGreaterThan(10);
  });

  it.each(NAMES)('by %s: nothing is duplicated, nothing is partial, and entries are traded', (name) => {
    if (!ways().includes(name)) return;
    const own = fillsOf(name);
    soundBook(own);
    const opened = new Set(own.filter(({ kind }) => kind === 'open').map(({ position_id }) => position_id));
    // Entries while it was down are missed by design.
    expect(opened.size).toBeGreaterThan(2);
    for (const { signal_id } of own) expect(published).toContain(signal_id);
  });

  it('stores every line of every result.json, once, with its signal', () => {
    const lines = ways().flatMap(linesOf);
    expect(lines.length).toBeGreaterThan(60);
    expect(trades.map(({ line }) => line).sort()).toEqual([...lines].sort());
    for (const { fill_key, line } of trades) expect(fill_key).toBe(fillKey(parseFill(line)));
    for (const { kind, signal_action, signal_price } of trades) {
      expect(signal_action, kind).not.toBeNull();
      if (kind === 'open') expect(signal_action).toBe('ENTER');
      if (kind !== 'refused') expect(signal_price).toBeGreaterThan(0);
    }
    const sources = new Set(trades.map(({ source }) => source));
    expect(sources).toContain('file');
  });

  it('gives no finding except signals missed during an outage', () => {
    const { settings } = place;
    const paths = homePaths({ MINUTEHAND_HOME: place.home });
    const entries = journalLookup(settings, paths).entries('simulated', 0, Date.now() + 1);
    const journaled = new Set(entries.map(({ body }) => body.signal_id));
    for (const id of entered) expect(journaled).toContain(id);
    const found = reconcile({
      trades,
      entries,
      refusedLines,
      nowMs: Date.now(),
      barMs: barIntervalMs(settings),
      settleMs: 0,
    });
    // Entries while a program or Redis was down are missed; positions it held may have become too old.
    const allowed = ['ENTER_WITHOUT_FILL', 'OPEN_TOO_LONG'];
    const others = found.filter(({ code }) => !allowed.includes(code));
    expect(others).toEqual([]);
  });

  it('lists them with their figures, and exports them all', async () => {
    const listed = await output(command('trades', 'list', '--json'));
    const { figures, trades: rows } = JSON.parse(listed) as {
      figures: Record<string, { total: Record<string, number> }>;
      trades: unknown[];
    };
    expect(rows).toHaveLength(trades.length);
    const accounts = Map.groupBy(trades, accountIdOf);
    expect(Object.keys(figures)).toEqual([...accounts.keys()].sort());
    for (const [id, own] of accounts) {
      const { total } = figures[id]!;
      const latencies = own
        .flatMap(({ kind, signal_ms: signalMs, time_ms: timeMs }) =>
          kind === 'refused' || signalMs === null ? [] : timeMs - signalMs,
        )
        .sort((a, b) => a - b);
      expect(total['fills'], id).toBe(own.filter(({ kind }) => kind !== 'refused').length);
      expect(total['slippage_bps'], id).toBeGreaterThan(0);
      expect(total['latency_ms_p50'], id).toBe(latencies[Math.ceil(latencies.length / 2) - 1]);
      expect(total['win_rate'], id).toBeGreaterThanOrEqual(0);
    }
    const checked = JSON.parse(await output(command('trades', 'check', '--json'))) as {
      fills: number;
      findings: unknown[];
    };
    expect(checked).toMatchObject({ market: 'simulated', fills: trades.length });
    const csv = await output(command('trades', 'export'));
    expect(csv.trim().split('\n')).toHaveLength(trades.length + 1);
    exported = csv;
  });

  it.skipIf(PANDAS === null)(
    `has exports that the example in pandas reads${skipNote(PANDAS === null, NO_PANDAS)}`,
    () => {
      const fillsFile = join(place.folder, 'trades.csv');
      writeFileSync(fillsFile, exported);
      const { stdout, stderr } = spawnSync(PANDAS!, [EXAMPLE, '--trades', fillsFile], { encoding: 'utf8' });
      expect(stderr).toBe('');
      const closed = trades
        .filter(({ kind }) => kind === 'close')
        .map((one) => `${one.account} ${one.place} ${one.position_id}`);
      expect(stdout).toContain(`\n${new Set(closed).size} closed positions\n`);
      const sum = trades.reduce((total, { kind, pnl }) => total + (kind === 'close' ? (pnl ?? 0) : 0), 0);
      const days = [...stdout.matchAll(/\d{4}-\d\d-\d\d +(-?[\d.]+) +\d+$/gm)];
      expect(days.reduce((total, [, result]) => total + Number(result), 0)).toBeCloseTo(sum, 1);
    },
  );
});

async function output({ process: child, ended }: RunningProgram): Promise<string> {
  let text = '';
  child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await ended;
  return text;
}

/** Both legs or none, each opened once and closed at most once, one position per pair at a time. */
function soundBook(fills: readonly Fill[]): void {
  const keys = fills.map(fillKey);
  expect(new Set(keys).size).toBe(keys.length);
  const holding = new Map<string, string>();
  const legs = new Map<string, string>();
  for (const { kind, position_id: id, pair_id: pairId, leg } of fills) {
    if (kind === 'refused') continue;
    const key = `${kind} ${id}`;
    legs.set(key, (legs.get(key) ?? '') + leg);
    if (kind === 'open' && leg === 'A') {
      expect(holding.get(pairId), pairId).toBeUndefined();
      holding.set(pairId, id);
    }
    if (kind === 'close' && leg === 'B') {
      expect(holding.get(pairId)).toBe(id);
      holding.delete(pairId);
    }
  }
  for (const [key, both] of legs) expect(both, key).toBe('AB');
}
