import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import type { HomePaths } from '../shared/home.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { verifySignal } from '../shared/signal/verify.ts';
import { openJournal } from '../shared/store/journal.ts';
import { buildDaemonProgram, runProgram, type RunningProgram } from '../test/program.ts';
import { freePort, startRedis, type RedisServer } from '../test/redis_server.ts';
import { tinyBars, tinySettings, tinyModels } from '../test/tiny_models.ts';
import { replayJournal } from './replay.ts';
import {
  makeHome,
  runHandovers,
  sendBars,
  type Handover,
  type HandoverReport,
  type Received,
} from './handover.fixture.ts';
import { byMinute } from './pipeline.fixture.ts';
import { Database } from '../shared/store/sqlite.ts';

/**
 * The long form is `HANDOVERS=1000 HANDOVER_PROGRAM=<compiled daemon_program> npx vitest run` with
 * `daemon/handover.chain.test.ts`.
 */
const HANDOVERS = Number(process.env['HANDOVERS'] ?? 5);
const COMPILED = process.env['HANDOVER_PROGRAM'];
const MINUTE_MS = Number(process.env['HANDOVER_MINUTE_MS'] ?? 150);
const MINUTES_PER_HANDOVER = 150;
const SEED = process.env['HANDOVER_SEED'] ?? 'handover';

let folder: string;
let redis: RedisServer | null;
let start: (args: readonly string[], env?: NodeJS.ProcessEnv) => RunningProgram;
let remove = (): Promise<void> => Promise.resolve();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-handover-'));
  redis = await startRedis();
  if (COMPILED !== undefined) start = (args, env = {}) => runProgram([COMPILED, ...args], env);
  else ({ start, remove } = await buildDaemonProgram());
});
afterAll(async () => {
  await remove();
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Row {
  readonly boot_id: string;
  readonly seq: number;
  readonly pair_id: string;
  readonly time: number;
  readonly body: string;
  readonly position: string;
}
const isShutdown = ({ body }: Row): boolean => body.includes('"reason":"SHUTDOWN"');

function read<T>(paths: HomePaths, query: string): T[] {
  const db = new Database(paths.journal('live', 'main'), { readonly: true });
  const rows = db.prepare(query).all() as T[];
  db.close();
  return rows;
}
const signalsOf = (paths: HomePaths): Row[] => read(paths, 'SELECT * FROM signals ORDER BY signal_row');

/** A daemon that is never ended gets the same minutes. */
async function runCalm(
  settings: Settings,
  bundle: string,
  minutes: Parameters<typeof sendBars>[1],
): Promise<HomePaths> {
  const { paths, file } = makeHome(join(folder, 'calm'), settings, bundle);
  const daemon = start([file], { MINUTEHAND_HOME: paths.home });
  let port = 0;
  while (port === 0) port = (JSON.parse(await daemon.line()) as { port?: number }).port ?? 0;
  const warmup = warmupBars(settings.minutehand.windows);
  const url = `http://127.0.0.1:${port}`;
  await sendBars(url, minutes.slice(0, warmup), '?backfill=1');
  for (let at = warmup; at < minutes.length; at += 100) await sendBars(url, minutes.slice(at, at + 100));
  await daemon.kill('SIGKILL');
  return paths;
}

describe('daemons that take over from each other', () => {
  it(
    'never both publish, leave no minute out, and together publish the signals of one daemon that never ended',
    { timeout: 60_000 + HANDOVERS * 20_000 },
    async (context) => {
      if (redis === null) return context.skip('redis-server is not installed');
      const settings = tinySettings({
        minutehand: {
          market: 'live',
          // No leg of a minute may time out: that would depend on when the end came.
          feed: { straggler_timeout_ms: 50_000 },
          transports: {
            daemon: { port: await freePort() },
            // A busy machine must not be taken for a stalled Redis: what such a Redis misses is lost.
            redis: { enabled: 'auto', url: redis.url, command_timeout_ms: 20_000, max_batches_in_flight: 64 },
          },
        },
      });
      const { path: bundle, version } = await tinyModels(join(folder, 'trained'), { market: 'live', settings });
      const warmup = warmupBars(settings.minutehand.windows);
      const market = byMinute(tinyBars(settings, warmup + HANDOVERS * MINUTES_PER_HANDOVER));
      const report = await runHandovers({
        folder: join(folder, 'rough'),
        settings,
        bundle,
        handovers: HANDOVERS,
        minuteMs: MINUTE_MS,
        history: market.slice(0, warmup),
        minutes: market.slice(warmup),
        rng: createRng(SEED),
        start,
        onProgress: (done) => {
          if (process.env['HANDOVERS'] !== undefined && done % 10 === 0)
            process.stderr.write(`${new Date().toISOString()} ${done} of ${HANDOVERS}\n`);
        },
      });
      expect(report.handovers).toHaveLength(HANDOVERS);
      const { pairs, windows } = settings.minutehand;
      const rows = signalsOf(report.paths);
      const published = market.slice(warmup, warmup + report.minutes).map(({ time }) => time);

      const twice = checkOrder(report.byRedis, report.handovers, rows);
      if (process.env['HANDOVERS'] !== undefined) process.stderr.write(`${describeRun(report, rows, twice)}\n`);
      checkOrder(report.byWebSocket, report.handovers, rows);
      checkShutdowns(report, pairs, rows);
      // The sockets of WebSocket come first: a daemon may be killed right behind them, and then its successor answers
      // again.
      const bodies = new Set(report.byRedis.map(bodyOf));
      expect(report.byWebSocket.filter((one) => !bodies.has(bodyOf(one)))).toEqual([]);

      const calm = await runCalm(
        {
          ...settings,
          minutehand: {
            ...settings.minutehand,
            transports: {
              ...settings.minutehand.transports,
              redis: { ...settings.minutehand.transports.redis, enabled: 'off' },
            },
          },
        },
        bundle,
        market.slice(0, warmup + report.minutes),
      );
      const expected = signalsOf(calm);
      for (const pairId of pairs) {
        const mine = (of: readonly Row[]): Row[] =>
          of.filter(({ pair_id, ...row }) => pair_id === pairId && !isShutdown({ pair_id, ...row }));
        const essence = ({ time, body, position }: Row): unknown[] => [time, body, position];
        expect(mine(rows).map(({ time }) => time)).toEqual(published);
        expect(mine(rows).map(essence)).toEqual(mine(expected).map(essence));
        // No signal is missing for a reader of Redis either.
        const receivedTimes = report.byRedis
          .filter(({ signal }) => signal.pair_id === pairId && signal.reason !== 'SHUTDOWN')
          .map(({ signal }) => Date.parse(signal.timestamp) / 1000 - 60);
        expect([...new Set(receivedTimes)]).toEqual(published);
        const file = readFileSync(join(report.paths.signals, pairId, 'signal.json'), 'utf8');
        expect(verifySignal(file)).toMatchObject({
          reason: 'SHUTDOWN',
          mode: 'HALT',
          boot_id: report.handovers.at(-1)!.nextBootId,
        });
      }
      for (const bootId of new Set(rows.map(({ boot_id }) => boot_id))) {
        for (const pairId of pairs) {
          const seqs = rows.filter((row) => row.boot_id === bootId && row.pair_id === pairId).map(({ seq }) => seq);
          expect(seqs).toEqual(seqs.map((_, i) => i + 1));
        }
      }
      const bars = (paths: HomePaths): unknown[] =>
        read(
          paths,
          "SELECT subject, time, open, high, low, close FROM inputs WHERE kind = 'bar' ORDER BY subject, time, input_id",
        );
      expect(bars(report.paths)).toEqual(bars(calm));

      const store = openJournal(report.paths.journal('live', 'main'), { readOnly: true });
      const { differences } = await replayJournal({
        settings,
        pairIds: pairs,
        clock: MACHINE_CLOCK,
        bootId: 'replay',
        store,
        loadModels: () => loadModelSet(join(report.paths.models, version), featureSchema(windows), pairs.length),
        onSignals: () => undefined,
      });
      store.close();
      expect(differences).toEqual([]);
    },
  );
});

/**
 * The publications of two boots never overlap; a minute is answered once, but for one that a killed daemon had
 * published and not journaled: its successor gives the very same answer again.
 * @returns how many were answered again
 */
function checkOrder(received: readonly Received[], handovers: readonly Handover[], rows: readonly Row[]): number {
  const killed = new Set(handovers.filter(({ how }) => how === 'SIGKILL').map(({ bootId }) => bootId));
  const journaled = new Set(rows.map(({ boot_id, pair_id, seq }) => `${boot_id} ${pair_id} ${seq}`));
  const first = new Map<string, Received>();
  const newest = new Map<string, string>();
  let twice = 0;
  let bootId = '';
  for (const one of received) {
    const { signal } = one;
    expect(signal.boot_id >= bootId, `${signal.boot_id} after ${bootId}`).toBe(true);
    bootId = signal.boot_id;
    if (signal.reason === 'SHUTDOWN') continue;
    const minute = `${signal.pair_id} ${signal.timestamp}`;
    const before = first.get(minute);
    if (before === undefined) {
      expect(
        signal.timestamp > (newest.get(signal.pair_id) ?? ''),
        `${minute} after ${newest.get(signal.pair_id)}`,
      ).toBe(true);
      newest.set(signal.pair_id, signal.timestamp);
      first.set(minute, one);
      continue;
    }
    // A reconnecting WebSocket client gets the last signal again.
    if (before.text === one.text) continue;
    twice++;
    expect(bodyOf(one)).toBe(bodyOf(before));
    expect(killed).toContain(before.signal.boot_id);
    const { boot_id, pair_id, seq } = before.signal;
    expect(journaled).not.toContain(`${boot_id} ${pair_id} ${seq}`);
  }
  return twice;
}

const bodyOf = ({ text }: Received): string => text.slice(0, text.indexOf(',"schema":'));

/**
 * A daemon that ends by SIGTERM and has no standby publishes SHUTDOWN of every pair, last of all; one that has a
 * standby, or is killed, publishes none. The last daemon of the run has no standby either.
 */
function checkShutdowns({ handovers, byRedis }: HandoverReport, pairs: readonly string[], rows: readonly Row[]): void {
  const last = { how: 'SIGTERM', bootId: handovers.at(-1)!.nextBootId, standby: 'none' } as const;
  for (const { how, bootId, standby } of [...handovers, last]) {
    const printed = byRedis.filter(({ signal }) => signal.boot_id === bootId);
    const shutdowns = printed.filter(({ signal }) => signal.reason === 'SHUTDOWN');
    // A standby that had just been started may have become ready before the daemon looked.
    const isLast = how === 'SIGTERM' && (standby === 'starting' ? shutdowns.length > 0 : standby === 'none');
    const expected = isLast ? [...pairs].sort() : [];
    expect(shutdowns.map(({ signal }) => signal.pair_id).sort(), `${how}, standby ${standby}`).toEqual(expected);
    expect(printed.slice(printed.length - shutdowns.length)).toEqual(shutdowns);
    expect(rows.filter((row) => row.boot_id === bootId && isShutdown(row))).toHaveLength(shutdowns.length);
  }
}

/** Figures for people. */
function describeRun(
  { handovers, killedStandbys, byRedis, minutes, dueMs }: HandoverReport,
  rows: readonly Row[],
  twice: number,
): string {
  const firstSignal = new Map<string, number>();
  for (const { signal, atMs } of byRedis) if (!firstSignal.has(signal.boot_id)) firstSignal.set(signal.boot_id, atMs);
  const receivedMs = new Map<number, number>();
  for (const { signal, atMs } of byRedis) {
    const time = Date.parse(signal.timestamp) / 1000 - 60;
    if (signal.reason !== 'SHUTDOWN' && !receivedMs.has(time)) receivedMs.set(time, atMs);
  }
  const lateness = [...dueMs].map(([time, at]) => receivedMs.get(time)! - at).sort((x, y) => x - y);
  const figures = (values: readonly number[]): string => {
    const sorted = [...values].sort((x, y) => x - y);
    const at = (share: number): string =>
      (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN).toFixed(0);
    return `n ${sorted.length}, median ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, worst ${at(1)} ms`;
  };
  const lines = [
    `${handovers.length} hand-overs, ${killedStandbys} standbys killed, ${minutes} minutes, ${rows.length} signals, ${twice} signals given again after a kill`,
  ];
  for (const how of ['SIGTERM', 'SIGKILL'] as const)
    for (const standby of ['ready', 'starting', 'none'] as const) {
      const of = handovers.filter((one) => one.how === how && one.standby === standby);
      if (of.length === 0) continue;
      lines.push(
        `${how}, standby ${standby}:`,
        `  until its process is gone        ${figures(of.map(({ endedMs }) => endedMs))}`,
        `  until the next one listens       ${figures(of.map(({ listensMs }) => listensMs))}`,
        `  until the next one's first signal ${figures(of.map(({ nextBootId, atMs }) => (firstSignal.get(nextBootId) ?? NaN) - atMs).filter((ms) => !Number.isNaN(ms)))}`,
      );
    }
  lines.push(`from a minute's end until its signal: ${figures(lateness)} (a minute every ${MINUTE_MS} ms)`);
  return lines.join('\n');
}
