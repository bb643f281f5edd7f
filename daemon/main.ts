import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { announce } from '../shared/address.ts';
import type { OpenTime } from '../shared/bar.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import { describeError, MinutehandError } from '../shared/errors.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { createAccess } from '../shared/http/access.ts';
import { symbolsOf } from '../shared/pair.ts';
import { shardOf, shardPairs } from '../shared/policy/policy.ts';
import { isLocked, lockHome } from '../shared/store/home_lock.ts';
import { openJournal, type JournalStore } from '../shared/store/journal.ts';
import { assembleDaemon, type Daemon } from './daemon.ts';
import type { DaemonOptions } from './daemon_options.ts';
import { readBarStream } from './feed/redis_stream.ts';
import { startSimulatedFeed, type RunningFeed } from './feed/simulated.ts';
import type { HealthReport } from './health/health.ts';
import { keepRetention } from './journal/retention.ts';
import { watchProgress } from './health/progress.ts';
import { openDaemonLogs } from './log/log.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { watchProcess } from './metrics/process_watch.ts';
import type { Pipeline } from './pipeline.ts';
import { createFileThread } from './publish/file_thread.ts';
import { openServer } from './serve/serve.ts';
import type { Server, ServerOptions } from './serve/server.ts';
import { awaitSuccession, loaderOf, openBus, type Provisions } from './standby.ts';

/** A simulated market makes a week of bars in two hours: it forgets what is older than this many of its minutes. */
const SIMULATED_MEMORY_MINUTES = 30 * 1440;
const FORGET_EVERY_MS = 600_000;
const PROGRESS_MINUTES = 5000;
/** How long a successor waits for the port of a predecessor whose place it has already. */
const PORT_GRACE_MS = 2000;
const PORT_RETRY_MS = 10;

export interface RunningDaemon {
  readonly port: number;
  readonly bootId: string;
  readonly health: () => HealthReport;
  /** See watchProgress. */
  readonly isMoving: () => boolean;
  /**
   * Sends what is under way and, when no other daemon waits to take over, halts every pair; stores the journal, frees port and
   * place, and logs why.
   */
  stop(reason?: string): Promise<void>;
}

/**
 * Starts the data plane on this machine: bars in, signals out.
 * @throws MinutehandError HOME_LOCKED, HOME_UNUSABLE, JOURNAL_WRITE, JOURNAL_DAMAGED, PORT_TAKEN, CONFIG_INVALID
 */
export async function startDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  return run(options, lockHome(placeOf(options)), null);
}

/** The lock of a shard's daemon. Asked first, so that nothing is made for a shard that is not configured. */
function placeOf({ settings, paths, shard }: DaemonOptions): string {
  shardPairs(settings.minutehand, shard);
  return paths.lock(`daemon_${shard}`);
}

/**
 * Starts the data plane when its place is free: at once, or when the daemon that has it ends, however it ends. Until then nothing of
 * the home is touched but the lock of those that wait.
 * @param onWaiting told once when the place is taken and this daemon is the next
 * @returns null when `ending` was aborted while it waited
 * @throws MinutehandError as startDaemon, but HOME_LOCKED; ENGINE_MISSING
 */
export async function standBy(
  options: DaemonOptions,
  ending: AbortSignal,
  onWaiting: () => void,
): Promise<RunningDaemon | null> {
  if (!isLocked(placeOf(options))) {
    try {
      return await startDaemon(options);
    } catch (error) {
      if (!(error instanceof MinutehandError) || error.code !== 'HOME_LOCKED') throw error;
    }
  }
  const succession = await awaitSuccession(options, ending, onWaiting);
  if (succession === null) return null;
  return run(options, succession.unlock, succession.provisions).finally(() => succession.release());
}

async function run(options: DaemonOptions, unlock: () => void, provisions: Provisions | null): Promise<RunningDaemon> {
  const { settings, paths, shard, clock, say } = options;
  const { minutehand } = settings;
  const { market, transports } = minutehand;
  const { redis } = transports;
  const undo: Undo[] = [unlock];
  const logs = openDaemonLogs({
    folder: paths.log,
    level: minutehand.log.level,
    shard,
    budgetMs: minutehand.feed.budget_ms,
  });
  undo.push(() => logs.close());
  const log = logs.events;
  try {
    const journalPath = paths.journal(market, shard);
    const store = openJournal(journalPath);
    undo.push(() => store.close());
    let server: Server | null = null;
    let feed: RunningFeed | null = null;
    let daemon: Daemon | null = null;
    const processWatch = watchProcess();
    undo.push(() => processWatch.close());
    const metrics: Metrics = createMetrics(
      {
        budgetMs: minutehand.feed.budget_ms,
        readyPairs: () => daemon?.pipeline.status.readyPairs ?? 0,
        silentPairs: () => daemon?.pipeline.status.silentPairs.length ?? 0,
        expiredPairs: () => daemon?.pipeline.status.expiredPairs.length ?? 0,
        barsLateSeconds: () => daemon?.lateBars()?.late_seconds ?? 0,
        haltedPairs: () => daemon?.pipeline.status.haltedPairs.length ?? 0,
        connections: () => server?.connections ?? 0,
        degradations: () => daemon?.pipeline.status.degradations.size ?? 0,
        modelCreatedMs: () => {
          const models = daemon?.pipeline.status.models;
          return models ? Date.parse(models.manifest.created) : null;
        },
        engines: () => daemon?.pipeline.status.models?.engines ?? null,
        redisMissed: () => daemon?.redisMissed() ?? 0,
        streamLost: () => daemon?.streamLost() ?? 0,
        signalFileRetries: () => daemon?.publishers.reduce((sum, { retries = 0 }) => sum + retries, 0) ?? 0,
        suspectBars: () => daemon?.pipeline.status.suspectBars ?? new Map<string, number>(),
        publishFailures: () =>
          Object.fromEntries((daemon?.publishers ?? []).map(({ name, failures }) => [name, failures])),
        logLinesLost: () => logs.lost(),
        nowMs: () => clock.nowMs(),
      },
      processWatch,
    );
    const bus = provisions === null ? openBus(options) : provisions.bus;
    undo.push(() => bus?.close());
    const assembled = await assembleDaemon(
      {
        clock,
        scheduler: MACHINE_SCHEDULER,
        files: MACHINE_FILES,
        store,
        bus,
        ...(redis.enabled === 'off' ? {} : { readBarStream: (listener) => readBarStream(redis, listener) }),
        openSignalFiles: (given) =>
          createFileThread({ ...given, scheduler: MACHINE_SCHEDULER, umask: options.signalsUmask ?? null }),
        loadModels: provisions?.loadModels ?? loaderOf(options),
      },
      {
        settings,
        paths,
        shard,
        log,
        say,
        observer: {
          onSignals(batch, timing, models, bootId) {
            metrics.signals(batch, timing);
            logs.batch(batch, timing, models, bootId);
          },
          onBar: (outcome) => metrics.bar(outcome),
          onSwap: () => metrics.swap(),
          onModelsRefused: (code) => metrics.modelRefused(code),
          onModelsFailed: (code) => metrics.modelFailed(code),
        },
        isFeedOpen: () => market === 'live' || feed?.begun === true,
      },
    );
    daemon = assembled;
    undo.push(() => allSettled([server?.close() ?? Promise.resolve(), assembled.stop()]));

    // The first text of a process takes some milliseconds, later ones a fraction of one.
    await metrics.text();
    const { host, allowed_hosts, engine, max_buffered_bytes } = minutehand.transports.daemon;
    const { port } = shardOf(minutehand, shard);
    const opened = await openServerOf(provisions !== null, {
      host,
      port,
      engine,
      routes: [
        ...assembled.routes,
        {
          method: 'GET',
          path: '/metrics',
          handle: async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
        },
      ],
      webSockets: assembled.webSockets,
      maxBodyBytes: minutehand.feed.max_body_bytes,
      maxBufferedBytes: max_buffered_bytes,
      authorize: createAccess({
        host,
        allowedHosts: allowed_hosts,
        token: options.token,
        needsAuthorization: ({ path }) => path === '/bars',
      }),
      onError: (error) => log.error({ err: error }, 'unexpected error'),
    });
    server = opened;
    assembled.attach(opened);
    assembled.readBars();
    undo.push(announce(paths.address(`daemon_${shard}`), { host, port: opened.port }));
    log.info({ port: opened.port, engine: opened.engine, market, boot_id: assembled.bootId }, 'daemon listens');

    if (market === 'simulated') feed = await startSimulated(options, assembled.pipeline, store, log);
    const days = settings.signals.signals_journal_days;
    if (market === 'live' && days !== null) {
      const endRetention = keepRetention({
        store,
        journalPath,
        archivedPath: paths.archivedSignals,
        days,
        files: MACHINE_FILES,
        clock,
        scheduler: MACHINE_SCHEDULER,
        idleWindow: () => assembled.pipeline.idleWindow(),
        onFailure: (error) => log.error(describeError(error), 'old signals not deleted from the journal'),
        onPruned: (signals) => log.debug({ signals }, 'old signals deleted from the journal'),
      });
      undo.push(endRetention);
    }
    undo.push(async () => {
      await feed?.stop();
      await assembled.signOff(() => isLocked(paths.lock(`standby_${shard}`)));
    });
    return {
      port: opened.port,
      bootId: assembled.bootId,
      health: assembled.health,
      isMoving: watchProgress(assembled.pipeline.queue),
      stop(reason = 'asked to') {
        log.info({ reason }, 'daemon ends');
        return unwind(undo);
      },
    };
  } catch (error) {
    await unwind(undo).catch((failure: unknown) => log.error({ err: failure }, 'not everything was undone'));
    throw error;
  }
}

/** A predecessor that was killed may hold the port for a moment longer than its place. */
async function openServerOf(isSuccessor: boolean, options: ServerOptions): Promise<Server> {
  const giveUpMs = performance.now() + (isSuccessor ? PORT_GRACE_MS : 0);
  for (;;) {
    try {
      return await openServer(options);
    } catch (error) {
      if (!(error instanceof MinutehandError) || error.code !== 'PORT_TAKEN' || performance.now() >= giveUpMs)
        throw error;
      await sleep(PORT_RETRY_MS);
    }
  }
}

type Undo = () => Promise<void> | void;

/** Waits for all of it, and then throws what failed first. */
async function allSettled(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === 'rejected') throw result.reason;
}

/** Undoes what was started, last first. A step that fails does not keep the others, such as the lock, from their turn. */
async function unwind(undo: Undo[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of undo.splice(0).reverse()) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

async function startSimulated(
  options: DaemonOptions,
  pipeline: Pipeline,
  store: JournalStore,
  log: Logger,
): Promise<RunningFeed> {
  const { settings, say } = options;
  const { simulated } = settings.minutehand;
  const pairs = shardPairs(settings.minutehand, options.shard);
  const symbols = symbolsOf(pairs).sort();
  const lastTimes = [...pipeline.status.lastTimes.values()];
  const resumeAfter = lastTimes.length === 0 ? null : (Math.max(...lastTimes) as OpenTime);
  say(
    resumeAfter === null
      ? `Simulated market: ${simulated.history_bars} minutes of history for ${symbols.length} symbols …`
      : `Simulated market: goes on after ${new Date(resumeAfter * 1000).toISOString()}.`,
  );
  const feed = await startSimulatedFeed({
    seed: simulated.seed,
    symbols,
    start: (Date.parse(simulated.start) / 1000) as OpenTime,
    historyBars: simulated.history_bars,
    barIntervalMs: simulated.bar_interval_ms,
    resumeAfter,
    sink: pipeline.inputs,
    hasModels: () => pipeline.status.models !== null,
    awaitModelsMs: simulated.await_models_ms,
    settled: () => pipeline.settled(),
    onProgress: (done, total) => {
      if (done === total || done % PROGRESS_MINUTES === 0)
        say(`Simulated market: ${done} of ${total} minutes of history.`);
    },
  });
  const forgetting = setInterval(() => {
    const newest = Math.max(...pipeline.status.lastTimes.values());
    try {
      store.forgetBefore((newest - SIMULATED_MEMORY_MINUTES * 60) as OpenTime);
    } catch (error) {
      log.error(describeError(error), 'old minutes not forgotten');
    }
  }, FORGET_EVERY_MS);
  return {
    get begun() {
      return feed.begun;
    },
    async stop() {
      clearInterval(forgetting);
      await feed.stop();
    },
  };
}
