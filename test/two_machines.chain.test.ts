import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { IS_WEEKLY, WEEKLY_NOTE } from './weekly.ts';
import { runMachinesInside } from '../daemon/lease/machines_inside.fixture.ts';
import { buildDaemonProgram, type Program } from './program.ts';
import { requireRedis } from './redis_server.ts';
import { tinyBars, tinySettings, tinyModels } from './tiny_models.ts';
import { POSTGRES_NOTE, startPostgres } from '../trainer/store/postgres_server.fixture.ts';
import { byMinute } from '../daemon/pipeline.fixture.ts';
import {
  HAS_NAMESPACES,
  NAMESPACES_NOTE,
  openNamespace,
  openProxies,
} from '../daemon/lease/machine_network.fixture.ts';
import { leaseKey } from '../daemon/lease/redis_lease.ts';
import {
  EVENTS,
  NETWORK_EVENTS,
  runTwoMachines,
  SERVER_EVENTS,
  type EventKind,
  type LeaseServer,
  type TwoMachinesReport,
} from '../daemon/lease/two_machines.fixture.ts';
import { checkTwoMachines, describeRun, wasHeldUp } from '../daemon/lease/two_machines_checks.fixture.ts';

/** `LEASE_EVENTS=dark,both` replaces the events of whole processes. */
const CHOSEN_EVENTS = process.env['LEASE_EVENTS']?.split(',') as EventKind[] | undefined;
/** Of events, with each kind of lease server; see `eventsFor`. */
const LONG_MINUTES = Number(process.env['LEASE_MINUTES'] ?? 10);
/** A minute takes half of it. A daemon that a busy machine holds up for eight minutes takes them as history. */
const LEASE_SECONDS = Number(process.env['LEASE_SECONDS'] ?? (IS_WEEKLY ? 1 : 0.5));
/**
 * A machine that holds a daemon up for longer than the lease lasts is tried again with longer ones: by these times a
 * lease that is lost without a reason is a fault of the daemon.
 */
const SLOWER = IS_WEEKLY ? [1] : [1, 3, 8];
/** Market minutes of one event at most, waits for a restarted daemon included. */
const MINUTES_PER_EVENT = 60;
/** Backlog of a suspended machine when it resumes. */
const LONG_PAUSE_MS = 10_000;
/** Of the first fence before the clock of the server. */
const AHEAD_MS = 3_600_000;
/** In CI; `part` comes with PostgreSQL. */
const PROCESS_EVENTS = ['kill', 'end', 'cut', 'pause', 'clock', 'power'] as const;
/** Twice as many as pass. */
const MARKET_MINUTES_PER_MINUTE = (2 * 60_000) / (500 * LEASE_SECONDS);
const ON_PROXIES = HAS_NAMESPACES ? '' : ' (on proxies)';
const LONG_NAMESPACES_NOTE = IS_WEEKLY ? NAMESPACES_NOTE : WEEKLY_NOTE;
const SEED = process.env['LEASE_SEED'] ?? 'lease';

let folder: string;
let start: Program['start'];
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
      // By the clock of the tests, which is 120 to 400 times as fast.
      inference: { slow_ms: 60_000 },
    },
  });
  ({ path: bundle, version } = await tinyModels(join(folder, 'trained'), { market: 'live', settings }));
}, 240_000);
afterAll(async () => {
  await remove();
  rmSync(folder, { recursive: true, force: true });
});

/** A new pair of servers for each try. */
type OpenServers = () => Promise<{
  readonly redisPort: number;
  readonly leaseServer: LeaseServer;
  stop(): Promise<void>;
}>;

/** On namespaces where they are possible, else on proxies. */
async function run(
  name: string,
  openServers: OpenServers,
  events: () => Iterable<EventKind>,
  minutesOfEvents: number,
): Promise<TwoMachinesReport> {
  for (const [attempt, times] of SLOWER.entries()) {
    const { redisPort, leaseServer, stop } = await openServers();
    try {
      const seconds = times * LEASE_SECONDS;
      const report = await runOnce(`${name}_${attempt}`, redisPort, leaseServer, events(), minutesOfEvents, seconds);
      if (attempt < SLOWER.length - 1 && wasHeldUp(report)) continue;
      await check(report);
      return report;
    } finally {
      await stop();
    }
  }
  throw new Error('no attempt');
}

async function runOnce(
  name: string,
  redisPort: number,
  leaseServer: LeaseServer,
  events: Iterable<EventKind>,
  minutesOfEvents: number,
  leaseSeconds: number,
): Promise<TwoMachinesReport> {
  const warmup = warmupBars(settings.minutehand.windows);
  const market = byMinute(tinyBars(settings, warmup + minutesOfEvents));
  return runTwoMachines({
    folder: join(folder, name),
    settings,
    bundle,
    redisPort,
    leaseServer,
    events,
    // Half a lease.
    minuteMs: 500 * leaseSeconds,
    start,
    openNetwork: HAS_NAMESPACES ? openNamespace : openProxies,
    pauseMs: IS_WEEKLY ? LONG_PAUSE_MS : 0,
    leaseSeconds,
    history: market.slice(0, warmup),
    minutes: market.slice(warmup),
    rng: createRng(SEED),
  });
}

/**
 * A Redis of bars, signals and lease. Started again it is empty.
 * @param aheadMs of its first fence before its clock
 */
async function redisAsLeaseServer(
  context: Parameters<typeof requireRedis>[0],
  aheadMs: number,
): ReturnType<OpenServers> {
  const data = join(folder, 'redis_data');
  mkdirSync(data, { recursive: true });
  let redis = await requireRedis(context, [], undefined, data);
  const { port } = redis;
  const client = new Redis(redis.url, { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  await client.hset(leaseKey('live:main'), { holder: '', fence: Date.now() + aheadMs, beat: 1 });
  const startAgain = async (): Promise<void> => {
    await redis.kill();
    redis = await requireRedis(context, [], port, data);
  };
  const server: LeaseServer = {
    port,
    url: (address) => `redis://${address}`,
    hang: () => redis.pause(),
    resume: () => redis.resume(),
    async restart() {
      rmSync(join(data, 'dump.rdb'), { force: true });
      await startAgain();
    },
    isDurable: false,
    async replicate() {
      await client.save();
      return startAgain;
    },
  };
  const stop = async (): Promise<void> => {
    client.disconnect();
    await redis.stop();
    rmSync(data, { recursive: true, force: true });
  };
  return { redisPort: port, leaseServer: server, stop };
}

/** In turn, until the time is over. */
function* eventsFor(kinds: readonly EventKind[], minutes: number): Iterable<EventKind> {
  const untilMs = performance.now() + 60_000 * minutes;
  const rng = createRng(`${SEED} kinds`);
  while (performance.now() < untilMs) yield kinds[Math.floor(rng.uniform() * kinds.length)]!;
}

/** Of this run's bundle, without the cross-check that the daemons have made. */
const check = (report: TwoMachinesReport): Promise<void> => {
  if (IS_WEEKLY || CHOSEN_EVENTS !== undefined) process.stderr.write(`${describeRun(report)}\n`);
  const { pairs, windows } = settings.minutehand;
  const schema = featureSchema(windows);
  const loadModels = (models: string) => loadModelSet(join(models, version), schema, pairs.length);
  return checkTwoMachines(report, { settings, loadModels });
};

/** With the events of whole processes above a hundred; in the long form above a thousand. */
const INSIDE_WORLDS = 4;
const INSIDE_LEASE_SECONDS = 0.3;
const INSIDE_ROUNDS = Number(process.env['LEASE_ROUNDS'] ?? (IS_WEEKLY ? 42 : 4));

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
            folder: join(folder, `inside_${world}`),
            settings,
            bundle,
            redis,
            name: `live:inside_${world}`,
            leaseSeconds: INSIDE_LEASE_SECONDS,
            minuteMs: 150,
            pauseMs: INSIDE_ROUNDS > 4 ? LONG_PAUSE_MS : 0,
            history: market.slice(0, warmup),
            minutes: market.slice(warmup),
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
          expect(report.events).toHaveLength(INSIDE_ROUNDS * EVENTS.length);
          await check(report);
          // The clock of the test waits for the machines, so that none is held up.
          const silent = report.events.filter(({ saidHalt }) => saidHalt === false);
          const late = report.events.filter(({ takeoverMs }) => takeoverMs! >= 2 * 1000 * INSIDE_LEASE_SECONDS);
          expect({ silent, late }).toEqual({ silent: [], late: [] });
        }
      } finally {
        for (const redis of servers) await redis.stop();
      }
    },
  );

  it(
    `never both speak, leave no minute out and replay, as processes with Redis: kills, cuts, pauses, clock steps, a server that is lost${ON_PROXIES}`,
    { timeout: 600_000 },
    async (context) => {
      const kinds = CHOSEN_EVENTS ?? [...PROCESS_EVENTS, ...(HAS_NAMESPACES ? (['dark', 'both'] as const) : [])];
      const open: OpenServers = () => redisAsLeaseServer(context, AHEAD_MS);
      const report = await run('redis', open, () => kinds, kinds.length * MINUTES_PER_EVENT);
      expect(report.events).toHaveLength(kinds.length);
      expect(report.events.some(({ saidHalt }) => saidHalt)).toBe(true);
    },
  );

  it(
    `never both speak with PostgreSQL, which hangs and starts again${POSTGRES_NOTE}`,
    { timeout: 600_000 },
    async (context) => {
      const kinds: readonly EventKind[] = ['part', 'hang', 'restart'];
      await withPostgres(context, 'postgres', () => kinds, kinds.length * MINUTES_PER_EVENT);
    },
  );

  it.runIf(IS_WEEKLY && HAS_NAMESPACES)(
    `never both speak in namespaces with Redis, for minutes${LONG_NAMESPACES_NOTE}`,
    { timeout: 240_000 + LONG_MINUTES * 120_000 },
    async (context) => {
      const events = (): Iterable<EventKind> => eventsFor([...NETWORK_EVENTS, ...SERVER_EVENTS, 'older'], LONG_MINUTES);
      const open: OpenServers = () => redisAsLeaseServer(context, 0);
      expectHalts(await run('long', open, events, LONG_MINUTES * MARKET_MINUTES_PER_MINUTE));
    },
  );

  it.runIf(IS_WEEKLY && HAS_NAMESPACES)(
    `never both speak in namespaces with PostgreSQL, for minutes${LONG_NAMESPACES_NOTE}${POSTGRES_NOTE}`,
    { timeout: 240_000 + LONG_MINUTES * 120_000 },
    async (context) => {
      const events = (): Iterable<EventKind> => eventsFor([...NETWORK_EVENTS, ...SERVER_EVENTS], LONG_MINUTES);
      expectHalts(await withPostgres(context, 'long_postgres', events, LONG_MINUTES * MARKET_MINUTES_PER_MINUTE));
    },
  );
});

/** A machine that is held up for a fifth of the lease's duration cannot publish it. */
function expectHalts({ events }: TwoMachinesReport): void {
  const halts = events.flatMap(({ saidHalt }) => saidHalt ?? []);
  expect(halts.filter((said) => said).length / halts.length).toBeGreaterThan(0.8);
}

function withPostgres(
  context: Parameters<typeof requireRedis>[0],
  name: string,
  events: () => Iterable<EventKind>,
  minutesOfEvents: number,
): Promise<TwoMachinesReport> {
  return run(name, () => postgresAsLeaseServer(context), events, minutesOfEvents);
}

async function postgresAsLeaseServer(context: Parameters<typeof requireRedis>[0]): ReturnType<OpenServers> {
  const postgres = await startPostgres();
  if (postgres === null) return context.skip('PostgreSQL is not installed');
  const redis = await requireRedis(context);
  const database = await postgres.createDatabase();
  const leaseServer: LeaseServer = {
    port: postgres.port,
    url: (address) => database.replace(`127.0.0.1:${postgres.port}`, address),
    hang: () => postgres.pause(),
    resume: () => postgres.resume(),
    restart: () => postgres.restart(),
    isDurable: true,
  };
  const stop = async (): Promise<void> => {
    await redis.stop();
    await postgres.stop();
  };
  return { redisPort: redis.port, leaseServer, stop };
}
