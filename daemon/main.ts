import type { Logger } from 'pino';
import type { OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import { describeError } from '../shared/errors.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { symbolsOf } from '../shared/pair.ts';
import type { HomePaths } from '../shared/policy/home.ts';
import { shardPairs, type Settings } from '../shared/policy/policy.ts';
import type { Clock } from '../shared/ports.ts';
import { lockHome } from '../shared/store/home_lock.ts';
import { openJournal, type JournalStore } from '../shared/store/journal.ts';
import { assembleDaemon, type Daemon } from './daemon.ts';
import { startSimulatedFeed, type RunningFeed } from './feed/simulated.ts';
import type { HealthReport } from './health/health.ts';
import { loadOffTheWay } from './infer/model_loader.ts';
import { openDaemonLogs } from './log/log.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { watchProcess } from './metrics/process_watch.ts';
import type { Pipeline } from './pipeline.ts';
import { createFileThread } from './publish/file_thread.ts';
import { createRedisBus, redisBusOptions } from './publish/redis_bus.ts';
import { authorizeBars } from './serve/authorize.ts';
import { openServer, type Server } from './serve/serve.ts';

/** A simulated market makes a week of bars in two hours: it forgets what is older than this many of its minutes. */
const SIMULATED_MEMORY_MINUTES = 30 * 1440;
const FORGET_EVERY_MS = 600_000;
const PROGRESS_MINUTES = 5000;

export interface DaemonOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly shard: string;
  readonly clock: Clock;
  /** Token for bars from other machines; none = this machine only. */
  readonly token: string | undefined;
  /** What a person should know, one line each. */
  say(line: string): void;
}

export interface RunningDaemon {
  readonly port: number;
  readonly bootId: string;
  readonly health: () => HealthReport;
  /** Sends what is under way, stores the journal, frees the port, and logs why. */
  stop(reason?: string): Promise<void>;
}

/**
 * Starts the data plane on this machine: bars in, signals out.
 * @throws MinutehandError HOME_LOCKED, HOME_UNUSABLE, JOURNAL_WRITE, JOURNAL_DAMAGED, PORT_TAKEN, CONFIG_INVALID
 */
export async function startDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const { settings, paths, shard, clock, say } = options;
  const { minutehand } = settings;
  const { market } = minutehand;
  const pairs = shardPairs(minutehand, shard);
  const unlock = lockHome(paths.lock(`daemon_${shard}`));
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
    const store = openJournal(paths.journal(market, shard));
    undo.push(() => store.close());
    let server: Server | null = null;
    let feed: RunningFeed | null = null;
    let daemon: Daemon | null = null;
    const processWatch = watchProcess();
    undo.push(() => processWatch.close());
    const metrics: Metrics = createMetrics(
      {
        budgetMs: minutehand.feed.budget_ms,
        readyPairs: () => daemon?.pipeline.readyPairs ?? 0,
        silentPairs: () => daemon?.pipeline.silentPairs.length ?? 0,
        haltedPairs: () => daemon?.pipeline.haltedPairs.length ?? 0,
        connections: () => server?.connections ?? 0,
        degradations: () => daemon?.pipeline.degradations.size ?? 0,
        modelCreatedMs: () => {
          const models = daemon?.pipeline.models;
          return models ? Date.parse(models.manifest.created) : null;
        },
        engines: () => daemon?.pipeline.models?.engines ?? null,
        redisMissed: () => daemon?.redisMissed() ?? 0,
        publishFailures: () =>
          Object.fromEntries((daemon?.publishers ?? []).map(({ name, failures }) => [name, failures])),
        logLinesLost: () => logs.lost(),
        nowMs: () => clock.nowMs(),
      },
      processWatch,
    );
    const schema = featureSchema(minutehand.windows);
    const { redis } = minutehand.transports;
    const assembled = await assembleDaemon(
      {
        clock,
        scheduler: MACHINE_SCHEDULER,
        files: MACHINE_FILES,
        store,
        bus: redis.enabled === 'off' ? null : createRedisBus(redisBusOptions(redis)),
        openSignalFiles: (given) => createFileThread({ ...given, scheduler: MACHINE_SCHEDULER }),
        loadModels: (folder, quietly) =>
          loadOffTheWay(folder, { schema, maxRows: pairs.length, engine: minutehand.inference.engine, quietly }),
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
    undo.push(() => assembled.stop());

    // The first text of a process takes some milliseconds, later ones a fraction of one.
    await metrics.text();
    const { host, port, engine, max_buffered_bytes } = minutehand.transports.daemon;
    const opened = await openServer({
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
      authorize: authorizeBars(options.token),
      onError: (error) => log.error({ err: error }, 'unexpected error'),
    });
    server = opened;
    undo.push(() => opened.close());
    assembled.attach(opened);
    log.info({ port: opened.port, engine: opened.engine, market, boot_id: assembled.bootId }, 'daemon listens');

    if (market === 'simulated') feed = await startSimulated(options, assembled.pipeline, store, log);
    undo.push(async () => {
      await feed?.stop();
      await assembled.pipeline.settled();
    });
    return {
      port: opened.port,
      bootId: assembled.bootId,
      health: assembled.health,
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

type Undo = () => Promise<void> | void;

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
  const lastTimes = [...pipeline.lastTimes().values()];
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
    taker: pipeline,
    hasModels: () => pipeline.models !== null,
    awaitModelsMs: simulated.await_models_ms,
    settled: () => pipeline.settled(),
    onProgress: (done, total) => {
      if (done === total || done % PROGRESS_MINUTES === 0)
        say(`Simulated market: ${done} of ${total} minutes of history.`);
    },
  });
  const forgetting = setInterval(() => {
    const newest = Math.max(...pipeline.lastTimes().values());
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
