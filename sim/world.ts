import type { Daemon } from '../daemon/daemon.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../shared/bar.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { haltsPath, parseStanding } from '../shared/bundle/halts.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { Rng } from '../shared/ports.ts';
import { createRng } from '../shared/rng.ts';
import type { Verdict } from '../shared/signal/consumer.ts';
import { createMemoryJournal, type MemoryJournal } from './memory_journal.ts';
import { protocolConsumer, startConsumer, type ConsumerMaker, type Transport } from './consumers.ts';
import { createDisk, type SimulatedDisk } from './disk.ts';
import { createDoor } from './door.ts';
import { startFeed, type Feed } from './feed.ts';
import { createHaltLedger } from './halt_ledger.ts';
import { createMachine, guardFiles, type Machine } from './machine.ts';
import { createPrices } from './market.ts';
import { createOracle, type Oracle, type Seen } from './oracle.ts';
import { consumerWithoutExpiry, forgetfulConsumer, withoutSync, type PlantedBug } from './planted.ts';
import { startProcess, type SimulatedProcess } from './process.ts';
import { createRedis, type SimulatedRedis } from './redis.ts';
import { createShadowWatch, type ShadowWatch } from './shadow_watch.ts';
import { isSighting, type Sighting } from './sightings.ts';
import { peaceAfter, type Weather } from './swarm.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { createTrainer, peekingFiles, type Trainer } from './trainer.ts';
import { createTruth } from './truth.ts';

/** Tuesday, 2025-10-14, 12:00:00 UTC, and some seconds of the seed. */
const EPOCH_MS = 1_760_443_200_000;
const MINUTE_MS = 60_000;
const HISTORY_MINUTES = 90;
const SIGNALS = '/home/signals';
const MODELS = '/home/models';
/** How far the clock of an EA is off that of the daemon's machine. */
const MAX_SKEW_MS = 500;
/** All transports are handed a signal within this time. */
const LATE_SEND_MS = 1000;
/** An answer by WebSocket is under way for less. */
const ANSWER_TRAVEL_MS = 2000;

export interface Violation {
  readonly atMs: number;
  readonly rule: string;
  readonly what: string;
}

export interface WorldOptions {
  readonly seed: number;
  readonly settings: Settings;
  readonly weather: Weather;
  readonly planted: PlantedBug | null;
  /** When the faults end, ms after the beginning. */
  readonly stormMs: number;
  readonly trace: ((line: string) => void) | null;
}

/** A simulated machine with a daemon and a trainer, and around it a feeder, a Redis server and expert advisors. */
export interface World {
  readonly timeline: Timeline;
  /** Of the events that befall it. */
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
  readonly feed: Feed;
  readonly oracle: Oracle;
  readonly shadowWatch: ShadowWatch;
  /** Interesting states that were reached. */
  readonly sightings: ReadonlySet<Sighting>;
  readonly violations: Violation[];
  /** The daemon's process; null between two of them. */
  readonly process: SimulatedProcess | null;
  readonly daemon: Daemon | null;
  readonly signalsFolder: string;
  readonly modelsFolder: string;
  readonly consumers: readonly string[];
  /** What each consumer obeyed in mode OK: `<consumer> <pair> <timestamp>`. */
  readonly obeyedOk: ReadonlySet<string>;
  readonly weather: Weather;
  /** How far the wall clock is off. */
  wallOffsetMs: number;
  /** No bars until then. */
  closedUntilMs: number;
  /** Something is wrong with the models on the disk or in memory that only a new bundle mends. */
  needsNewModels: boolean;
  /** How long the machine slept. */
  sleptMs: number;
  /** Strikes when the next message of the feeder arrives, before the daemon has it; null: nothing waits for one. */
  atNextMessage: (() => void) | null;
  /** As epoch milliseconds: what the clock of the machine would say if nobody had set it. */
  trueMs(): number;
  violate(rule: string, what: string): void;
  /** Notes an interesting state; other names are left out. */
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

/** Makes a world as it is before anything has happened in it. The daemon has models and no bars yet. */
export function createWorld(options: WorldOptions): World {
  const { seed, settings, planted } = options;
  const stream = (part: string): Rng => createRng(`world ${seed} ${part}`);
  const timeline = createTimeline(stream('time'));
  const rng = stream('events');
  const processRng = stream('process');
  const startMs = EPOCH_MS + rng.integer(MINUTE_MS);
  const { minutehand } = settings;
  const pairs = minutehand.pairs.map(parsePair);
  const schema = featureSchema(minutehand.windows);
  const intervalMs = minutehand.feed.interval_ms;

  const violations: Violation[] = [];
  const sightings = new Set<Sighting>();
  const see = (name: string): void => {
    if (isSighting(name)) sightings.add(name);
  };
  const lastSignals = new Map<string, Seen>();
  const obeyedOk = new Set<string>();
  let { weather } = options;
  let wallOffsetMs = 0;
  let lowestOffsetMs = 0;
  let highestOffsetMs = 0;
  let isRetraining = false;

  const trueMs = (): number => startMs + timeline.nowMs;
  const wallMs = (): number => trueMs() + wallOffsetMs;
  const trace = (line: () => string): void => {
    if (options.trace === null) return;
    options.trace(`${new Date(trueMs()).toISOString().slice(11, 23)} ${line()}`);
  };
  const violate = (rule: string, what: string): void => {
    violations.push({ atMs: timeline.nowMs, rule, what });
    trace(() => `VIOLATION ${rule}: ${what}`);
  };

  const disk = createDisk({ rng: stream('disk'), wallMs, spend: (ms) => timeline.spend(ms) });
  const journal = createMemoryJournal();
  const halts = createHaltLedger();
  const { redis: redisSettings } = minutehand.transports;
  const redis = createRedis({
    timeline,
    rng: stream('redis'),
    weather: options.weather.network,
    keyTtlMs: redisSettings.key_ttl_ms,
    connectTimeoutMs: redisSettings.connect_timeout_ms,
    onBatch(batch) {
      for (const { text } of batch) {
        publish(text);
        const sinceMs = timeline.nowMs - oracle.published.get(text)!.atMs;
        if (sinceMs > LATE_SEND_MS)
          violate('sent late as fresh', `to Redis ${Math.round(sinceMs)} ms after others: ${text}`);
      }
    },
  });
  const oracle = createOracle({
    nowMs: () => timeline.nowMs,
    trueMs,
    wallMs,
    intervalMs,
    clockErrorMs: () => highestOffsetMs - lowestOffsetMs + MAX_SKEW_MS,
    validMs: 2.5 * intervalMs,
    onViolation: violate,
  });
  const truth = createTruth({
    timeline,
    feed: minutehand.feed,
    signalsFolder: SIGNALS,
    pipeline: () => machine.daemon?.pipeline ?? null,
    standing: () => trainer.standing(),
    halts,
    knowsMinuteOf: (pairId) => journal.signals.some((row) => row.pairId === pairId),
    onViolation: violate,
  });
  disk.onFailure = (operation, path, code) => {
    trace(() => `disk: ${code} at ${operation} ${path.replace(/\.\d+\.tmp/, '.tmp')}`);
    const isWriting = operation === 'write' || operation === 'rename' || operation === 'makeFolder';
    if (isWriting && path.startsWith(SIGNALS)) truth.fileFailed(path);
    if (path === haltsPath(MODELS)) truth.haltsChanged();
  };

  /** A signal leaves the daemon by some way. */
  function publish(text: string): void {
    const fresh = oracle.publish(text);
    if (fresh === null) return;
    const { pair_id, timestamp, seq, action, reason, mode, target, model_version } = fresh.signal;
    trace(
      () =>
        `signal ${pair_id} ${timestamp} seq ${seq} ${action} ${reason} ${mode} target ${target} models ${model_version}`,
    );
    truth.hear(fresh);
    machine.hear(fresh);
    if (options.weather.shadows > 0) shadowWatch.hear(fresh);
    note(fresh.signal);
  }

  function note(signal: Seen): void {
    lastSignals.set(signal.pair_id, signal);
    const { reason, mode, generated_at_ms, valid_until_ms } = signal;
    if (reason === 'SILENCE') see(`heartbeat ${mode}`);
    if (valid_until_ms < generated_at_ms) see('signal born expired');
    if (mode === 'DEGRADED')
      for (const what of machine.daemon?.pipeline.status.degradations ?? []) see(`degraded: ${what}`);
  }

  const shadowWatch = createShadowWatch({
    timeline,
    journal,
    shadow() {
      const daemon = machine.daemon;
      const version = daemon?.health().shadow_version ?? null;
      return daemon === null || version === null ? null : { bootId: daemon.bootId, version };
    },
    onViolation: violate,
  });

  const trainer = createTrainer({
    settings,
    schema,
    folder: MODELS,
    disk,
    rng,
    trueMs,
    openFiles(killAt) {
      const process = startProcess({
        name: 'trainer',
        timeline,
        rng: processRng,
        wallMs,
        turnMs: 1,
        onDefect: (error) => violate('defect', String(error)),
      });
      if (killAt !== undefined) process.killAtCall(killAt);
      return guardFiles(process, planted === 'lost_sync' ? withoutSync(disk) : disk, disk);
    },
    trace,
    halts,
    journaledHalts: () => parseStanding(journal.inputs.findLast(({ kind }) => kind === 'halts')?.subject ?? '').halts,
    onHaltsChanged: () => truth.haltsChanged(),
    onLifted() {
      for (const { reason, mode } of lastSignals.values())
        if (reason === 'IN_POSITION' && mode === 'HALT') see('halt lifted while a position is open');
    },
    onViolation: violate,
  });
  const machine: Machine = createMachine({
    timeline,
    rng,
    processRng,
    settings,
    schema,
    storm: options.weather,
    stormMs: options.stormMs,
    planted,
    signalsFolder: SIGNALS,
    modelsFolder: MODELS,
    disk,
    journal,
    redis,
    oracle,
    truth,
    trainer,
    wallMs,
    weather: () => weather,
    onText: publish,
    onModelsFailed() {
      world.needsNewModels = true;
      retrain();
    },
    newestMinute: () => Math.max(0, ...[...feed.bars.values()].map((bars) => bars.at(-1)?.time ?? 0)),
    see,
    trace,
    onViolation: violate,
  });

  disk.makeFolder(SIGNALS);
  disk.makeFolder(MODELS);
  trainer.publish();
  disk.settle();
  const feed = openFeed();
  const world: World = {
    timeline,
    rng,
    settings,
    machine,
    disk,
    journal,
    redis,
    trainer,
    feed,
    oracle,
    shadowWatch,
    sightings,
    violations,
    get process() {
      return machine.process;
    },
    get daemon() {
      return machine.daemon;
    },
    signalsFolder: SIGNALS,
    modelsFolder: MODELS,
    consumers: CONSUMERS.map(({ name }) => name),
    obeyedOk,
    get weather() {
      return weather;
    },
    get wallOffsetMs() {
      return wallOffsetMs;
    },
    set wallOffsetMs(ms) {
      if (ms - wallOffsetMs < -MINUTE_MS) see('clock set back by over a minute');
      wallOffsetMs = ms;
      lowestOffsetMs = Math.min(lowestOffsetMs, ms);
      highestOffsetMs = Math.max(highestOffsetMs, ms);
      trace(() => `clock: ${ms >= 0 ? '+' : ''}${(ms / 1000).toFixed(1)} s`);
    },
    closedUntilMs: 0,
    needsNewModels: false,
    sleptMs: 0,
    atNextMessage: null,
    trueMs,
    violate,
    see,
    trace,
    endFaults() {
      weather = peaceAfter(options.weather);
      world.closedUntilMs = 0;
      world.atNextMessage = null;
      disk.clearFaults();
      journal.refusal = null;
      redis.isFull = false;
      redis.slowMs = 0;
      if (!redis.isUp) redis.start(0);
      redis.resume();
      if (wallOffsetMs !== 0) world.wallOffsetMs = 0;
      machine.process?.killAtCall(Infinity);
      trace(() => 'PEACE: no more faults');
    },
    async run(untilMs) {
      await timeline.run(untilMs);
      await trainer.settled();
    },
  };
  for (const { name, transports } of CONSUMERS) openConsumer(name, transports);
  timeline.at(0, machine.boot);
  truth.watchSilence();
  return world;

  function openFeed(): Feed {
    const firstLive = Math.floor(startMs / MINUTE_MS) * SECONDS_PER_BAR;
    const history = Array.from(
      { length: HISTORY_MINUTES },
      (_, i) => (firstLive - (HISTORY_MINUTES - i) * SECONDS_PER_BAR) as OpenTime,
    );
    const door = createDoor({
      rule: options.weather.feed.rule,
      kind: options.weather.feed.door,
      life: () => machine.boots,
      request: machine.request,
      openSocket: (path, query, end) => machine.sockets?.connect(path, query, end) ?? null,
      powerCuts: () => machine.powerCuts,
      // It was on its way for a moment, in which much can happen.
      asAnswer: (body, powerCuts) => ({
        status: 200,
        body,
        isJournaled: timeline.nowMs - truth.journalHurtMs > ANSWER_TRAVEL_MS,
        powerCuts,
      }),
      lose: (onAnswer) => void timeline.at(timeline.nowMs + 1, () => onAnswer(null)),
    });
    return startFeed(
      {
        timeline,
        rng: stream('feed'),
        prices: createPrices(seed, symbolsOf(pairs)),
        symbols: symbolsOf(pairs),
        door,
        weather: () => weather.feed,
        trueMs,
        isClosed: () => timeline.nowMs < world.closedUntilMs,
        onAccepted(items, answer) {
          if (answer.powerCuts !== machine.powerCuts) return;
          const { stored } = JSON.parse(answer.body) as { stored: boolean };
          if (!stored) {
            if (answer.isJournaled) violate('answered as not stored', 'on a disk that takes everything');
            return;
          }
          for (const { symbol, time } of items)
            if (!journal.inputs.some((row) => row.subject === symbol && row.time === time))
              violate('answered but not journaled', `${symbol} ${new Date(time * 1000).toISOString()}`);
        },
        onArrival() {
          const strike = world.atNextMessage;
          world.atNextMessage = null;
          strike?.();
        },
        onStopping: () => see('STOPPING answered'),
        onWrongAnswer: (what) => violate('wrong answer to a message', what),
        trace,
      },
      history,
    );
  }

  function openConsumer(name: string, transports: readonly Transport[]): void {
    const skewMs = rng.integer(2 * MAX_SKEW_MS) - MAX_SKEW_MS;
    startConsumer({
      name,
      transports,
      pairIds: minutehand.pairs,
      timeline,
      rng: stream(name),
      files: peekingFiles(disk),
      signalsFolder: SIGNALS,
      redis,
      make: consumerMaker(planted),
      clockMs: () => wallMs() + skewMs,
      weather: () => weather.consumer,
      openSocket: (end) => machine.sockets?.connect('/signals', '', end) ?? null,
      onVerdict(text, clockMs, verdict) {
        oracle.check(name, text, clockMs, verdict);
        if (verdict.verdict === 'refuse') {
          see(`consumer refuses ${verdict.code}`);
          return checkRefusal(name, transports, verdict);
        }
        const signal = oracle.published.get(text.trimEnd())?.signal;
        if (signal?.reason === 'SILENCE' && signal.mode === 'HALT') see('heartbeat HALT obeyed');
        if (signal?.mode === 'OK') obeyedOk.add(`${name} ${signal.pair_id} ${signal.timestamp}`);
        const orders = verdict.orders.map(({ order }) => order);
        if (orders.includes('open') || orders.includes('close'))
          trace(() => `${name}: ${orders.join(', ')} ${verdict.pairId} at ${signal?.timestamp}`);
      },
      trace,
    });
  }

  /** Most failures of models are answered by a training run at once. */
  function retrain(): void {
    if (isRetraining || rng.integer(4) === 0) return;
    isRetraining = true;
    const endsMs = timeline.nowMs + MINUTE_MS * (0.5 + 2 * rng.uniform());
    timeline.at(endsMs, () => {
      isRetraining = false;
      if (endsMs < options.stormMs) trainer.publish();
    });
  }

  /** Renames and connections tear nothing; only a power cut does, and only files. */
  function checkRefusal(
    name: string,
    transports: readonly Transport[],
    { code, seen }: Extract<Verdict, { verdict: 'refuse' }>,
  ): void {
    const mayBeTorn = transports.includes('file') && machine.powerCuts > 0;
    const isWrong = code === 'SCHEMA' || code === 'FORMAT' || code === 'MARKET' || (code === 'TORN' && !mayBeTorn);
    if (isWrong) violate('a signal that no consumer can take', `${name}: ${code} ${seen}`);
  }
}

function consumerMaker(planted: PlantedBug | null): ConsumerMaker {
  if (planted === 'skipped_expiry') return consumerWithoutExpiry;
  return planted === 'doubling_retry' ? forgetfulConsumer : protocolConsumer;
}
