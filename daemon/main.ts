import type { Logger } from 'pino';
import type { EpochMs, OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { describeError } from '../shared/errors.ts';
import { symbolsOf } from '../shared/pair.ts';
import type { HomePaths } from '../shared/policy/home.ts';
import { decisionPolicy, shardPairs, type Settings } from '../shared/policy/policy.ts';
import type { Clock } from '../shared/ports.ts';
import { bootIdAt } from '../shared/signal/boot_id.ts';
import { lockHome } from '../shared/store/home_lock.ts';
import { openJournal, type JournalStore } from '../shared/store/journal.ts';
import { barsRoute } from './feed/http.ts';
import { createIntake } from './feed/intake.ts';
import { startSimulatedFeed, type RunningFeed } from './feed/simulated.ts';
import { barsWebSocket } from './feed/websocket.ts';
import { healthRoutes, type HealthReport } from './health/health.ts';
import { watchModels } from './infer/model_watch.ts';
import { createJournal } from './journal/journal.ts';
import { recoveryStart } from './journal/recovery.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { Pipeline } from './pipeline.ts';
import { createFilePublisher } from './publish/file.ts';
import { createRedisPublisher, type RedisPublisher } from './publish/redis.ts';
import { createWebSocketPublisher } from './publish/websocket.ts';
import { authorizeBars } from './serve/authorize.ts';
import { openServer, type Server } from './serve/serve.ts';

const MODEL_POLL_MS = 500;
/** A simulated market makes a week of bars in two hours: it forgets what is older than this many of its minutes. */
const SIMULATED_MEMORY_MINUTES = 30 * 1440;
const FORGET_EVERY_MS = 600_000;
const PROGRESS_MINUTES = 5000;

export interface DaemonOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly shard: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Token for bars from other machines; none = this machine only. */
  readonly token: string | undefined;
  /** What a person should know, one line each. */
  say(line: string): void;
}

export interface RunningDaemon {
  readonly port: number;
  readonly bootId: string;
  readonly health: () => HealthReport;
  /** Sends what is under way, stores the journal, frees the port. */
  stop(): Promise<void>;
}

/**
 * Starts the data plane: bars in, signals out.
 * @throws MinutehandError HOME_LOCKED, HOME_UNUSABLE, JOURNAL_WRITE, JOURNAL_DAMAGED, PORT_TAKEN, CONFIG_INVALID
 */
export async function startDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const { settings, paths, shard, clock, log, say } = options;
  const { minutehand } = settings;
  const { market } = minutehand;
  const pairs = shardPairs(minutehand, shard);
  const schema = featureSchema(minutehand.windows);
  const unlock = lockHome(paths.lock(`daemon_${shard}`));
  const undo: (() => Promise<void> | void)[] = [unlock];
  try {
    const store = openJournal(paths.journal(market, shard));
    undo.push(() => store.close());
    const bootId = startBoot(store, settings, schema.hash, clock.nowMs());

    const websocket = createWebSocketPublisher({
      pairIds: pairs.map(({ id }) => id),
      onFailure: (error) => log.error({ err: error }, 'websocket publish failed'),
    });
    const files = minutehand.transports.files.enabled
      ? [
          createFilePublisher({
            folder: paths.signals,
            onFailure: (error) => {
              pipeline.degraded('file');
              log.error({ code: error.code }, error.message);
              say(`${error.code}: ${error.message} ${error.next}`);
            },
            onRecovered: () => pipeline.recovered('file'),
          }),
        ]
      : [];
    const redis = minutehand.transports.redis.enabled === 'off' ? null : connectRedis(options);
    if (redis !== null) undo.push(() => redis.close());

    let refused: HealthReport['model_refused'] = null;
    let server: Server | null = null;
    const journal = createJournal({
      store,
      onFailure: (error) => {
        pipeline.degraded('journal');
        log.error(error, 'journal not written');
        say(`${error.code}: ${error.message} ${error.next}`);
      },
      onRecovered: () => pipeline.recovered('journal'),
    });
    const intervalMs = market === 'simulated' ? minutehand.simulated.bar_interval_ms : minutehand.feed.interval_ms;
    const metrics: Metrics = createMetrics({
      readyPairs: () => pipeline.readyPairs,
      connections: () => server?.connections ?? 0,
      degradations: () => pipeline.degradations.size,
      modelCreatedMs: () => (pipeline.models === null ? null : Date.parse(pipeline.models.manifest.created)),
      redisMissed: () => redis?.missed ?? 0,
      publishFailures: () =>
        Object.fromEntries(
          [websocket, ...files, ...(redis === null ? [] : [redis])].map(({ name, failures }) => [name, failures]),
        ),
      nowMs: () => clock.nowMs(),
    });
    const pipeline: Pipeline = new Pipeline({
      pairs,
      windows: minutehand.windows,
      schema,
      policy: decisionPolicy(settings),
      policyHash: settings.policyHash,
      market,
      bootId,
      feedIntervalMs: intervalMs,
      stragglerTimeoutMs: minutehand.feed.straggler_timeout_ms,
      clock,
      sockets: redis === null ? [websocket] : [websocket, redis],
      files,
      journal,
      observer: {
        onSignals: (batch, timing) => metrics.signals(batch, timing),
        onSwap(set) {
          refused = null;
          metrics.swap();
          log.info({ version: set.version }, 'models in force');
          say(`Models ${set.version} (${set.manifest.market} market) are in force.`);
        },
        onModelFailure(error, failed, fallback) {
          const { code, message } = describeError(error);
          log.error({ version: failed.version, fallback: fallback?.version ?? null, code }, message);
          say(
            `${code}: ${message} ${fallback === null ? 'Mode HALT: no entries.' : `Models ${fallback.version} serve again.`}`,
          );
        },
      },
    });

    const models = watchModels({
      modelsFolder: paths.models,
      schema,
      maxRows: pairs.length,
      market,
      pollMs: MODEL_POLL_MS,
      onReady: (set) => pipeline.swap(set),
      onRefused(version, error) {
        refused = { version, ...describeError(error) };
        metrics.modelRefused(refused.code);
        log.error(refused, 'models refused');
        say(`Models ${version} refused. ${refused.code}: ${refused.message} ${refused.next}`);
      },
      onWithdrawn: () => (refused = null),
    });
    undo.push(() => models.stop());

    const startedMs = clock.nowMs();
    const health = (): HealthReport => {
      const waiting = pipeline.models === null || pipeline.readyPairs < pairs.length;
      return {
        status: waiting ? 'waiting' : pipeline.degradations.size > 0 ? 'degraded' : 'ok',
        market,
        boot_id: bootId,
        shard,
        uptime_seconds: (clock.nowMs() - startedMs) / 1000,
        server_engine: server?.engine ?? '',
        inference_engine: 'onnxruntime-node',
        model_version: pipeline.models?.version ?? null,
        model_market: pipeline.models?.manifest.market ?? null,
        model_refused: refused,
        feature_schema: schema.hash,
        policy_hash: settings.policyHash,
        pairs: pairs.length,
        pairs_ready: pipeline.readyPairs,
        degradations: [...pipeline.degradations],
        redis: redis === null ? 'off' : (redis.state ?? 'unknown'),
        last_bars: Object.fromEntries(
          [...pipeline.lastTimes()].map(([symbol, time]) => [symbol, new Date(time * 1000).toISOString()]),
        ),
      };
    };
    const intake = createIntake({
      taker: pipeline,
      clock,
      maxClockSkewMs: minutehand.feed.max_clock_skew_ms,
      maxBars: minutehand.feed.max_bars_per_request,
      open: market === 'live',
      onOutcome: (outcome) => metrics.bar(outcome),
    });
    const onDefect = (error: unknown): void => log.error({ err: error }, 'unexpected error');
    const settled = (): Promise<void> => pipeline.settled();

    const from = recoveryStart(store, pairs, warmupBars(minutehand.windows));
    await pipeline.recover(store.inputsFrom(from), store.lastSignals(), () => models.check());

    const { host, port, engine, max_buffered_bytes } = minutehand.transports.daemon;
    server = await openServer({
      host,
      port,
      engine,
      routes: [
        barsRoute(intake, settled),
        ...healthRoutes(health),
        {
          method: 'GET',
          path: '/metrics',
          handle: async () => ({ status: 200, contentType: metrics.contentType, body: await metrics.text() }),
        },
      ],
      webSockets: [websocket.subscriptionRoute(), barsWebSocket(intake, settled, onDefect)],
      maxBodyBytes: minutehand.feed.max_body_bytes,
      maxBufferedBytes: max_buffered_bytes,
      authorize: authorizeBars(options.token),
      onError: onDefect,
    });
    const opened = server;
    undo.push(() => opened.close());
    websocket.attach(opened);
    log.info({ port: opened.port, engine: opened.engine, market, boot_id: bootId }, 'daemon listens');

    const expiry = setInterval(() => pipeline.expire(), Math.max(50, minutehand.feed.straggler_timeout_ms / 8));
    undo.push(() => clearInterval(expiry));
    const feed = market === 'simulated' ? await startSimulated(options, pipeline, store) : null;
    undo.push(async () => {
      await feed?.stop();
      await pipeline.settled();
    });
    return { port: opened.port, bootId, health, stop: () => unwind(undo) };
  } catch (error) {
    await unwind(undo).catch((failure: unknown) => log.error({ err: failure }, 'not everything was undone'));
    throw error;
  }
}

/** Undoes what was started, last first. A step that fails does not keep the others, such as the lock, from their turn. */
async function unwind(undo: (() => Promise<void> | void)[]): Promise<void> {
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

/** A boot id sorts after every earlier one of this journal, even when the clock was set back. */
function startBoot(store: JournalStore, settings: Settings, featureSchemaHash: string, nowMs: EpochMs): string {
  const startedMs = Math.max(nowMs, (store.lastBoot()?.startedMs ?? 0) + 1);
  const bootId = bootIdAt(startedMs);
  store.addBoot({
    bootId,
    market: settings.minutehand.market,
    featureSchema: featureSchemaHash,
    policyHash: settings.policyHash,
    startedMs,
  });
  return bootId;
}

function connectRedis({ settings, say, log }: DaemonOptions): RedisPublisher {
  const { url, key_ttl_ms, stream_maxlen, connect_timeout_ms, command_timeout_ms, max_batches_in_flight } =
    settings.minutehand.transports.redis;
  return createRedisPublisher({
    url,
    keyTtlMs: key_ttl_ms,
    streamMaxLen: stream_maxlen,
    connectTimeoutMs: connect_timeout_ms,
    commandTimeoutMs: command_timeout_ms,
    maxBatchesInFlight: max_batches_in_flight,
    onState(state, detail) {
      log.info({ state, detail }, 'redis');
      say(
        state === 'up'
          ? `Redis takes the signals too (${detail}).`
          : `Redis does not answer (${detail}): signals go out by file and WebSocket; it is used as soon as it answers.`,
      );
    },
    onFailure: (error) => log.error({ code: error.code }, error.message),
    onRecovered: () => log.info('redis takes signals again'),
  });
}

async function startSimulated(options: DaemonOptions, pipeline: Pipeline, store: JournalStore): Promise<RunningFeed> {
  const { settings, say, log } = options;
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
    async stop() {
      clearInterval(forgetting);
      await feed.stop();
    },
  };
}
