import type { Daemon } from '../daemon/daemon.ts';
import { SECONDS_PER_BAR } from '../shared/bar.ts';
import { featureSchema, type FeatureSchema } from '../shared/bundle/feature_schema.ts';
import { haltsPath, parseStanding } from '../shared/bundle/halts.ts';
import {
  barMinutesOf,
  barSecondsOf,
  isInstrument,
  parseInstrument,
  parseSubject,
  symbolsOf,
  timeframeOf,
} from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import { createRng } from '../shared/rng.ts';
import type { Verdict } from '../shared/signal/consumer.ts';
import { createMemoryJournal, type MemoryJournal } from './memory_journal.ts';
import { protocolConsumer, startConsumer, type ConsumerMaker, type Transport } from './consumers.ts';
import { Chronicle, type Violation } from './chronicle.ts';
import { createDisk, type SimulatedDisk } from './disk.ts';
import type { Item } from './bar_message.ts';
import { DirectionTrainer } from './directions.ts';
import { diskPath } from './disk_path.ts';
import { createDoor } from './door.ts';
import { startFeed, type FeedReply, type Door, type Feed } from './feed.ts';
import { createHaltLedger, type HaltLedger } from './halt_ledger.ts';
import { guardFiles } from './guarded_files.ts';
import { LeaseWorld } from './lease_world.ts';
import { createMachine, type Machine } from './machine.ts';
import { createPrices } from './market.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { consumerWithoutExpiry, forgetfulConsumer, withoutSync, type PlantedBug } from './planted.ts';
import { startProcess, type SimulatedProcess } from './process.ts';
import { createRedis, type SimulatedRedis } from './redis.ts';
import { RuleTrainer } from './rules.ts';
import { createShadowWatch, type ShadowWatch } from './shadow_watch.ts';
import { keyOf, SeriesSource, type SentValue } from './series_source.ts';
import type { Sighting } from './sightings.ts';
import { SignalWatch } from './signal_watch.ts';
import { peaceAfter, type Weather } from './swarm.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { createTrainer, peekingFiles, prepareAtOnce, type Prepare, type Trainer } from './trainer.ts';
import { Truth } from './truth.ts';
import { historyOf, subjectsOf, type Variety } from './variety.ts';
import { WorldClock } from './world_clock.ts';
import { PLAIN_KIND, type WorldKind } from './world_kind.ts';

/** Tuesday, 2025-10-14, 12:00:00 UTC; the seed adds some seconds. */
const EPOCH_MS = 1_760_443_200_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SIGNALS = '/home/signals';
const MODELS = '/home/models';
/** Maximum clock difference between an EA and the daemon's machine. */
const MAX_SKEW_MS = 500;
/** All transports publish a signal within this time of each other. */
const LATE_SEND_MS = 1000;
/** Maximum travel time of a WebSocket reply. */
const ANSWER_TRAVEL_MS = 2000;

export interface WorldOptions {
  readonly seed: number;
  readonly settings: Settings;
  readonly weather: Weather;
  /** null: one-minute pairs only. */
  readonly variety: Variety | null;
  readonly planted: PlantedBug | null;
  /** End of the faults, ms from the start. */
  readonly stormMs: number;
  readonly trace: ((line: string) => void) | null;
  /** Default: at once. */
  readonly prepare?: Prepare;
  /** Default: no groups, no lease. */
  readonly kind?: WorldKind;
}

/** A simulated machine with a daemon and a trainer, plus a feeder, a Redis server and expert advisors. */
export interface World {
  readonly timeline: Timeline;
  /** Randomness of external events. */
  readonly rng: Rng;
  readonly settings: Settings;
  readonly machine: Pick<
    Machine,
    'boots' | 'powerCuts' | 'kill' | 'cutPower' | 'stop' | 'failedIn' | 'hasFailedModels'
  >;
  readonly disk: SimulatedDisk;
  readonly journal: MemoryJournal;
  readonly redis: SimulatedRedis;
  readonly trainer: Trainer;
  readonly directions: DirectionTrainer;
  readonly rules: RuleTrainer;
  readonly feed: Feed;
  /** Source of auxiliary series; null: none. */
  readonly series: SeriesSource | null;
  readonly variety: Variety | null;
  readonly kind: WorldKind;
  /** null: none is configured. */
  readonly lease: LeaseWorld | null;
  readonly oracle: Oracle;
  readonly shadowWatch: ShadowWatch;
  /** Coverage states reached so far. */
  readonly sightings: ReadonlySet<Sighting>;
  readonly violations: Violation[];
  /** The daemon's process; null between restarts. */
  readonly process: SimulatedProcess | null;
  readonly daemon: Daemon | null;
  readonly signalsFolder: string;
  readonly modelsFolder: string;
  readonly consumers: readonly string[];
  /** Signals that each consumer accepted in mode OK: `<consumer> <pair> <timestamp>`. */
  readonly acceptedOk: ReadonlySet<string>;
  readonly weather: Weather;
  /** Offset of the wall clock. */
  wallOffsetMs: number;
  /** Maximum error of the wall clock so far. */
  readonly clockErrorMs: number;
  /** The market is closed until this time. */
  closedUntilMs: number;
  /** Something is wrong with the models, on disk or in memory, that only a new bundle repairs. */
  needsNewModels: boolean;
  /** Time that the machine was suspended. */
  sleptMs: number;
  /** Called when the feeder's next message arrives, before the daemon receives it; null: nothing. */
  atNextMessage: (() => void) | null;
  /** True time as epoch milliseconds: the machine's clock if it had never been set. */
  trueMs(): number;
  violate(rule: string, what: string): void;
  /** Records a coverage state; other names are ignored. */
  see(name: string): void;
  trace(line: () => string): void;
  endFaults(): void;
  run(untilMs: number): Promise<void>;
}

const CONSUMERS: readonly { name: string; transports: readonly Transport[] }[] = [
  { name: 'EA by file', transports: ['file'] },
  { name: 'EA by Redis', transports: ['redis'] },
  { name: 'EA by WebSocket', transports: ['websocket'] },
  { name: 'EA by all', transports: ['file', 'redis', 'websocket'] },
];

/** Creates a world in its initial state. The daemon has models and no bars yet. */
export function createWorld(options: WorldOptions): World {
  return new SimulatedWorld(options);
}

class SimulatedWorld implements World {
  readonly timeline: Timeline;
  readonly rng: Rng;
  readonly settings: Settings;
  readonly machine: Machine;
  readonly disk: SimulatedDisk;
  readonly journal = createMemoryJournal();
  readonly redis: SimulatedRedis;
  readonly trainer: Trainer;
  readonly directions: DirectionTrainer;
  readonly rules: RuleTrainer;
  readonly feed: Feed;
  readonly series: SeriesSource | null;
  readonly variety: Variety | null;
  readonly kind: WorldKind;
  readonly lease: LeaseWorld | null;
  readonly oracle: Oracle;
  readonly shadowWatch: ShadowWatch;
  readonly signalsFolder = SIGNALS;
  readonly modelsFolder = MODELS;
  readonly consumers = CONSUMERS.map(({ name }) => name);
  readonly acceptedOk = new Set<string>();
  readonly sightings: ReadonlySet<Sighting>;
  readonly violations: Violation[];
  readonly violate: World['violate'];
  readonly see: World['see'];
  readonly trace: World['trace'];
  closedUntilMs = 0;
  needsNewModels = false;
  sleptMs = 0;
  atNextMessage: (() => void) | null = null;
  readonly #options: WorldOptions;
  readonly #processRng: Rng;
  readonly #schema: FeatureSchema;
  readonly #clock: WorldClock;
  readonly #halts: HaltLedger = createHaltLedger();
  readonly #truth: Truth;
  readonly #signals: SignalWatch;
  #weather: Weather;
  #isRetraining = false;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#weather = options.weather;
    this.variety = options.variety;
    this.kind = options.kind ?? PLAIN_KIND;
    this.settings = options.settings;
    this.#schema = featureSchema(options.settings.minutehand.windows);
    this.timeline = createTimeline(this.#stream('time'));
    this.rng = this.#stream('events');
    this.#processRng = this.#stream('process');
    const untilHourMs = options.variety === null ? 0 : HOUR_MS - options.variety.minutesToHour * MINUTE_MS;
    this.#clock = new WorldClock(this.timeline, EPOCH_MS + untilHourMs + this.rng.integer(MINUTE_MS));
    const chronicle = new Chronicle(this.timeline, this.#clock, options.trace);
    ({
      violations: this.violations,
      sightings: this.sightings,
      violate: this.violate,
      see: this.see,
      trace: this.trace,
    } = chronicle);
    this.disk = this.#openDisk();
    this.redis = this.#openRedis();
    this.lease = this.kind.lease === null ? null : this.#openLease();
    this.oracle = this.#openOracle();
    this.#truth = this.#openTruth();
    this.shadowWatch = this.#openShadowWatch();
    this.trainer = this.#openTrainer();
    this.directions = new DirectionTrainer({
      settings: this.settings,
      folder: MODELS,
      disk: this.disk,
      trueMs: this.trueMs,
      trace: this.trace,
    });
    this.rules = new RuleTrainer({
      settings: this.settings,
      folder: MODELS,
      disk: this.disk,
      activeDirection: (timeframe) => this.directions.active(timeframe),
      trueMs: this.trueMs,
      trace: this.trace,
    });
    this.machine = this.#openMachine();
    this.#signals = new SignalWatch({
      oracle: this.oracle,
      truth: this.#truth,
      machine: this.machine,
      lease: this.lease,
      shadowWatch: hasShadows(options) ? this.shadowWatch : null,
      see: this.see,
      trace: this.trace,
    });
    this.#install();
    this.feed = this.#openFeed();
    this.series = options.variety === null ? null : this.#openSeries(options.variety);
    for (const { name, transports } of CONSUMERS) this.#openConsumer(name, transports);
    this.timeline.at(0, () => this.machine.boot());
    this.#truth.silence.watch();
  }

  #stream(part: string): Rng {
    return createRng(`world ${this.#options.seed} ${part}`);
  }

  #install(): void {
    this.disk.makeFolder(SIGNALS);
    this.disk.makeFolder(MODELS);
    this.trainer.publish();
    this.directions.publish();
    if (this.variety?.hasRules === true) this.rules.serveAll(this.#stream('rules'), true);
    this.disk.settle();
  }

  // ---- state ----

  get process(): SimulatedProcess | null {
    return this.machine.process;
  }

  get daemon(): Daemon | null {
    return this.machine.daemon;
  }

  get weather(): Weather {
    return this.#weather;
  }

  get wallOffsetMs(): number {
    return this.#clock.offsetMs;
  }

  set wallOffsetMs(ms: number) {
    if (ms - this.#clock.offsetMs < -MINUTE_MS) this.see('clock set back by over a minute');
    this.#clock.offsetMs = ms;
    this.trace(() => `clock: ${ms >= 0 ? '+' : ''}${(ms / 1000).toFixed(1)} s`);
  }

  get clockErrorMs(): number {
    return this.#clock.errorMs;
  }

  readonly trueMs = (): number => this.#clock.trueMs();

  readonly #wallMs = (): number => this.#clock.wallMs();

  endFaults(): void {
    this.#weather = peaceAfter(this.#options.weather);
    this.closedUntilMs = 0;
    this.atNextMessage = null;
    this.disk.clearFaults();
    this.journal.refusal = null;
    this.journal.slowMs = 0;
    this.journal.takeDeath();
    this.redis.isFull = false;
    this.redis.slowMs = 0;
    if (!this.redis.isUp) this.redis.start(0);
    this.redis.resume();
    if (this.wallOffsetMs !== 0) this.wallOffsetMs = 0;
    this.lease?.endFaults();
    this.machine.process?.killAtCall(Infinity);
    this.trace(() => 'PEACE: no more faults');
  }

  async run(untilMs: number): Promise<void> {
    await this.timeline.run(untilMs);
  }

  // ---- disk, Redis, observers ----

  #openDisk(): SimulatedDisk {
    const spend = (ms: number): void => this.timeline.spend(ms);
    const disk = createDisk({ rng: this.#stream('disk'), wallMs: this.#wallMs, spend });
    disk.onFailure = (operation, path, code) => {
      this.trace(() => `disk: ${code} at ${operation} ${path}`);
      const isWriting = operation === 'write' || operation === 'rename' || operation === 'makeFolder';
      if (isWriting && path.startsWith(SIGNALS)) this.#truth.disks.fileFailed(path);
      if (path === diskPath(haltsPath(MODELS))) this.#truth.haltsChanged();
    };
    return disk;
  }

  #openRedis(): SimulatedRedis {
    const { key_ttl_ms, connect_timeout_ms } = this.settings.minutehand.transports.redis;
    return createRedis({
      timeline: this.timeline,
      rng: this.#stream('redis'),
      weather: this.#options.weather.network,
      keyTtlMs: key_ttl_ms,
      connectTimeoutMs: connect_timeout_ms,
      onBatch: (batch) => {
        for (const { text } of batch) {
          this.#signals.publish(text);
          const sinceMs = this.timeline.nowMs - this.oracle.published.get(text)!.atMs;
          if (sinceMs > LATE_SEND_MS)
            this.violate('sent late as fresh', `to Redis ${Math.round(sinceMs)} ms after others: ${text}`);
        }
      },
      onResent: (messages) => {
        for (const { text } of messages) this.#checkResent(text);
      },
    });
  }

  #openLease(): LeaseWorld {
    return new LeaseWorld({
      timeline: this.timeline,
      rng: this.#stream('lease'),
      planted: this.#options.planted,
      trueMs: this.trueMs,
      isServing: () => this.daemon !== null,
      see: this.see,
      trace: this.trace,
      onViolation: this.violate,
    });
  }

  /** A signal that Redis gets late is the last one of its pair, and has not expired. */
  #checkResent(text: string): void {
    // Redis may get it in the same turn, before a slower transport.
    this.#signals.publish(text);
    const sent = this.oracle.published.get(text)!;
    const isLast = [...this.oracle.published.values()].findLast(({ signal }) => signal.pair_id === sent.signal.pair_id);
    if (isLast !== sent) return this.violate('sent late as fresh', `not the last: ${text}`);
    if (sent.signal.valid_until_ms < this.#wallMs()) this.violate('sent late as fresh', `expired: ${text}`);
    this.lease?.receiveResent(sent.signal);
  }

  #openOracle(): Oracle {
    const intervalMs = this.settings.minutehand.feed.interval_ms;
    return createOracle({
      works: () => this.timeline.worksDone,
      nowMs: () => this.timeline.nowMs,
      trueMs: this.trueMs,
      wallMs: this.#wallMs,
      intervalMs,
      clockErrorMs: () => this.#clock.errorMs + MAX_SKEW_MS,
      validMs: (pairId) => (barMinutesOf(pairId) + 1.5) * intervalMs,
      onViolation: this.violate,
    });
  }

  #openTruth(): Truth {
    return new Truth({
      timeline: this.timeline,
      feed: this.settings.minutehand.feed,
      signalsFolder: SIGNALS,
      pipeline: () => this.daemon?.pipeline ?? null,
      isHolder: () => (this.lease === null ? undefined : this.daemon?.lease()?.role === 'holder'),
      standing: () => this.trainer.standing(),
      halts: this.#halts,
      knowsMinuteOf: (pairId) => this.journal.signals.some((row) => row.pairId === pairId),
      hasTrainedDirection: (version) => this.directions.hasTrained(version),
      hasTrainedRule: (version) => this.rules.hasTrained(version),
      onViolation: this.violate,
    });
  }

  #openShadowWatch(): ShadowWatch {
    return createShadowWatch({
      timeline: this.timeline,
      journal: this.journal,
      shadows: (subject) => {
        const { daemon } = this;
        if (daemon === null) return null;
        const { shadow_version, direction } = daemon.health();
        const own = parseSubject(subject);
        const ofModels = isInstrument(own) ? direction?.shadows?.[timeframeOf(barSecondsOf(own))] : shadow_version;
        const ofRules = direction?.rule_shadows?.[subject];
        const versions = [
          ...(ofModels == null ? [] : [ofModels]),
          ...(ofRules === undefined ? [] : [`rule/${ofRules}`]),
        ];
        return { bootId: daemon.bootId, versions };
      },
      onViolation: this.violate,
    });
  }

  // ---- trainer and daemon ----

  #openTrainer(): Trainer {
    return createTrainer({
      settings: this.settings,
      schema: this.#schema,
      folder: MODELS,
      disk: this.disk,
      rng: this.rng,
      timeline: this.timeline,
      prepare: this.#options.prepare ?? prepareAtOnce,
      hasGroups: this.kind.groups,
      readsOthers: this.kind.others,
      trueMs: this.trueMs,
      openFiles: (killAt) => this.#openTrainerFiles(killAt),
      trace: this.trace,
      halts: this.#halts,
      journaledHalts: () =>
        parseStanding(this.journal.inputs.findLast(({ kind }) => kind === 'halts')?.subject ?? '').halts,
      onHaltsChanged: () => this.#truth.haltsChanged(),
      onLifted: () => this.#signals.haltsLifted(),
      onViolation: this.violate,
    });
  }

  #openTrainerFiles(killAt: number | undefined): FileSystem {
    const process = startProcess({
      name: 'trainer',
      timeline: this.timeline,
      rng: this.#processRng,
      wallMs: this.#wallMs,
      turnMs: 1,
      onDefect: (error) => this.violate('defect', String(error)),
    });
    if (killAt !== undefined) process.killAtCall(killAt);
    const files = this.#options.planted === 'lost_sync' ? withoutSync(this.disk) : this.disk;
    return guardFiles(process, files, this.disk);
  }

  #openMachine(): Machine {
    const { weather, stormMs, planted } = this.#options;
    return createMachine({
      timeline: this.timeline,
      rng: this.rng,
      processRng: this.#processRng,
      settings: this.settings,
      schema: this.#schema,
      storm: weather,
      stormMs,
      planted,
      signalsFolder: SIGNALS,
      modelsFolder: MODELS,
      disk: this.disk,
      journal: this.journal,
      redis: this.redis,
      oracle: this.oracle,
      truth: this.#truth,
      trainer: this.trainer,
      directions: this.directions,
      rules: this.rules,
      lease: this.lease,
      variety: this.variety,
      prepare: this.#options.prepare ?? prepareAtOnce,
      wallMs: this.#wallMs,
      weather: () => this.#weather,
      onText: (text) => this.#signals.publish(text),
      onModelsFailed: () => {
        this.needsNewModels = true;
        this.#retrain();
      },
      newestMinute: () => Math.max(0, ...[...this.feed.bars.values()].map((bars) => bars.at(-1)?.time ?? 0)),
      see: this.see,
      trace: this.trace,
      onViolation: this.violate,
    });
  }

  /** Most model failures are answered by an immediate training run. */
  #retrain(): void {
    if (this.#isRetraining || this.rng.integer(4) === 0) return;
    this.#isRetraining = true;
    const endsMs = this.timeline.nowMs + MINUTE_MS * (0.5 + 2 * this.rng.uniform());
    this.timeline.at(endsMs, () => {
      this.#isRetraining = false;
      if (endsMs < this.#options.stormMs) this.trainer.publish();
    });
  }

  // ---- feeder ----

  #openFeed(): Feed {
    const firstLive = Math.floor(this.#clock.startMs / MINUTE_MS) * SECONDS_PER_BAR;
    const symbols = symbolsOf(subjectsOf(this.settings));
    return startFeed(
      {
        timeline: this.timeline,
        rng: this.#stream('feed'),
        prices: createPrices(this.#options.seed, symbols, this.variety?.taker ?? 0),
        symbols,
        door: this.#openDoor(),
        weather: () => this.#weather.feed,
        trueMs: this.trueMs,
        isClosed: () => this.timeline.nowMs < this.closedUntilMs,
        onAccepted: (items, answer) => {
          for (const { symbol } of items) this.#truth.silence.received(symbol);
          this.#checkStored(items, answer);
        },
        onArrival: () => this.#strike(),
        onStopping: () => this.see('STOPPING answered'),
        onWrongAnswer: (what) => this.violate('wrong answer to a message', what),
        trace: this.trace,
      },
      historyOf(this.settings, firstLive),
    );
  }

  #openDoor(): Door {
    const { timeline, machine } = this;
    const { rule, door: kind } = this.#options.weather.feed;
    return createDoor({
      rule,
      kind,
      life: () => machine.boots,
      request: (method, path, query, body, onAnswer) => machine.request(method, path, query, body, onAnswer),
      openSocket: (path, query, end) => machine.sockets?.connect(path, query, end) ?? null,
      powerCuts: () => machine.powerCuts,
      // Bytes were in transit, and the state may have changed meanwhile.
      asAnswer: (body, powerCuts) => ({
        status: 200,
        body,
        isJournaled:
          !this.#truth.disks.isJournalRefusing && timeline.nowMs - this.#truth.disks.journalHurtMs > ANSWER_TRAVEL_MS,
        powerCuts,
      }),
      lose: (onAnswer) => void timeline.at(timeline.nowMs + 1, () => onAnswer(null)),
    });
  }

  #strike(): void {
    const strike = this.atNextMessage;
    this.atNextMessage = null;
    strike?.();
  }

  /** Bars confirmed as accepted and stored must be in the journal. */
  #checkStored(items: readonly Item[], answer: NonNullable<FeedReply>): void {
    if (answer.powerCuts !== this.machine.powerCuts) return;
    const { stored } = JSON.parse(answer.body) as { stored: boolean };
    if (!stored) {
      if (answer.isJournaled) this.violate('answered as not stored', 'on a disk that takes everything');
      return;
    }
    for (const { symbol, time } of items)
      if (!this.journal.inputs.some((row) => row.subject === symbol && row.time === time))
        this.violate('answered but not journaled', `${symbol} ${new Date(time * 1000).toISOString()}`);
  }

  // ---- series ----

  #openSeries({ instruments, series: weather }: Variety): SeriesSource {
    const { timeline, machine } = this;
    const calm = { ...weather, late: 0, revised: 0, doubled: 0, malformed: 0, lost: 0, outages: 0 };
    const source: SeriesSource = new SeriesSource({
      timeline,
      rng: this.#stream('series'),
      symbols: symbolsOf(instruments.map(parseInstrument)),
      weather: () => (timeline.nowMs < this.#options.stormMs ? weather : calm),
      trueMs: this.trueMs,
      request: (text, onAnswer) => machine.request('POST', '/series', '', text, onAnswer),
      onAccepted: (values, answer) => this.#checkValuesStored(values, answer),
      onRefused: (code) => this.see(`series refused: ${code}`),
      onWrongAnswer: (what) => this.violate('wrong answer to a message', what),
    });
    source.begin();
    return source;
  }

  /** Values confirmed as accepted and stored must be in the journal. */
  #checkValuesStored(values: readonly SentValue[], answer: NonNullable<FeedReply>): void {
    const { stored } = JSON.parse(answer.body) as { stored: boolean };
    if (answer.powerCuts !== this.machine.powerCuts || !stored) return;
    for (const value of values) {
      const { symbol, series, eventMs } = value;
      const isStored = this.journal.inputs.some(
        ({ kind, subject }) =>
          kind === 'series' &&
          subject.startsWith(`${symbol} ${series} ${eventMs / 1000} `) &&
          subject.endsWith(` ${value.value}`),
      );
      if (!isStored) this.violate('answered but not journaled', keyOf(value));
    }
  }

  // ---- consumers ----

  #openConsumer(name: string, transports: readonly Transport[]): void {
    const skewMs = this.rng.integer(2 * MAX_SKEW_MS) - MAX_SKEW_MS;
    startConsumer({
      name,
      transports,
      pairIds: subjectsOf(this.settings).map(({ id }) => id),
      timeline: this.timeline,
      rng: this.#stream(name),
      files: peekingFiles(this.disk),
      signalsFolder: SIGNALS,
      redis: this.redis,
      make: consumerMaker(this.#options.planted),
      clockMs: () => this.#clock.wallMs() + skewMs,
      weather: () => this.#weather.consumer,
      openSocket: (end) => this.machine.sockets?.connect('/signals', '', end) ?? null,
      onVerdict: (text, clockMs, verdict) => {
        this.oracle.check(name, text, clockMs, verdict);
        if (verdict.verdict === 'refuse') this.#refused(name, transports, verdict);
        else this.#accepted(name, text, verdict);
      },
      trace: this.trace,
    });
  }

  #accepted(name: string, text: string, { orders, pairId }: Extract<Verdict, { verdict: 'accept' }>): void {
    const signal = this.oracle.published.get(text.trimEnd())?.signal;
    if (signal?.reason === 'SILENCE' && signal.mode === 'HALT') this.see('heartbeat HALT accepted');
    if (signal?.mode === 'OK') this.acceptedOk.add(`${name} ${signal.pair_id} ${signal.timestamp}`);
    const kinds = orders.map(({ order }) => order);
    if (kinds.includes('open') || kinds.includes('close'))
      this.trace(() => `${name}: ${kinds.join(', ')} ${pairId} at ${signal?.timestamp}`);
  }

  /** Only a power cut may tear content, and only of files; renames and connections are atomic. */
  #refused(
    name: string,
    transports: readonly Transport[],
    { code, seen }: Extract<Verdict, { verdict: 'refuse' }>,
  ): void {
    this.see(`consumer refuses ${code}`);
    const mayBeTorn = transports.includes('file') && this.machine.powerCuts > 0;
    const isWrong = code === 'SCHEMA' || code === 'FORMAT' || code === 'MARKET' || (code === 'TORN' && !mayBeTorn);
    if (isWrong) this.violate('a signal that no consumer can take', `${name}: ${code} ${seen}`);
  }
}

/** Whether anything may ever be in shadow. */
function hasShadows({ weather, variety }: WorldOptions): boolean {
  return weather.shadows + (variety?.directionShadows ?? 0) + (variety?.ruleShadows ?? 0) > 0;
}

function consumerMaker(planted: PlantedBug | null): ConsumerMaker {
  if (planted === 'skipped_expiry') return consumerWithoutExpiry;
  return planted === 'doubling_retry' ? forgetfulConsumer : protocolConsumer;
}
