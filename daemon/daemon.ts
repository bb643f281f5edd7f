import type { Logger } from 'pino';
import type { EpochMs } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import {
  ALL_PAIRS,
  lostHalts,
  NO_HALTS,
  parseStanding,
  standingAfter,
  standingText,
  type Halt,
  type Halts,
  type StandingHalt,
} from '../shared/bundle/halts.ts';
import type { ModelSet, Quietly } from '../shared/bundle/model_set.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import type { Position } from '../shared/core/position/position.ts';
import { describeError, MinutehandError } from '../shared/errors.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import type { HomePaths } from '../shared/policy/home.ts';
import { allSignalsFile, decisionPolicy, screenPolicy, shardPairs, type Settings } from '../shared/policy/policy.ts';
import type { Bus, Clock, FileSystem, Scheduler } from '../shared/ports.ts';
import type { StreamReader } from '../shared/redis_stream.ts';
import { bootIdAt } from './boot_id.ts';
import type { JournalStore } from '../shared/store/journal.ts';
import type { Answer } from './decide/answer.ts';
import { waitAtMost } from './wait.ts';
import { watchArrivals, type LateBars } from './feed/arrival.ts';
import { barsRoute } from './feed/http.ts';
import { createIntake, type Intake, type IntakeOptions } from './feed/intake.ts';
import { openRedisFeed, type RedisFeed } from './feed/redis.ts';
import type { StreamListener } from './feed/redis_stream.ts';
import { barsWebSocket } from './feed/websocket.ts';
import { healthRoutes, type HealthReport } from './health/health.ts';
import { watchHalts } from './infer/halt_watch.ts';
import { watchModels, type ModelWatch } from './infer/model_watch.ts';
import { createJournal } from './journal/journal.ts';
import { recoveryStart } from './journal/recovery.ts';
import type { BatchTiming } from './metrics/stopwatch.ts';
import { Pipeline } from './pipeline.ts';
import { EXPIRED_AFTER_INTERVALS } from './publish/envelope.ts';
import { createFilePublisher, type FilePublisher, type FilePublisherOptions } from './publish/file.ts';
import { createRedisPublisher, type RedisPublisher, type RedisPublisherOptions } from './publish/redis.ts';
import { createWebSocketPublisher, type TopicServer } from './publish/websocket.ts';
import type { Publisher } from './publish/publish.ts';
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
  onSignals(batch: readonly Answer[], timing: BatchTiming, models: ModelSet | null, bootId: string): void;
  onBar: IntakeOptions['onOutcome'];
  onSwap(set: ModelSet): void;
  onModelsRefused(code: string): void;
  /** Models in force or in shadow failed and were let go of. */
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
  const { market, feed, transports } = minutehand;
  const pairs = shardPairs(minutehand, shard);
  const schema = featureSchema(minutehand.windows);
  const bootId = startBoot(store, settings, schema.hash, clock.nowMs());
  const intervalMs = market === 'simulated' ? minutehand.simulated.bar_interval_ms : feed.interval_ms;

  const websocket = createWebSocketPublisher({
    pairIds: pairs.map(({ id }) => id),
    onFailure: (error) => log.error({ err: error }, 'websocket publish failed'),
  });
  /** What is said and logged when signals or journal cannot be written, once until it works again. */
  const degradesWith =
    (what: string) =>
    (error: { code: string; message: string; next: string }): void => {
      pipeline.inputs.apply({ kind: 'degraded', what: what });
      log.error({ code: error.code }, error.message);
      say(`${error.code}: ${error.message} ${error.next}`);
    };
  const isFileThread = ports.openSignalFiles !== undefined;
  const openSignalFiles = ports.openSignalFiles ?? ((given) => createFilePublisher({ ...given, files }));
  const signalFiles = !transports.files.enabled
    ? []
    : [
        openSignalFiles({
          folder: paths.signals,
          allName: allSignalsFile(minutehand, shard),
          onFailure: degradesWith('file'),
          onRecovered: () => pipeline.inputs.apply({ kind: 'recovered', what: 'file' }),
        }),
      ];
  const redis =
    bus === null
      ? null
      : openRedis(bus, ports, options, {
          onFailure: degradesWith('redis'),
          onRecovered: () => pipeline.inputs.apply({ kind: 'recovered', what: 'redis' }),
        });
  const publishers = [websocket, ...signalFiles, ...(redis === null ? [] : [redis])];
  const journal = createJournal({
    store,
    onFailure: degradesWith('journal'),
    onRecovered: () => pipeline.inputs.apply({ kind: 'recovered', what: 'journal' }),
  });

  let refused: HealthReport['model_refused'] = null;
  let shadow: ModelSet | null = null;
  let serverEngine = '';
  let redisFeed: RedisFeed | null = null;
  const pipeline: Pipeline = new Pipeline({
    pairs,
    windows: minutehand.windows,
    screen: screenPolicy(settings),
    schema,
    policy: decisionPolicy(settings),
    policyHash: settings.policyHash,
    market,
    bootId,
    feedIntervalMs: intervalMs,
    stragglerTimeoutMs: feed.straggler_timeout_ms,
    silence: { degradedIntervals: feed.silence_degraded_intervals, haltIntervals: feed.silence_halt_intervals },
    halts: parseStanding(store.lastHalts()),
    slowInferenceMs: minutehand.inference.slow_ms,
    restMs: REST_MS,
    clock,
    scheduler,
    // Files of another thread only have to be handed over, which takes less than what Redis does.
    sockets: [websocket, ...(isFileThread ? signalFiles : []), ...(redis === null ? [] : [redis])],
    files: isFileThread ? [] : signalFiles,
    journal,
    observer: {
      onSignals: (batch, timing) => observer.onSignals(batch, timing, pipeline.status.models, bootId),
      onSwap(set) {
        refused = null;
        observer.onSwap(set);
        log.info({ version: set.version, engines: set.engines }, 'models in force');
        say(`Models ${set.version} (${set.manifest.market} market) are in force.`);
      },
      onModelFailure(error, failed, fallback) {
        const { code, message } = describeError(error);
        observer.onModelsFailed(code);
        log.error({ version: failed.version, fallback: fallback?.version ?? null, code }, message);
        say(
          `${code}: ${message} ${fallback === null ? 'Mode HALT: no entries.' : `Models ${fallback.version} serve again.`}`,
        );
      },
      onShadowFailure(error, failed) {
        shadow = null;
        observer.onModelsFailed(describeError(error).code);
        log.error({ version: failed.version, ...describeError(error) }, 'shadow models failed');
        say(`Shadow models ${failed.version} failed and were let go of: ${describeError(error).message}`);
      },
      onScreened({ bar, verdict, level, limit }) {
        if (verdict === null) log.warn({ ...bar, level, limit_bps: limit * 1e4 }, 'bar held back as suspect');
        else
          log.info(
            { symbol: bar.symbol, time: bar.time, close: bar.close, level, verdict },
            'suspect bar judged by the next',
          );
      },
    },
  });

  const models: ModelWatch = watchModels({
    modelsFolder: paths.models,
    files,
    scheduler,
    load: (folder) =>
      ports.loadModels(folder, async (work) => {
        await pipeline.idleWindow();
        return work();
      }),
    market,
    pollMs: modelPollMs,
    onReady: (set) => pipeline.inputs.apply({ kind: 'swap', set: set }),
    onShadow(set) {
      shadow = set;
      // What the same set answered a moment ago may still wait in memory.
      journal.flush();
      const positions = set === null ? [] : store.lastShadows(set.version);
      pipeline.inputs.apply({
        kind: 'shadow',
        set: set,
        positions: new Map(positions.map(({ pairId, position }) => [pairId, JSON.parse(position) as Position])),
      });
      say(set === null ? 'No shadow models any more.' : `Shadow models ${set.version} score along, unpublished.`);
    },
    onRefused(version, error, slot) {
      const refusal = { version, ...describeError(error) };
      if (slot === 'active') refused = refusal;
      observer.onModelsRefused(refusal.code);
      log.error({ slot, ...refusal }, 'models refused');
      const what = slot === 'active' ? 'Models' : 'Shadow models';
      say(`${what} ${version} refused. ${refusal.code}: ${refusal.message} ${refusal.next}`);
    },
    onWithdrawn(slot) {
      if (slot === 'active') refused = null;
    },
  });

  let halts: Halts = NO_HALTS;
  let standing = parseStanding(store.lastHalts());
  let haltsRefused: HealthReport['halts_refused'] = null;
  let lost: readonly StandingHalt[] = [];
  const tellHalts = (refusal: NonNullable<HealthReport['halts_refused']>): void => {
    log.error(refusal, 'halts refused');
    say(`${refusal.code}: ${refusal.message} ${refusal.next}`);
  };
  /** What `halts.json` has lost, of the version in force: a halt of another one can be lifted only when that comes back. */
  const lostRefusal = (): HealthReport['halts_refused'] => {
    const inForce = lost.filter((halt) => halt.version === pipeline.status.models?.version);
    if (inForce.length === 0) return null;
    return describeError(new MinutehandError('HALTS_LOST', { seen: standingText({ halts: inForce, resumed: [] }) }));
  };
  const haltWatch = watchHalts({
    modelsFolder: paths.models,
    files,
    scheduler,
    pollMs: modelPollMs,
    onHalts(read) {
      const before = new Set(halts.halts.map(textOf));
      const after = new Set(read.halts.map(textOf));
      for (const halt of read.halts) if (!before.has(textOf(halt))) say(`Halted: ${textOf(halt)}.`);
      for (const halt of halts.halts) if (!after.has(textOf(halt))) say(`Not halted any more: ${textOf(halt)}.`);
      halts = read;
      log.info({ halts: read.halts }, 'halts');
      standing = standingAfter(standing, read);
      pipeline.inputs.apply({ kind: 'halts', standing: { halts: standing.halts, resumed: standing.resumed } });
      // Journalled at once, and not with the next bar: a power cut may undo the file.
      void pipeline.idleWindow().then(() => pipeline.settled());
      const told = standingText({ halts: lost, resumed: [] });
      lost = lostHalts(standing.halts, read);
      const seen = standingText({ halts: lost, resumed: [] });
      if (seen !== told && seen !== '') tellHalts(describeError(new MinutehandError('HALTS_LOST', { seen })));
    },
    onRefused(error) {
      haltsRefused = describeError(error);
      tellHalts(haltsRefused);
    },
    onWithdrawn() {
      haltsRefused = null;
    },
  });

  const arrivals = watchArrivals({
    limitMs: EXPIRED_AFTER_INTERVALS * intervalMs,
    symbols: symbolsOf(pairs).length,
    degraded: (what) => pipeline.inputs.apply({ kind: 'degraded', what: what }),
    recovered: (what) => pipeline.inputs.apply({ kind: 'recovered', what: what }),
    log,
    say,
  });

  const startedMs = clock.nowMs();
  const health = (): HealthReport => {
    const { silentPairs, expiredPairs, haltedPairs: halted } = pipeline.status;
    const version = pipeline.status.models?.version ?? null;
    const isWaiting = pipeline.status.models === null || pipeline.status.readyPairs < pairs.length;
    const isDegraded = pipeline.status.degradations.size + silentPairs.length + halted.length > 0;
    return {
      status: isWaiting ? 'waiting' : isDegraded ? 'degraded' : 'ok',
      market,
      boot_id: bootId,
      shard,
      uptime_seconds: (clock.nowMs() - startedMs) / 1000,
      server_engine: serverEngine,
      inference_engines: pipeline.status.models?.engines ?? null,
      inference_notes: pipeline.status.models?.engineNotes ?? null,
      model_version: version,
      model_market: pipeline.status.models?.manifest.market ?? null,
      model_refused: refused,
      shadow_version: shadow?.version ?? null,
      feature_schema: schema.hash,
      policy_hash: settings.policyHash,
      pairs: pairs.length,
      pairs_ready: pipeline.status.readyPairs,
      silent_pairs: silentPairs,
      expired_pairs: expiredPairs,
      halted_pairs: halted,
      halts: halts.halts.filter((halt) => halt.version === version),
      halts_refused: haltsRefused ?? lostRefusal(),
      degradations: [...pipeline.status.degradations],
      late_bars: arrivals.late,
      suspect_bars: Object.fromEntries(pipeline.status.suspectBars),
      redis: redis === null ? 'off' : (redis.state ?? 'unknown'),
      redis_refused: redis?.refusal?.toJSON() ?? null,
      redis_missed: redis?.missed ?? 0,
      bar_stream: redisFeed === null ? 'off' : (redisFeed.state ?? 'unknown'),
      bar_stream_refused: redisFeed?.refusal?.toJSON() ?? null,
      last_bars: Object.fromEntries(
        [...pipeline.status.lastTimes].map(([symbol, time]) => [symbol, new Date(time * 1000).toISOString()]),
      ),
    };
  };
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
    haltWatch.check();
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
    publishers,
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
      haltWatch.stop();
      void models.stop();
      await redisFeed?.stop();
      await pipeline.settled();
      if (!hasSuccessor()) pipeline.inputs.shutDown();
      await pipeline.settled();
    },
    async stop() {
      endChecks();
      haltWatch.stop();
      await redisFeed?.stop();
      await waitAtMost(scheduler, LOADING_GRACE_MS, (tell) => void models.stop().then(tell));
      await pipeline.settled();
      await Promise.all(publishers.map((publisher) => publisher.close()));
    },
  };
}

function textOf({ pair_id, reason, seen, limit, version, since }: Halt): string {
  const who = pair_id === ALL_PAIRS ? 'all pairs' : pair_id;
  return `${who} under models ${version}, ${reason} ${seen}, limit ${limit}, since ${since}`;
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

function openRedis(
  bus: Bus,
  { scheduler }: DaemonPorts,
  { settings, log, say }: DaemonOptions,
  { onFailure, onRecovered }: Pick<RedisPublisherOptions, 'onFailure' | 'onRecovered'>,
): RedisPublisher {
  const { command_timeout_ms, max_batches_in_flight } = settings.minutehand.transports.redis;
  return createRedisPublisher({
    bus,
    scheduler,
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
    onFailure,
    onRecovered(missedMeanwhile) {
      onRecovered(missedMeanwhile);
      log.info({ missed: missedMeanwhile }, 'redis takes signals again');
      say(`Redis takes all signals again (${missedMeanwhile} were missed).`);
    },
  });
}
