import type { Logger } from 'pino';
import type { EpochMs } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { parseStanding } from '../shared/bundle/halts.ts';
import type { ModelSet, Quietly } from '../shared/bundle/model_set.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { MinutehandError, type ErrorReport } from '../shared/errors.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import type { HomePaths } from '../shared/policy/home.ts';
import { shardPairs, type Settings } from '../shared/policy/policy.ts';
import type { Bus, Clock, FileSystem, Scheduler } from '../shared/ports.ts';
import type { StreamReader } from '../shared/redis_stream.ts';
import { bootIdAt } from '../shared/signal/boot_id.ts';
import type { JournalStore } from '../shared/store/journal.ts';
import type { ScreenedBar } from './align/suspects.ts';
import type { MinuteAnswer } from './decide/answer.ts';
import { waitAtMost } from './wait.ts';
import { watchArrivals, type LateBars } from './feed/arrival.ts';
import type { Degradation } from './input.ts';
import { barsRoute } from './feed/http.ts';
import { createIntake, type Intake, type IntakeOptions } from './feed/intake.ts';
import { openRedisFeed, type RedisFeed } from './feed/redis.ts';
import type { StreamListener } from './feed/redis_stream.ts';
import { barsWebSocket } from './feed/websocket.ts';
import { healthRoutes, type HealthReport } from './health/health.ts';
import { healthReport } from './health/report.ts';
import { FollowedModels } from './infer/followed_models.ts';
import { followHalts } from './infer/active_halts.ts';
import { createJournal } from './journal/journal.ts';
import { recoveryStart } from './journal/recovery.ts';
import type { BatchTiming } from './metrics/stopwatch.ts';
import { Pipeline } from './pipeline.ts';
import { pipelineSettings } from './pipeline_options.ts';
import { EXPIRED_AFTER_INTERVALS } from './publish/envelope.ts';
import type { FilePublisher, FilePublisherOptions } from './publish/file.ts';
import type { Publisher } from './publish/publish.ts';
import { openPublishers } from './publish/publishers.ts';
import type { TopicServer } from './publish/websocket.ts';
import type { Route } from './serve/http_route.ts';
import type { WebSocketRoute } from './serve/websocket_route.ts';

const MODEL_POLL_MS = 500;
const SHORTEST_CHECK_MS = 50;
const REST_MS = 1;
/** A bundle that is being loaded when the daemon ends is waited for no longer than this. */
const LOADING_GRACE_MS = 500;

/** The world as the daemon sees it: the real one, or a simulated one. */
export interface DaemonPorts {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly files: FileSystem;
  readonly store: JournalStore;
  /** null = Redis is not used. */
  readonly bus: Bus | null;
  /** Reads bars from Redis; when nothing is given, none come that way. */
  readBarStream?(listener: StreamListener): StreamReader;
  /** What writes signal files without holding this thread; when nothing is given, it writes them itself, through `files`. */
  openSignalFiles?(options: Omit<FilePublisherOptions, 'files'>): FilePublisher;
  /** Reads, verifies, loads and warms a bundle; what blocks the thread goes through `quietly`. */
  loadModels(folder: string, quietly: Quietly): Promise<ModelSet>;
}

/** Told of what happens, beside what the pipeline tells. */
export interface DaemonObserver {
  /** @param models that scored the batch */
  onSignals(batch: readonly MinuteAnswer[], timing: BatchTiming, models: ModelSet | null, bootId: string): void;
  onBar: IntakeOptions['onOutcome'];
  onSwap(set: ModelSet): void;
  onModelsRefused(code: string): void;
  /** Active or shadow models failed and were released. */
  onModelsFailed(code: string): void;
}

export interface DaemonOptions {
  readonly settings: Settings;
  readonly paths: Pick<HomePaths, 'signals' | 'models'>;
  readonly shard: string;
  readonly log: Logger;
  readonly observer: DaemonObserver;
  /** What a person should know, one line each. */
  say(line: string): void;
  /** Whether bars can be expected: silence before that is none. */
  isFeedOpen(): boolean;
  /** How often `models/` is looked at, ms. */
  readonly modelPollMs?: number;
}

/** A daemon without its sockets: what a bar does is all here. */
export interface Daemon {
  readonly bootId: string;
  readonly pipeline: Pipeline;
  readonly intake: Intake;
  readonly publishers: readonly Publisher[];
  readonly redisMissed: () => number;
  /** Of the stream of bars; see RedisFeed. */
  readonly streamLost: () => number;
  /** Of live bars that arrive too late; null while they come in time. */
  readonly lateBars: () => LateBars | null;
  readonly routes: readonly Route[];
  readonly webSockets: readonly WebSocketRoute[];
  /** Names the server the signals leave by. */
  attach(server: TopicServer & { readonly engine: string }): void;
  /** From here on bars of Redis are taken too. */
  readBars(): void;
  health(): HealthReport;
  /**
   * The end of publishing: refuses bars from here on, answers what was taken, and says to each pair that nobody watches it any
   * more, unless another daemon is about to. Sockets and files are still there; `stop` comes next.
   * @param hasSuccessor asked when all is answered
   */
  signOff(hasSuccessor: () => boolean): Promise<void>;
  /** Answers what is under way, stores the journal and lets go of timers, the file thread and Redis. */
  stop(): Promise<void>;
}

/**
 * Puts a daemon together and brings it to where the one before it was. When it resolves, bars can be taken.
 * @throws MinutehandError JOURNAL_WRITE, JOURNAL_DAMAGED
 */
export async function assembleDaemon(ports: DaemonPorts, options: DaemonOptions): Promise<Daemon> {
  const { clock, scheduler, files, store, bus } = ports;
  const { settings, paths, shard, log, observer, say, modelPollMs = MODEL_POLL_MS } = options;
  const { minutehand } = settings;
  const { market, feed } = minutehand;
  const pairs = shardPairs(minutehand, shard);
  const schema = featureSchema(minutehand.windows);
  const bootId = startBoot(store, settings, schema.hash, clock.nowMs());
  const intervalMs = market === 'simulated' ? minutehand.simulated.bar_interval_ms : feed.interval_ms;

  /** What is said and logged when signals or journal cannot be written, once until it works again. */
  const degradesWith =
    (what: Degradation) =>
    (error: ErrorReport): void => {
      pipeline.inputs.apply({ kind: 'degraded', what });
      log.error({ code: error.code }, error.message);
      say(`${error.code}: ${error.message} ${error.next}`);
    };
  const publishers = openPublishers({
    ...{ settings, pairs, shard, signalsFolder: paths.signals, files, scheduler, bus, log, say },
    openFileThread: ports.openSignalFiles?.bind(ports),
    onFailure: degradesWith,
    onRecovered: (what) => pipeline.inputs.apply({ kind: 'recovered', what }),
  });
  const { websocket, redis } = publishers;
  const journal = createJournal({
    store,
    onFailure: degradesWith('journal'),
    onRecovered: () => pipeline.inputs.apply({ kind: 'recovered', what: 'journal' }),
  });

  let serverEngine = '';
  let redisFeed: RedisFeed | null = null;
  const pipeline: Pipeline = new Pipeline({
    ...pipelineSettings(settings),
    ...{ pairs, bootId, feedIntervalMs: intervalMs, restMs: REST_MS, clock, scheduler, journal },
    halts: parseStanding(store.lastHalts()),
    sockets: publishers.sockets,
    files: publishers.files,
    observer: {
      onSignals: (batch, timing) => observer.onSignals(batch, timing, pipeline.status.models, bootId),
      onSwap(set) {
        observer.onSwap(set);
        models.onSwap(set);
      },
      onModelFailure: (...failure) => models.onModelFailure(...failure),
      onShadowFailure: (...failure) => models.onShadowFailure(...failure),
      onScreened: (screened) => logScreened(screened, log),
    },
  });
  const models: FollowedModels = new FollowedModels({
    ...{ modelsFolder: paths.models, files, scheduler, market, pollMs: modelPollMs, log, say },
    load: (folder) =>
      ports.loadModels(folder, async (work) => {
        await pipeline.idleWindow();
        return work();
      }),
    apply: (input) => pipeline.inputs.apply(input),
    lastShadows(version) {
      // What the same set answered a moment ago may still wait in memory.
      journal.flush();
      return store.lastShadows(version);
    },
    onRefused: (code) => observer.onModelsRefused(code),
    onFailed: (code) => observer.onModelsFailed(code),
  });
  const halts = followHalts({
    ...{ modelsFolder: paths.models, files, scheduler, pollMs: modelPollMs, log, say },
    standing: parseStanding(store.lastHalts()),
    activeVersion: () => pipeline.status.models?.version ?? null,
    apply(standing) {
      pipeline.inputs.apply({ kind: 'halts', standing });
      // Journaled at once, and not with the next bar: a power cut may undo the file.
      void pipeline.idleWindow().then(() => pipeline.settled());
    },
  });
  const arrivals = watchArrivals({
    limitMs: EXPIRED_AFTER_INTERVALS * intervalMs,
    symbols: symbolsOf(pairs).length,
    degraded: (what) => pipeline.inputs.apply({ kind: 'degraded', what }),
    recovered: (what) => pipeline.inputs.apply({ kind: 'recovered', what }),
    log,
    say,
  });

  const startedMs = clock.nowMs();
  const health = (): HealthReport =>
    healthReport({
      identity: {
        ...{ market, boot_id: bootId, shard, pairs: pairs.length },
        feature_schema: schema.hash,
        policy_hash: settings.policyHash,
      },
      ...{ status: pipeline.status, models, halts, redis },
      redisFeed: () => redisFeed,
      lateBars: () => arrivals.late,
      serverEngine: () => serverEngine,
      uptimeSeconds: () => (clock.nowMs() - startedMs) / 1000,
    });
  const rules = {
    sink: pipeline.inputs,
    bootId,
    clock,
    maxClockSkewMs: feed.max_clock_skew_ms,
    maxBars: feed.max_bars_per_request,
    onOutcome: (outcome: Parameters<IntakeOptions['onOutcome']>[0]): void => observer.onBar(outcome),
    onLive: arrivals.note,
  };
  const intake = createIntake({ ...rules, open: market === 'live' });
  let isSigningOff = false;
  const takeBars: Intake = (text, backfill) => {
    if (isSigningOff) throw new MinutehandError('STOPPING');
    return intake(text, backfill);
  };
  const settled = (): Promise<boolean> => pipeline.settled();

  const from = recoveryStart(store, pairs, warmupBars(minutehand.windows));
  await pipeline.recover(store.inputsFrom(from), store.lastSignals(), () => {
    // Before the models, so that not one bar is answered without them.
    halts.check();
    return models.check();
  });

  const endChecks = scheduler.every(Math.max(SHORTEST_CHECK_MS, feed.straggler_timeout_ms / 8), () => {
    pipeline.inputs.expire();
    arrivals.report();
    if (options.isFeedOpen()) pipeline.inputs.checkSilence();
    else pipeline.expectNoBars();
  });
  return {
    bootId,
    pipeline,
    intake: takeBars,
    publishers: publishers.all,
    redisMissed: () => redis?.missed ?? 0,
    streamLost: () => redisFeed?.lost ?? 0,
    lateBars: () => arrivals.late,
    routes: [barsRoute(takeBars, settled, bootId), ...healthRoutes(health)],
    webSockets: [
      websocket.subscriptionRoute(),
      barsWebSocket(takeBars, settled, (error) => log.error({ err: error }, 'unexpected error')),
    ],
    attach(server) {
      serverEngine = server.engine;
      websocket.attach(server);
    },
    readBars() {
      if (ports.readBarStream === undefined || market !== 'live') return;
      redisFeed = openRedisFeed({
        ...rules,
        symbols: symbolsOf(pairs),
        allSymbols: symbolsOf(minutehand.pairs.map(parsePair)),
        feedIntervalMs: feed.interval_ms,
        scheduler,
        lastTimes: () => pipeline.status.lastTimes,
        settled,
        position: store.feedPosition(),
        keepPosition: (position) => journal.feedPosition(position),
        read: ports.readBarStream,
        onRefused: degradesWith('bar_stream'),
        onReadable: () => pipeline.inputs.apply({ kind: 'recovered', what: 'bar_stream' }),
        log,
        say,
      });
    },
    health,
    async signOff(hasSuccessor) {
      isSigningOff = true;
      endChecks();
      halts.stop();
      void models.stop();
      await redisFeed?.stop();
      await pipeline.settled();
      if (!hasSuccessor()) pipeline.inputs.shutDown();
      await pipeline.settled();
    },
    async stop() {
      endChecks();
      halts.stop();
      await redisFeed?.stop();
      await waitAtMost(scheduler, LOADING_GRACE_MS, (tell) => void models.stop().then(tell));
      await pipeline.settled();
      await Promise.all(publishers.all.map((publisher) => publisher.close()));
    },
  };
}

function logScreened({ bar, verdict, level, limit }: ScreenedBar, log: Logger): void {
  if (verdict === null) return log.warn({ ...bar, level, limit_bps: limit * 1e4 }, 'bar held back as suspect');
  const { symbol, time, close } = bar;
  log.info({ symbol, time, close, level, verdict }, 'suspect bar checked against the next');
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
