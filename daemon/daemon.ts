import { join } from 'node:path';
import type { Logger } from 'pino';
import { SECONDS_PER_BAR, type EpochMs } from '../shared/bar.ts';
import { activePath } from '../shared/bundle/bundle.ts';
import { directionFolder } from '../shared/bundle/direction/active_direction.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import type { DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import { parseStanding } from '../shared/bundle/halts.ts';
import { pathInside } from '../shared/path_name.ts';
import { folderOfRule } from '../shared/bundle/rule/active_rule.ts';
import type { RuleModel } from '../shared/bundle/rule/rule_model.ts';
import type { RuleRole } from './features/rules_by_role.ts';
import type { ModelSet, Quietly } from '../shared/bundle/model_set.ts';
import { orRelease } from '../shared/bundle/or_release.ts';
import { symbolNames } from '../shared/policy/symbol_names.ts';
import type { BundleInUse } from '../shared/dependencies/models.ts';
import type { DependencyFault } from '../shared/dependencies/watch.ts';
import { MinutehandError, type ErrorReport } from '../shared/errors.ts';
import {
  barSecondsOf,
  isInstrument,
  parseSubject,
  symbolsOf,
  timeframeOf,
  type Pair,
  type Timeframe,
} from '../shared/pair.ts';
import type { HomePaths } from '../shared/home.ts';
import { decisionRecord } from '../shared/policy/decision_record.ts';
import { barIntervalMs, shardSubjects, type Settings } from '../shared/policy/policy.ts';
import type { Bus, Clock, FileSystem, Scheduler } from '../shared/ports.ts';
import type { StreamReader } from '../shared/redis/redis_stream.ts';
import { packageManifest } from '../shared/root.ts';
import { bootIdAt } from '../shared/signal/boot_id.ts';
import type { JournalStore } from '../shared/store/journal.ts';
import type { JournaledLease } from '../shared/store/lease_text.ts';
import type { ScreenedBar } from './align/suspects.ts';
import type { Answer } from './decide/answer.ts';
import { waitAtMost } from './threads/wait.ts';
import { unlessEnding } from '../shared/process/ending.ts';
import { watchArrivals, type LateBars } from './feed/arrival.ts';
import type { Degradation } from './queue/degradations.ts';
import { barsRoute, seriesRoute } from './feed/http.ts';
import { createIntake, type Intake, type IntakeOptions } from './feed/intake.ts';
import { openRedisFeed, type RedisFeed } from './feed/redis.ts';
import type { StreamListener } from './feed/redis_stream.ts';
import { createSeriesIntake, type SeriesIntake, type SeriesIntakeOptions } from './feed/series_intake.ts';
import { barsWebSocket, seriesWebSocket } from './feed/websocket.ts';
import { healthRoutes, type ConnectionState, type HealthReport } from './health/health.ts';
import { healthReport, type HealthIdentity, type ServerEngine } from './health/report.ts';
import { FollowedDirections, ownDirection } from './infer/followed_directions.ts';
import { followRules, followRuleShadows, ownRuleLoader, type FollowedRulesOptions } from './infer/followed_rules.ts';
import type { FollowedSlots } from './infer/followed_slots.ts';
import { pointerKind } from '../shared/bundle/active_file.ts';
import { ACTIVE_POINTER } from '../shared/bundle/active_file.ts';
import type { MarksOf } from '../shared/bundle/pointer_marks.ts';
import { timeframesOf } from '../shared/bundle/origin.ts';
import { FollowedModels } from './infer/followed_models.ts';
import type { ChallengedDirections, ChallengedRules } from './infer/followed_rollout.ts';
import { followHalts, type ActiveHalts } from './infer/active_halts.ts';
import { followCalendar, type FollowedCalendar } from './infer/followed_calendar.ts';
import { LeaseKeeper, type LeaseHealth } from './lease/lease_keeper.ts';
import type { LeaseStore } from './lease/lease_store.ts';
import { createJournal, type Journal } from './journal/journal.ts';
import { writeInPlace, type JournalWriter } from './journal/journal_writer.ts';
import { recoveryStart, restoredInputs, subjectWarmup } from './journal/recovery.ts';
import type { BatchTiming } from './publish/stopwatch.ts';
import { Pipeline } from './pipeline.ts';
import { pipelineSettings } from './options/pipeline_options.ts';
import { EXPIRED_AFTER_INTERVALS } from './publish/envelope.ts';
import type { FilePublisher, FilePublisherOptions } from './publish/file.ts';
import { Publishers } from './publish/publishers.ts';
import type { TopicServer } from './publish/websocket.ts';
import type { Route } from './serve/http_route.ts';
import type { WebSocketRoute } from './serve/websocket_route.ts';
import { directionSlot, ruleSlot } from '../shared/subject/slot.ts';
import { filesOf } from '../shared/bundle/slot_files.ts';

const MODEL_POLL_MS = 500;
const MIN_CHECK_MS = 50;
const REST_MS = 1;
/** A bundle that is being loaded when the daemon ends is waited for no longer than this. */
const LOADING_GRACE_MS = 500;

/** The environment of the daemon: the real one, or a simulated one. */
export interface DaemonPorts {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly files: FileSystem;
  readonly store: JournalStore;
  /** Opens the journal once more, to read it; without it, `store` is read. */
  openHistory?(): JournalStore;
  /** Stores the journal without holding this thread; when nothing is given, this thread does, through `store`. */
  readonly journalWriter?: JournalWriter;
  /** null = Redis is not used. */
  readonly bus: Bus | null;
  /** The lease across machines, where one is configured. @param holder names this daemon */
  readonly lease?:
    | { readonly store: LeaseStore; readonly holder: string; clockMs(): number; wallMs?(): number }
    | undefined;
  /** Reads bars from Redis; when nothing is given, none come that way. */
  readBarStream?(listener: StreamListener): StreamReader;
  /**
   * Opens a writer of signal files that does not hold this thread; without it, the daemon writes them itself, through
   * `files`.
   */
  openSignalFiles?(options: Omit<FilePublisherOptions, 'files'>): FilePublisher;
  /** Reads, verifies, loads and warms a bundle; work that blocks the thread runs in `quietly`. */
  loadModels(folder: string, quietly: Quietly): Promise<ModelSet>;
  /** The same of a direction model; none = no instruments. */
  loadDirection?(folder: string, timeframe: Timeframe, quietly: Quietly): Promise<DirectionModel>;
  /** Reads and verifies a rule; none = rules are not followed. @throws MinutehandError as readRuleBundle */
  loadRule?(folder: string): RuleModel;
  /** High-water marks of the pointer files; without them, any is accepted. */
  readonly pointerMarks?: MarksOf;
}

/** Receives events of the daemon, in addition to those of the pipeline. */
export interface DaemonObserver {
  /** @param models that scored the batch */
  onSignals(batch: readonly Answer[], timing: BatchTiming, models: ModelSet | null, bootId: string): void;
  onBar: IntakeOptions['onOutcome'];
  /** Bars that were refused since the start, by code. */
  refusedBars(): Readonly<Record<string, number>>;
  onSeries: SeriesIntakeOptions['onOutcome'];
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
  /** Prints one line for a person. */
  print(line: string): void;
  /** Returns whether bars can be expected: missing bars before that are no silence. */
  isFeedOpen(): boolean;
  /** Dependencies that fail; none where nothing checks them. */
  readonly faults?: (() => readonly DependencyFault[]) | undefined;
  /** Polling interval of `models/`, ms. */
  readonly modelPollMs?: number;
  /** See `JournalOptions`. */
  readonly maxWaitingRows?: number;
  /** Aborted when the process is to end: the recovery is given up at its next step. */
  readonly ending?: AbortSignal | undefined;
}

/** A daemon without its sockets: the whole processing of a bar. */
export interface Daemon {
  readonly bootId: string;
  readonly pipeline: Pipeline;
  readonly intake: Intake;
  readonly seriesIntake: SeriesIntake;
  readonly publishers: Publishers;
  /** Of the stream of bars; see RedisFeed. */
  readonly streamLost: () => number;
  /** Versions that answer now, each with the path of the pointer that names it and its folder. */
  readonly modelsInUse: () => readonly BundleInUse[];
  /** Connections to Redis that are used. */
  readonly redisStates: () => readonly ConnectionState[];
  /** Of live bars that arrive too late; null while they come in time. */
  readonly lateBars: () => LateBars | null;
  /** Of the lease across machines; null = none is configured. */
  readonly lease: () => LeaseHealth | null;
  /** @throws MinutehandError CLOCK_DIFFERS while this machine's clock differs from the lease server's */
  readonly checkLeaseClock: () => void;
  readonly routes: readonly Route[];
  readonly webSockets: readonly WebSocketRoute[];
  /** Names the server the signals leave by. */
  attach(server: TopicServer & ServerEngine): void;
  /** From here on bars of Redis are taken too. */
  readBars(): void;
  health(): HealthReport;
  /**
   * The end of publishing: refuses bars from here on, answers those already taken, and sends each pair its final
   * heartbeat, unless another daemon is about to take over. Sockets and files stay open; `stop` comes next.
   * @param hasSuccessor called when all is answered
   */
  signOff(hasSuccessor: () => boolean): Promise<void>;
  /** Answers pending input, stores the journal and releases timers, the file thread and Redis. */
  stop(): Promise<void>;
}

/**
 * Assembles a daemon and restores the state of the previous one. When it resolves, bars can be taken.
 * @throws MinutehandError JOURNAL_WRITE, JOURNAL_DAMAGED; the reason of `ending` when that was aborted
 */
export async function assembleDaemon(ports: DaemonPorts, options: DaemonOptions): Promise<Daemon> {
  const daemon = new AssembledDaemon(ports, options);
  try {
    await daemon.recover();
  } catch (error) {
    // Its threads, timers and connections would keep the process alive.
    await daemon.stop().catch(() => undefined);
    throw error;
  }
  return daemon;
}

class AssembledDaemon implements Daemon {
  readonly bootId: string;
  readonly pipeline: Pipeline;
  readonly publishers: Publishers;
  readonly intake: Intake;
  readonly seriesIntake: SeriesIntake;
  readonly routes: readonly Route[];
  readonly webSockets: readonly WebSocketRoute[];
  readonly #ports: DaemonPorts;
  readonly #options: DaemonOptions;
  /** Pairs, followed by instruments. */
  readonly #subjects: readonly Pair[];
  readonly #identity: HealthIdentity;
  /** Wall-clock distance of two bars. */
  readonly #intervalMs: number;
  readonly #startedMs: EpochMs;
  readonly #journal: Journal;
  readonly #models: FollowedModels;
  /** null = no instruments. */
  readonly #directions: FollowedDirections | null;
  /** null = no subjects that may have rules. */
  readonly #rules: FollowedSlots<string, RuleModel> | null;
  /** The same. */
  readonly #ruleShadows: FollowedSlots<string, RuleModel> | null;
  readonly #halts: ActiveHalts;
  readonly #calendar: FollowedCalendar;
  readonly #arrivals: ReturnType<typeof watchArrivals>;
  readonly #lease: LeaseKeeper | undefined;
  #redisFeed: RedisFeed | null = null;
  #serverEngine: ServerEngine = { engine: '', engineNote: null };
  #isSigningOff = false;
  #endChecks: () => void = () => undefined;

  constructor(ports: DaemonPorts, options: DaemonOptions) {
    const { clock, scheduler, store, journalWriter = writeInPlace(store) } = ports;
    const { settings, shard, log, observer, maxWaitingRows } = options;
    const { market, windows } = settings.minutehand;
    this.#ports = ports;
    this.#options = options;
    this.#subjects = shardSubjects(settings.minutehand, shard);
    this.#intervalMs = barIntervalMs(settings);
    const schema = featureSchema(windows);
    this.bootId = startBoot(store, settings, schema.hash, clock.nowMs());
    this.#identity = {
      market,
      boot_id: this.bootId,
      program_version: packageManifest().version,
      shard,
      pairs: this.#subjects.filter((own) => !isInstrument(own)).length,
      instruments: this.#subjects.filter(isInstrument).length,
      feature_schema: schema.hash,
    };
    this.#lease = this.#openLease();
    this.publishers = this.#openPublishers();
    this.#journal = createJournal({
      writer: journalWriter,
      scheduler,
      ...(maxWaitingRows === undefined ? {} : { maxWaitingRows }),
      onFailure: this.#degradesWith('journal'),
      onRecovered: () => this.#recovered('journal'),
    });
    this.pipeline = this.#openPipeline();
    this.#models = this.#followModels();
    this.#directions = this.#followDirections();
    this.#rules = this.#followRules();
    this.#ruleShadows = this.#followRuleShadows();
    this.#halts = this.#followHalts();
    this.#calendar = this.#followCalendar();
    this.#arrivals = this.#watchArrivals();
    this.#startedMs = clock.nowMs();
    const checks = { ...this.#barChecks(), open: market === 'live' };
    const intake = createIntake(checks);
    this.intake = (text, backfill) => {
      this.#refuseWhenClosed();
      return intake(text, backfill);
    };
    const seriesIntake = createSeriesIntake({ ...checks, onOutcome: observer.onSeries.bind(observer) });
    this.seriesIntake = (text) => {
      this.#refuseWhenClosed();
      return seriesIntake(text);
    };
    const settled = (): Promise<boolean> => this.pipeline.settled();
    const onDefect = (error: unknown): void => log.error({ err: error }, 'unexpected error');
    this.routes = [
      barsRoute(this.intake, settled, this.bootId),
      seriesRoute(this.seriesIntake, settled, this.bootId),
      ...healthRoutes(this.health),
    ];
    this.webSockets = [
      ...this.publishers.webSockets,
      barsWebSocket(this.intake, settled, onDefect),
      seriesWebSocket(this.seriesIntake, settled, onDefect),
    ];
  }

  readonly streamLost = (): number => this.#redisFeed?.lost ?? 0;

  readonly modelsInUse = (): readonly BundleInUse[] => {
    const { models: folder } = this.#options.paths;
    const { models, directions, rules } = this.pipeline.status;
    const shadow = this.#models.shadowVersion;
    return [
      ...(models === null
        ? this.#lastAccepted()
        : [{ pointer: activePath(folder), folder: join(folder, models.version) }]),
      ...(shadow === null ? [] : [{ pointer: filesOf(folder, 'pairs').shadow.path, folder: join(folder, shadow) }]),
      ...Object.entries(this.#models.directionShadows).map(([timeframe, version]) => ({
        pointer: filesOf(folder, directionSlot(timeframe as Timeframe)).shadow.path,
        folder: join(directionFolder(folder), version),
      })),
      ...Object.entries(directions).map(([timeframe, version]) => ({
        pointer: filesOf(folder, directionSlot(timeframe as Timeframe)).active.path,
        folder: join(directionFolder(folder), version),
      })),
      ...Object.entries(rules).map(([instrument, version]) => ({
        pointer: filesOf(folder, ruleSlot(instrument)).active.path,
        folder: folderOfRule(folder, version),
      })),
      ...Object.entries(this.#ruleShadows?.versions ?? {}).map(([instrument, version]) => ({
        pointer: filesOf(folder, ruleSlot(instrument)).shadow.path,
        folder: folderOfRule(folder, version),
      })),
    ];
  };

  /** The bundle that this home accepted last, and has not: its pointer, or its folder, may be lost. */
  #lastAccepted(): readonly BundleInUse[] {
    const { models: folder } = this.#options.paths;
    const [last] = this.#ports.pointerMarks?.(ACTIVE_POINTER).accepted() ?? [];
    if (last === undefined) return [];
    return [{ pointer: activePath(folder), folder: pathInside(folder, last.version) }];
  }

  readonly redisStates = (): readonly ConnectionState[] => [
    ...Object.values(this.publishers.links).map((link): ConnectionState => link.state ?? 'unknown'),
    ...(this.#redisFeed === null ? [] : [this.#redisFeed.state ?? ('unknown' as const)]),
  ];

  readonly lateBars = (): LateBars | null => this.#arrivals.late;

  readonly lease = (): LeaseHealth | null => this.#lease?.health() ?? null;

  readonly checkLeaseClock = (): void => {
    const errorMs = this.#lease?.clockErrorMs ?? null;
    if (errorMs !== null) throw clockDiffers(errorMs);
  };

  readonly health = (): HealthReport =>
    healthReport({
      identity: this.#identity,
      status: this.pipeline.status,
      models: this.#models,
      directions: this.#directions,
      rules: this.#rules,
      ruleShadows: this.#ruleShadows,
      halts: this.#halts,
      calendar: this.#calendar,
      links: this.publishers.links,
      redisFeed: () => this.#redisFeed,
      lease: this.lease,
      lateBars: this.lateBars,
      refusedBars: () => this.#options.observer.refusedBars(),
      faults: () => this.#options.faults?.() ?? [],
      serverEngine: () => this.#serverEngine,
      uptimeSeconds: () => (this.#ports.clock.nowMs() - this.#startedMs) / 1000,
    });

  /** Brings the daemon to where the one before it was, and begins to check for time-outs and silence. */
  async recover(): Promise<void> {
    const { scheduler, store } = this.#ports;
    const { minutehand } = this.#options.settings;
    const { ending } = this.#options;
    const from = recoveryStart(store, this.#subjects, subjectWarmup(minutehand.windows));
    await this.pipeline.recover(restoredInputs(store, from, store.inputsFrom(from)), store.lastSignals(), async () => {
      // Before the models, so that not one bar is answered without them.
      this.#halts.check();
      this.#calendar.check();
      await unlessEnding(ending, this.#models.check());
      await unlessEnding(ending, this.#directions?.check());
      await unlessEnding(ending, this.#rules?.check());
      await unlessEnding(ending, this.#ruleShadows?.check());
    });
    const checkMs = Math.max(MIN_CHECK_MS, minutehand.feed.straggler_timeout_ms / 8);
    this.#endChecks = scheduler.every(checkMs, () => this.#checkTimes());
  }

  attach(server: TopicServer & ServerEngine): void {
    this.#serverEngine = server;
    this.publishers.attach(server);
    this.#lease?.start();
  }

  readBars(): void {
    const { readBarStream, scheduler, store } = this.#ports;
    const { settings, log, print } = this.#options;
    const { market, feed, pairs, instruments } = settings.minutehand;
    if (readBarStream === undefined || market !== 'live') return;
    this.#redisFeed = openRedisFeed({
      ...this.#barChecks(),
      onSeries: (outcome) => this.#options.observer.onSeries(outcome),
      symbols: symbolsOf(this.#subjects),
      allSymbols: symbolsOf([...pairs, ...instruments].map(parseSubject)),
      feedIntervalMs: feed.interval_ms,
      scheduler,
      lastTimes: () => this.pipeline.status.lastTimes,
      settled: () => this.pipeline.settled(),
      isFull: () => this.#isJournalFull(),
      position: store.feedPosition(),
      keepPosition: (position) => this.#journal.feedPosition(position),
      read: (listener) => readBarStream(listener),
      onRefused: this.#degradesWith('bar_stream'),
      onReadable: () => this.#recovered('bar_stream'),
      log,
      print,
    });
  }

  async signOff(hasSuccessor: () => boolean): Promise<void> {
    this.#isSigningOff = true;
    this.#endChecks();
    this.#halts.stop();
    this.#calendar.stop();
    void this.#models.stop();
    void this.#directions?.stop();
    void this.#rules?.stop();
    void this.#ruleShadows?.stop();
    await this.#redisFeed?.stop();
    await this.pipeline.settled();
    if (this.#lease?.isHolder() !== false && !hasSuccessor()) this.pipeline.inputs.shutDown();
    await this.pipeline.settled();
  }

  async stop(): Promise<void> {
    this.#endChecks();
    this.#halts.stop();
    this.#calendar.stop();
    await this.#redisFeed?.stop();
    const loading = Promise.all([
      this.#models.stop(),
      this.#directions?.stop(),
      this.#rules?.stop(),
      this.#ruleShadows?.stop(),
    ]);
    await waitAtMost(this.#ports.scheduler, LOADING_GRACE_MS, (tell) => void loading.then(tell));
    await this.pipeline.settled();
    await this.publishers.close();
    await this.#lease?.close();
  }

  // ---- parts ----

  /** Whether every subject could be answered. */
  #isReady(): boolean {
    const { pairs, instruments } = this.#identity;
    const { models, readyPairs, readyInstruments } = this.pipeline.status;
    return (pairs === 0 || (models !== null && readyPairs === pairs)) && readyInstruments === instruments;
  }

  #openLease(): LeaseKeeper | undefined {
    const { lease, scheduler, clock, store } = this.#ports;
    if (lease === undefined) return undefined;
    const { settings, log, print } = this.#options;
    return new LeaseKeeper({
      ...lease,
      scheduler,
      leaseMs: 1000 * settings.minutehand.lease.seconds,
      floor: store.lastFence(),
      clockOffsetMs: () => clock.nowMs() - clock.monotonicUs() / 1000,
      maxStepMs: this.#intervalMs / 2,
      isReady: () => this.#isReady(),
      onTaken: (fence) => {
        log.info({ fence }, 'lease taken');
        print(`This daemon publishes from now on (fence ${fence}).`);
        this.#applyLease({ fence });
      },
      onLosing: () => {
        this.pipeline.inputs.shutDown();
        return this.pipeline.queue.settled();
      },
      onLost: (inMs) => {
        this.publishers.withdraw(inMs);
        const error = new MinutehandError('LEASE_LOST');
        log.error({ code: error.code }, error.message);
        print(`${error.code}: ${error.message} ${error.next}`);
        this.#applyLease({ fence: null });
      },
      onClock: (errorMs) => {
        const error = clockDiffers(errorMs);
        log.error({ code: error.code, error_ms: Math.round(errorMs) }, error.message);
        print(`${error.code}: ${error.message} The lease is offered to another daemon. ${error.next}`);
      },
      onSeen: (seen) => this.#applyLease({ fence: null, seen }),
      onServer: (state, detail) => log.info({ state, detail }, 'lease server'),
    });
  }

  /** Journaled at once, and not with the next bar. */
  #applyLease(lease: JournaledLease): void {
    this.pipeline.inputs.apply({ kind: 'lease', ...lease });
    void this.pipeline.queue.settled().then(() => this.pipeline.settled());
  }

  #openPublishers(): Publishers {
    const { files, clock, scheduler, bus, openSignalFiles } = this.#ports;
    const { settings, paths, shard, log, print } = this.#options;
    return new Publishers({
      settings,
      pairs: this.#subjects,
      shard,
      signalsFolder: paths.signals,
      files,
      clock,
      scheduler,
      bus,
      log,
      print,
      openFileThread: openSignalFiles?.bind(this.#ports),
      lease: this.#lease,
      onFailure: (what) => this.#degradesWith(what),
      onRecovered: (what) => this.#recovered(what),
    });
  }

  #openPipeline(): Pipeline {
    const { clock, scheduler, store } = this.#ports;
    const { settings, observer, log } = this.#options;
    return new Pipeline({
      ...pipelineSettings(settings),
      pairs: this.#subjects.filter((own) => !isInstrument(own)),
      instruments: this.#subjects.filter(isInstrument),
      bootId: this.bootId,
      feedIntervalMs: this.#intervalMs,
      restMs: REST_MS,
      clock,
      scheduler,
      journal: this.#journal,
      lease: this.#lease,
      halts: parseStanding(store.lastHalts()),
      sockets: this.publishers.sockets,
      files: this.publishers.files,
      observer: {
        onSignals: (batch, timing) => observer.onSignals(batch, timing, this.pipeline.status.models, this.bootId),
        onSwap: (set) => {
          observer.onSwap(set);
          this.#models.onSwap(set);
        },
        onModelFailure: (...failure) => this.#models.onModelFailure(...failure),
        onModelRecovery: (set) => this.#models.onModelRecovery(set),
        onDirectionSwap: (...swap) => this.#directions?.onSwap(...swap),
        onDirectionFailure: (...failure) => this.#directions?.onFailure(...failure),
        onDirectionRecovery: (model) => this.#directions?.onRecovery(model),
        onShadowFailure: (...failure) => this.#models.onShadowFailure(...failure),
        onRuleFailure: (error, { version, instrument }) => this.#rules?.dropFailed(instrument, version, error),
        onRuleShadowFailure: (error, { version, instrument }) =>
          this.#ruleShadows?.dropFailed(instrument, version, error),
        onChallengerFailure: (...failure) => this.#models.onChallengerFailure(...failure),
        onScreened: (screened) => logScreened(screened, log),
      },
    });
  }

  #followModels(): FollowedModels {
    const { files, scheduler, store, pointerMarks } = this.#ports;
    const { settings, paths, observer, log, print, modelPollMs = MODEL_POLL_MS } = this.#options;
    const { market } = settings.minutehand;
    const pairs = this.#subjects.filter((own) => !isInstrument(own)).map(({ id }) => id);
    return new FollowedModels({
      running: { market, timeframes: timeframesOf(pairs) },
      subjects: this.#subjects,
      modelsFolder: paths.models,
      files,
      scheduler,
      pollMs: modelPollMs,
      log,
      print,
      ...(pointerMarks && { marksOf: pointerMarks }),
      load: (folder) =>
        this.#ports.loadModels(folder, async (work) => {
          await this.pipeline.idleWindow();
          return work();
        }),
      warm: (set) => this.#warm(set),
      directions: this.#challengedDirections(),
      rules: this.#challengedRules(),
      apply: (input) => this.pipeline.inputs.apply(input),
      lastShadows: (version) => [...store.lastShadows(version), ...this.#journal.waitingShadows(version)],
      onRefused: (code) => observer.onModelsRefused(code),
      onFailed: (code) => observer.onModelsFailed(code),
    });
  }

  /** On a separate connection to the journal: reading takes several loop turns, during which the journal is written. */
  async #warm(set: ModelSet): Promise<void> {
    const { formulas, sequence } = set.schema.windows;
    if (formulas === undefined && sequence === undefined) return;
    await this.#warmOnHistory((store) => this.pipeline.warm(set, store));
  }

  async #warmOnHistory(work: (store: JournalStore) => Promise<void>): Promise<void> {
    const history = this.#ports.openHistory?.();
    try {
      await work(history ?? this.#ports.store);
    } finally {
      history?.close();
    }
  }

  #followDirections(): FollowedDirections | null {
    const { files, scheduler, pointerMarks } = this.#ports;
    const { settings, paths, observer, log, print, modelPollMs = MODEL_POLL_MS } = this.#options;
    const { market } = settings.minutehand;
    const directions = this.#loadsDirections();
    if (directions === null) return null;
    const { timeframes, load } = directions;
    return new FollowedDirections({
      modelsFolder: paths.models,
      timeframes,
      market,
      pollMs: modelPollMs,
      files,
      scheduler,
      log,
      print,
      marksOf: (timeframe) => pointerMarks?.(pointerKind(`direction_${timeframe}`)) ?? null,
      sources: () => this.pipeline.status.sources,
      load,
      apply: (input) => this.pipeline.inputs.apply(input),
      onRefused: (code) => observer.onModelsRefused(code),
      onFailed: (code) => observer.onModelsFailed(code),
    });
  }

  /** The timeframes of the instruments, and how their models are loaded; null without instruments. */
  #loadsDirections() {
    const { loadDirection } = this.#ports;
    const timeframes = [...new Set(this.#subjects.filter(isInstrument).map(barSecondsOf))].map(timeframeOf);
    if (timeframes.length === 0 || loadDirection === undefined) return null;
    const load = async (folder: string, timeframe: Timeframe): Promise<DirectionModel> => {
      const model = await loadDirection(folder, timeframe, async (work) => {
        await this.pipeline.idleWindow();
        return work();
      });
      if (model.rowSchema === undefined) return model;
      return orRelease(model, () => this.#warmOnHistory((store) => this.pipeline.warmDirection(model, store)));
    };
    return { timeframes, load };
  }

  /** What a rollout of direction models needs; null without instruments. */
  #challengedDirections(): ChallengedDirections | null {
    const { paths, settings } = this.#options;
    const directions = this.#loadsDirections();
    if (directions === null) return null;
    return {
      timeframes: directions.timeframes,
      load: async (version, timeframe) => {
        const model = await directions.load(pathInside(directionFolder(paths.models), version), timeframe);
        return ownDirection(model, settings.minutehand.market, timeframe);
      },
    };
  }

  /** What a rollout of rules needs; null without subjects of rules. */
  #challengedRules(): ChallengedRules | null {
    const options = this.#ruleOptions('challenger');
    if (options === null) return null;
    return { subjects: options.subjects.map(({ id }) => id), load: ownRuleLoader(options) };
  }

  #followRules(): FollowedSlots<string, RuleModel> | null {
    const { pointerMarks } = this.#ports;
    const options = this.#ruleOptions('served');
    if (options === null) return null;
    return followRules({
      ...options,
      marksOf: (instrument) => pointerMarks?.(pointerKind(`rule_${instrument}`)) ?? null,
      apply: (input) => this.pipeline.inputs.apply(input),
    });
  }

  #followRuleShadows(): FollowedSlots<string, RuleModel> | null {
    const { pointerMarks, store } = this.#ports;
    const options = this.#ruleOptions('shadow');
    if (options === null) return null;
    return followRuleShadows({
      ...options,
      marksOf: (instrument) => pointerMarks?.(pointerKind(`rule_shadow_${instrument}`)) ?? null,
      apply: (input) => this.pipeline.inputs.apply(input),
      lastShadows: (version) => [...store.lastShadows(version), ...this.#journal.waitingShadows(version)],
    });
  }

  /** @returns null without subjects of rules */
  #ruleOptions(role: RuleRole): Omit<FollowedRulesOptions, 'apply' | 'marksOf'> | null {
    const { files, scheduler, loadRule } = this.#ports;
    const { settings, paths, observer, log, print, modelPollMs = MODEL_POLL_MS } = this.#options;
    const subjects = this.#subjects.filter(isInstrument);
    if (subjects.length === 0 || loadRule === undefined) return null;
    return {
      modelsFolder: paths.models,
      subjects,
      market: settings.minutehand.market,
      pollMs: modelPollMs,
      files,
      scheduler,
      log,
      print,
      load: async (folder) => {
        const rule = loadRule(folder);
        await this.#warmOnHistory((store) => this.pipeline.warmRule(rule, store, role));
        return rule;
      },
      onRefused: (code) => observer.onModelsRefused(code),
      onFailed: (code) => observer.onModelsFailed(code),
    };
  }

  #followHalts(): ActiveHalts {
    const { files, scheduler, store, pointerMarks } = this.#ports;
    const { paths, log, print, modelPollMs = MODEL_POLL_MS } = this.#options;
    const marks = pointerMarks?.(ACTIVE_POINTER);
    return followHalts({
      mustBeSigned: () => marks?.mustSign() === true,
      modelsFolder: paths.models,
      files,
      scheduler,
      pollMs: modelPollMs,
      log,
      print,
      standing: parseStanding(store.lastHalts()),
      activeVersion: () => this.pipeline.status.models?.version ?? null,
      apply: (standing) => {
        this.pipeline.inputs.apply({ kind: 'halts', standing });
        // Journaled at once, and not with the next bar: a power cut may undo the file.
        void this.pipeline.idleWindow().then(() => this.pipeline.settled());
      },
      onUnread: this.#degradesWith('stops'),
      onReadAgain: () => this.#recovered('stops'),
    });
  }

  #followCalendar(): FollowedCalendar {
    const { files, scheduler } = this.#ports;
    const { paths, log, print, modelPollMs = MODEL_POLL_MS } = this.#options;
    return followCalendar({
      modelsFolder: paths.models,
      subjects: this.#subjects,
      files,
      scheduler,
      pollMs: modelPollMs,
      log,
      print,
      nowMs: () => this.#calendarNowMs(),
      apply: (events) => this.pipeline.inputs.apply({ kind: 'news', events }),
    });
  }

  /** Events of a simulated market, whose days are others, are ahead of its newest bar. */
  #calendarNowMs(): number {
    const opens = [...this.pipeline.status.lastTimes.values()];
    const isLive = this.#options.settings.minutehand.market === 'live' || opens.length === 0;
    return isLive ? this.#ports.clock.nowMs() : (Math.max(...opens) + SECONDS_PER_BAR) * 1000;
  }

  #watchArrivals(): ReturnType<typeof watchArrivals> {
    const { log, print } = this.#options;
    return watchArrivals({
      limitMs: EXPIRED_AFTER_INTERVALS * this.#intervalMs,
      symbols: symbolsOf(this.#subjects).length,
      degraded: (what) => this.pipeline.inputs.apply({ kind: 'degraded', what }),
      recovered: (what) => this.#recovered(what),
      log,
      print,
    });
  }

  /** Rules for bars of every transport. */
  #barChecks() {
    const { feed } = this.#options.settings.minutehand;
    return {
      sink: this.pipeline.inputs,
      bootId: this.bootId,
      clock: this.#ports.clock,
      maxClockSkewMs: feed.max_clock_skew_ms,
      names: symbolNames(this.#options.settings),
      maxBars: feed.max_bars_per_request,
      onOutcome: (outcome: Parameters<IntakeOptions['onOutcome']>[0]): void => this.#options.observer.onBar(outcome),
      onLive: this.#arrivals.note,
    };
  }

  // ---- problems ----

  /** Reports and logs that signals or journal cannot be written, once until they can be again. */
  #degradesWith(what: Degradation): (error: ErrorReport) => void {
    const { log, print } = this.#options;
    return (error) => {
      this.pipeline.inputs.apply({ kind: 'degraded', what });
      log.error({ code: error.code }, error.message);
      print(`${error.code}: ${error.message} ${error.next}`);
    };
  }

  #recovered(what: Degradation): void {
    this.pipeline.inputs.apply({ kind: 'recovered', what });
  }

  #refuseWhenClosed(): void {
    if (this.#isSigningOff) throw new MinutehandError('STOPPING');
    if (this.#isJournalFull()) throw new MinutehandError('JOURNAL_FULL');
  }

  #isJournalFull(): boolean {
    if (!this.#journal.isFull) return false;
    // Without bars nothing else flushes it before the next heartbeat.
    this.#journal.flush();
    return this.#journal.isFull;
  }

  #checkTimes(): void {
    this.pipeline.inputs.expire();
    this.#arrivals.report();
    if (this.#options.isFeedOpen()) this.pipeline.inputs.checkSilence();
    else this.pipeline.expectNoBars();
  }
}

function clockDiffers(errorMs: number): MinutehandError {
  const seconds = Math.round(Math.abs(errorMs) / 100) / 10;
  return new MinutehandError('CLOCK_DIFFERS', {
    seen: `this machine is ${seconds} s ${errorMs > 0 ? 'ahead of' : 'behind'} the lease server`,
  });
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
    policyText: decisionRecord(settings).text,
    startedMs,
  });
  return bootId;
}
