import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { openJournal } from '../shared/store/journal.ts';
import { IS_LONG, LONG_NOTE } from './long.ts';
import { runMachinesInside } from '../daemon/lease/machines_inside.fixture.ts';
import { buildDaemonProgram, type RunningProgram } from './program.ts';
import { requireRedis, type RedisServer } from './redis_server.ts';
import { tinyBars, tinySettings, trainTinyModels } from './tiny_models.ts';
import { POSTGRES_NOTE, startPostgres } from '../trainer/store/postgres_server.fixture.ts';
import { replayJournal } from '../daemon/feed/replay.ts';
import { byMinute } from '../daemon/pipeline.fixture.ts';
import {
  EVENTS,
  runTwoMachines,
  type EventKind,
  type HeardSignal,
  type TwoMachinesOptions,
  type TwoMachinesReport,
} from '../daemon/lease/two_machines.fixture.ts';

/** `LEASE_EVENTS=1000 npx vitest run test/two_machines.test.ts` is the long form of `npm run test:long`: 41 minutes. */
const LONG_EVENTS = Number(process.env['LEASE_EVENTS'] ?? (IS_LONG ? 1000 : 0));
const MINUTE_MS = 250;
const LEASE_SECONDS = 0.5;
/** Maximum market minutes per event, including waits for a restarted daemon. */
const MINUTES_PER_EVENT = 60;
/** Backlog of a suspended machine when it resumes. */
const LONG_PAUSE_MS = 10_000;
const STEPPED_MS = 1_800_000;
const SEED = process.env['LEASE_SEED'] ?? 'lease';

let folder: string;
let start: (args: readonly string[], env?: NodeJS.ProcessEnv) => RunningProgram;
let remove = (): Promise<void> => Promise.resolve();
let settings: Settings;
let bundle: string;
let version: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-lease-'));
  ({ start, remove } = await buildDaemonProgram());
  settings = tinySettings({
    minutehand: {
      market: 'live',
      // A signal is valid for 14 minutes, so that a busy machine misses no minute.
      feed: { interval_ms: 240_000, straggler_timeout_ms: 50_000 },
      transports: { redis: { command_timeout_ms: 20_000, max_batches_in_flight: 64 } },
    },
  });
  ({ path: bundle, version } = await trainTinyModels(join(folder, 'trained'), { market: 'live', settings }));
});
afterAll(async () => {
  await remove();
  rmSync(folder, { recursive: true, force: true });
});

async function run(
  name: string,
  redis: RedisServer,
  events: readonly EventKind[],
  leaseServer?: TwoMachinesOptions['leaseServer'],
): Promise<TwoMachinesReport> {
  const warmup = warmupBars(settings.minutehand.windows);
  const market = byMinute(tinyBars(settings, warmup + (events.length + 6) * MINUTES_PER_EVENT));
  return runTwoMachines({
    ...{ folder: join(folder, name), settings, bundle, redis, events, minuteMs: MINUTE_MS, start },
    pauseMs: name === 'long' ? LONG_PAUSE_MS : 0,
    ...(leaseServer === undefined ? {} : { leaseServer }),
    leaseSeconds: LEASE_SECONDS,
    history: market.slice(0, warmup),
    minutes: market.slice(warmup),
    rng: createRng(SEED),
  });
}

const obeyed = ({ heard }: TwoMachinesReport): HeardSignal[] =>
  heard.filter(({ verdict }) => verdict.verdict === 'obey');

/** Each fence has one writer, and no two fences overlap in time. */
function checkWriters(report: TwoMachinesReport): void {
  const byFence = new Map<number, HeardSignal[]>();
  for (const one of report.heard) {
    const fence = one.signal.fence!;
    byFence.set(fence, [...(byFence.get(fence) ?? []), one]);
  }
  for (const [fence, ofFence] of byFence)
    expect(new Set(ofFence.map(({ signal }) => signal.boot_id)).size, `writers of fence ${fence}`).toBe(1);
  let highest = 0;
  for (const { signal } of obeyed(report)) {
    expect(signal.fence).toBeGreaterThanOrEqual(highest);
    highest = signal.fence!;
  }
  // By the shared clock of the machines: publication under a fence ends before the next fence begins.
  const spans = [...byFence]
    // Stamps of a clock that was set forward by an hour are left out, whatever the consumer's reason for refusing them.
    .map(([fence, all]) => ({
      fence,
      all: all.filter(({ signal, atMs }) => signal.generated_at_ms < atMs + STEPPED_MS),
    }))
    .filter(({ all }) => all.length > 0)
    .map(({ fence, all }) => {
      const times = all.map(({ signal }) => signal.generated_at_ms);
      return { fence, from: Math.min(...times), to: Math.max(...times) };
    })
    .sort((x, y) => x.fence - y.fence);
  for (let i = 1; i < spans.length; i++) expect(spans[i]!.from).toBeGreaterThanOrEqual(spans[i - 1]!.to);
}

/** Every pair has an obeyed answer to every minute sent. */
function checkMinutes(report: TwoMachinesReport): void {
  for (const pairId of settings.minutehand.pairs) {
    const answered = new Set(
      obeyed(report)
        .filter(({ signal }) => signal.pair_id === pairId && !['SILENCE', 'SHUTDOWN'].includes(signal.reason))
        .map(({ signal }) => Date.parse(signal.timestamp) / 1000 - 60),
    );
    const missing = report.sent.slice(0, -2).filter((time) => !answered.has(time));
    expect(missing, `${pairId}: minutes left out of ${report.sent.length}`).toEqual([]);
  }
}

async function checkReplays({ homes }: TwoMachinesReport): Promise<void> {
  const { pairs, windows } = settings.minutehand;
  for (const paths of homes) {
    const store = openJournal(paths.journal('live', 'main'), { readOnly: true });
    const { differences } = await replayJournal({
      settings,
      pairIds: pairs,
      clock: MACHINE_CLOCK,
      bootId: 'replay',
      store,
      loadModels: () => loadModelSet(join(paths.models, version), featureSchema(windows), pairs.length),
      onSignals: () => undefined,
    });
    store.close();
    expect(differences).toEqual([]);
  }
}

async function checkAll(report: TwoMachinesReport): Promise<void> {
  checkWriters(report);
  checkMinutes(report);
  await checkReplays(report);
  if (process.env['LEASE_EVENTS'] !== undefined || INSIDE_ROUNDS > 4) process.stderr.write(`${describeRun(report)}\n`);
}

function describeRun({ takeovers, heard }: TwoMachinesReport): string {
  const refused = new Map<string, number>();
  for (const { verdict } of heard)
    if (verdict.verdict === 'refuse') refused.set(verdict.code, (refused.get(verdict.code) ?? 0) + 1);
  const lines = EVENTS.map((kind) => {
    const ms = takeovers.filter((one) => one.kind === kind).map((one) => one.ms);
    ms.sort((x, y) => x - y);
    return `${kind}: ${ms.length}, takeover median ${ms[ms.length >> 1]?.toFixed(0)}, worst ${ms.at(-1)?.toFixed(0)} ms`;
  });
  return [...lines, `refused: ${JSON.stringify(Object.fromEntries(refused))}`].join('\n');
}

/** With the events of whole processes above a hundred; in the long form above a thousand. */
const INSIDE_WORLDS = 4;
const INSIDE_ROUNDS = Number(process.env['LEASE_ROUNDS'] ?? (IS_LONG ? 42 : 4));

describe('two machines with one lease', () => {
  it(
    'never both speak, leave no minute out and replay in a hundred events inside one process',
    { timeout: INSIDE_ROUNDS > 4 ? 1_800_000 : 240_000 },
    async (context) => {
      // One each, because all daemons of a server publish on one channel.
      const servers = await Promise.all(Array.from({ length: INSIDE_WORLDS }, () => requireRedis(context)));
      const warmup = warmupBars(settings.minutehand.windows);
      const market = byMinute(tinyBars(settings, warmup + INSIDE_ROUNDS * EVENTS.length * MINUTES_PER_EVENT));
      try {
        const worlds = servers.map((redis, world) =>
          runMachinesInside({
            ...{ folder: join(folder, `inside_${world}`), settings, bundle, redis, name: `live:inside_${world}` },
            ...{
              leaseSeconds: 0.3,
              minuteMs: 150,
              pauseMs: INSIDE_ROUNDS > 4 ? LONG_PAUSE_MS : 0,
              history: market.slice(0, warmup),
              minutes: market.slice(warmup),
            },
            events: Array.from(
              { length: INSIDE_ROUNDS * EVENTS.length },
              (_, i) => EVENTS[(i + world) % EVENTS.length]!,
            ),
            rng: createRng(`${SEED} ${world}`),
            loadModels: (path) =>
              loadModelSet(path, featureSchema(settings.minutehand.windows), settings.minutehand.pairs.length, {
                crossCheck: false,
              }),
          }),
        );
        for (const report of await Promise.all(worlds)) {
          expect(report.takeovers).toHaveLength(INSIDE_ROUNDS * EVENTS.length);
          await checkAll(report);
        }
      } finally {
        for (const redis of servers) await redis.stop();
      }
    },
  );

  it(
    'never both speak, leave no minute out and replay, through kills, ends, cuts, pauses and clock steps, with Redis',
    { timeout: 240_000 },
    async (context) => {
      const redis = await requireRedis(context);
      try {
        const report = await run('redis', redis, EVENTS);
        expect(report.takeovers).toHaveLength(EVENTS.length);
        await checkAll(report);
      } finally {
        await redis.stop();
      }
    },
  );

  it(`never both speak with PostgreSQL${POSTGRES_NOTE}`, { timeout: 90_000 }, async (context) => {
    const postgres = await startPostgres();
    if (postgres === null) return context.skip('PostgreSQL is not installed');
    const redis = await requireRedis(context);
    try {
      const database = await postgres.createDatabase();
      const url = (port: number): string => database.replace(`:${postgres.port}/`, `:${port}/`);
      await checkAll(await run('postgres', redis, ['kill', 'part'], { port: postgres.port, url }));
    } finally {
      await redis.stop();
      await postgres.stop();
    }
  });

  it.skipIf(LONG_EVENTS === 0)(
    `never both speak in ${LONG_EVENTS} events${LONG_NOTE}`,
    { timeout: 240_000 + LONG_EVENTS * 20_000 },
    async (context) => {
      const redis = await requireRedis(context);
      try {
        const events = Array.from({ length: LONG_EVENTS }, (_, i) => EVENTS[i % EVENTS.length]!);
        await checkAll(await run('long', redis, events));
      } finally {
        await redis.stop();
      }
    },
  );
});
