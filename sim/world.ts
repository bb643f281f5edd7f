import { pino } from 'pino';
import { assembleDaemon, type Daemon } from '../daemon/daemon.ts';
import type { HttpRequest } from '../daemon/serve/serve.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../shared/bar.ts';
import { readActive, readBundle, setShadow } from '../shared/bundle/bundle.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet, type ModelSet, type Quietly } from '../shared/bundle/model_set.ts';
import { MinutehandError } from '../shared/errors.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import type { Verdict } from '../shared/signal/consumer.ts';
import { createRng } from '../shared/rng.ts';
import type { JournalStore } from '../shared/store/journal.ts';
import { createMemoryJournal, type MemoryJournal } from '../shared/store/memory_journal.ts';
import { protocolConsumer, startConsumer, type Transport } from './consumers.ts';
import { createDisk, type SimulatedDisk } from './disk.ts';
import { createDoor } from './door.ts';
import { startFeed, type Answer, type Feed } from './feed.ts';
import { createPrices } from './market.ts';
import { modelContent, publishModels } from './models.ts';
import { createOracle, type Oracle, type Published } from './oracle.ts';
import {
  consumerWithoutExpiry,
  createEarlySwap,
  forgetfulConsumer,
  withoutSync,
  withShortRecovery,
  type PlantedBug,
} from './planted.ts';
import { Killed, startProcess, type SimulatedProcess } from './process.ts';
import { createRedis, type SimulatedRedis } from './redis.ts';
import { peaceAfter, type Weather } from './swarm.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { openSockets, type SimulatedSockets } from './websockets.ts';

/** Tuesday, 2025-10-14, 12:00:00 UTC, and some seconds of the seed. */
const EPOCH_MS = 1_760_443_200_000;
const HISTORY_MINUTES = 90;
const SIGNALS = '/home/signals';
const MODELS = '/home/models';
const MAX_BUFFERED_BYTES = 16_384;
const KERNEL_BYTES = 8192;
const FIRST_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 30_000;
/** A process that lived this long is started again at once when it dies. */
const STEADY_MS = 60_000;
/** How far the clock of an EA is off that of the daemon's machine. */
const MOST_SKEW_MS = 500;
/** All transports are handed a signal within this time. */
const LATE_SEND_MS = 1000;
const SILENCE_CHECK_MS = 20_000;
/** How long a stop may take. */
const STOP_MS = 30_000;
/** How long something may be wrong before a signal has to say so: minutes that wait are still answered as they came. */
const TRUTH_DELAY_MS = 30_000;

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
  readonly rng: Rng;
  readonly disk: SimulatedDisk;
  readonly journal: MemoryJournal;
  readonly redis: SimulatedRedis;
  readonly oracle: Oracle;
  readonly feed: Feed;
  readonly settings: Settings;
  readonly violations: Violation[];
  readonly counts: { boots: number; kills: number; powerCuts: number; publishedModels: number; stops: number };
  /** The daemon's process; null between two of them. */
  readonly process: SimulatedProcess | null;
  readonly daemon: Daemon | null;
  readonly sockets: SimulatedSockets | null;
  readonly signalsFolder: string;
  readonly modelsFolder: string;
  /** How far the wall clock is off. */
  wallOffsetMs: number;
  weather: Weather;
  /** No bars until then. */
  closedUntilMs: number;
  /** Something is wrong with the models on the disk or in memory that only a new bundle mends. */
  needsNewModels: boolean;
  /** Bars since the last minute boundary are on their way: a good moment to strike. */
  violate(rule: string, what: string): void;
  trace(line: () => string): void;
  trueMs(): number;
  wallMs(): number;
  kill(): void;
  cutPower(): void;
  /** A stop that lets the daemon finish. */
  stop(): void;
  /** A training run ends; with `killAt` the trainer dies at that call. @returns the version, or null when it failed */
  publishModels(killAt?: number): string | null;
  /** Names the active models as the shadow, or none. */
  nameShadow(): void;
  /** What was made active has been spoilt by somebody else: it need not survive. */
  forgetActivated(): void;
  /** A set by version, as it was trained. */
  trainedSet(version: string): ModelSet;
  failedIn(bootId: string): boolean;
  readonly hasFailedModels: boolean;
  /** What each consumer obeyed in mode OK: `<consumer> <pair> <timestamp>`. */
  readonly obeyedOk: ReadonlySet<string>;
  readonly consumers: readonly string[];
  endFaults(): void;
  run(untilMs: number): Promise<void>;
}

const CONSUMERS: readonly { name: string; transports: readonly Transport[] }[] = [
  { name: 'EA by file', transports: ['file'] },
  { name: 'EA by Redis', transports: ['redis'] },
  { name: 'EA by WebSocket', transports: ['websocket'] },
  { name: 'EA by all', transports: ['file', 'redis', 'websocket'] },
];

export function createWorld(options: WorldOptions): World {
  const { seed, settings, planted } = options;
  const stream = (part: string): Rng => createRng(`world ${seed} ${part}`);
  const timeline = createTimeline(stream('time'));
  const rng = stream('events');
  const processRng = stream('process');
  const startMs = EPOCH_MS + rng.integer(60_000);
  const pairs = settings.minutehand.pairs.map(parsePair);
  const pairIds = pairs.map(({ id }) => id);
  const schema = featureSchema(settings.minutehand.windows);
  const intervalMs = settings.minutehand.feed.interval_ms;
  const validMs = 2.5 * intervalMs;
  const { silence_degraded_intervals, silence_halt_intervals } = settings.minutehand.feed;
  const log = pino({ level: 'silent' });

  const violations: Violation[] = [];
  const counts = { boots: 0, kills: 0, powerCuts: 0, publishedModels: 0, stops: 0 };
  let process: SimulatedProcess | null = null;
  let daemon: Daemon | null = null;
  let sockets: SimulatedSockets | null = null;
  let bootedMs = 0;
  let backoffMs = FIRST_BACKOFF_MS;
  let wallOffsetMs = 0;
  let lowestOffsetMs = 0;
  let highestOffsetMs = 0;
  /** Since when the signal files, and the journal, of this process could not be written. */
  let filesBrokenMs: number | null = null;
  const brokenFiles = new Set<string>();
  let journalBrokenMs: number | null = null;
  let isStopping = false;
  let currentBootId: string | null = null;
  let lastActivated: string | null = null;
  const failedBoots = new Set<string>();
  const obeyedOk = new Set<string>();
  const lastPublishedMs = new Map<string, number>();
  const lastMinuteMs = new Map<string, number>();
  let readyMs = 0;
  let wokeMs = 0;
  let checkedMs = 0;
  const trained = new Map<string, ModelSet>();

  const trace = (line: () => string): void => {
    if (options.trace === null) return;
    const time = new Date(world.trueMs()).toISOString().slice(11, 23);
    options.trace(`${time} ${line()}`);
  };
  const violate = (rule: string, what: string): void => {
    violations.push({ atMs: timeline.nowMs, rule, what });
    trace(() => `VIOLATION ${rule}: ${what}`);
  };
  const wallMs = (): number => startMs + timeline.nowMs + wallOffsetMs;
  const trueMs = (): number => startMs + timeline.nowMs;

  const disk = createDisk({ rng: stream('disk'), wallMs, spend: (ms) => timeline.spend(ms) });
  const archive = createDisk({ rng: stream('archive'), wallMs, spend: () => undefined });
  const journal = createMemoryJournal();
  const { transports } = settings.minutehand;
  const redis = createRedis({
    timeline,
    rng: stream('redis'),
    weather: options.weather.network,
    keyTtlMs: transports.redis.key_ttl_ms,
    connectTimeoutMs: transports.redis.connect_timeout_ms,
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
    intervalMs,
    clockErrorMs: () => highestOffsetMs - lowestOffsetMs + MOST_SKEW_MS,
    validMs,
    onViolation: violate,
  });
  disk.onFailure = (operation, path, code) => {
    trace(() => `disk: ${code} at ${operation} ${path.replace(/\.\d+\.tmp/, '.tmp')}`);
    if (!path.startsWith(SIGNALS) || (operation !== 'write' && operation !== 'rename' && operation !== 'makeFolder'))
      return;
    brokenFiles.add(signalFileOf(path));
    filesBrokenMs ??= timeline.nowMs;
  };

  // ---- what leaves the daemon ----

  function publish(text: string): void {
    const fresh = oracle.publish(text);
    if (fresh === null) return;
    const { signal } = fresh;
    lastPublishedMs.set(signal.pair_id, timeline.nowMs);
    trace(
      () =>
        `signal ${signal.pair_id} ${signal.timestamp} seq ${signal.seq} ${signal.action} ${signal.reason} ${signal.mode} target ${signal.target} models ${signal.model_version}`,
    );
    checkMode(fresh);
    if (signal.reason !== 'SILENCE') lastMinuteMs.set(signal.pair_id, timeline.nowMs);
  }

  function checkMode({ signal }: Published): void {
    const { mode, reason, pair_id } = signal;
    const lies = (what: string): void =>
      violate('mode does not tell the truth', `${pair_id} seq ${signal.seq}: ${what}`);
    const longAgo = (sinceMs: number | null): boolean => sinceMs !== null && timeline.nowMs - sinceMs > TRUTH_DELAY_MS;
    if (mode === 'OK' && longAgo(filesBrokenMs)) lies('OK while the signal files cannot be written');
    if (mode === 'OK' && longAgo(journalBrokenMs)) lies('OK while the journal cannot be written');
    if (daemon === null) return;
    const { models, degradations } = daemon.pipeline;
    if (mode === 'OK' && models === null) lies('OK without models');
    if (mode === 'OK' && degradations.size > 0) lies(`OK with degradations ${[...degradations].join()}`);
    if (mode === 'OK' && models !== null && models.version !== signal.model_version)
      lies(`models ${signal.model_version}, in force ${models.version}`);
    if (mode === 'DEGRADED' && reason !== 'SILENCE' && degradations.size === 0) lies('DEGRADED without degradations');
    if (mode === 'HALT' && reason !== 'SILENCE' && models !== null) lies('HALT with models in force');
    if (mode !== 'HALT' && mode !== 'WARMUP' && models === null) lies(`${mode} without models`);
    if (reason !== 'SILENCE') return;
    if (!daemon.pipeline.silentPairs.includes(pair_id)) lies('SILENCE, and health says nothing of it');
    const silentMs = timeline.nowMs - Math.max(readyMs, lastMinuteMs.get(pair_id) ?? 0);
    if (silentMs < silence_degraded_intervals * intervalMs - TRUTH_DELAY_MS)
      lies(`SILENCE ${Math.round(silentMs / 1000)} s after a minute`);
    if (silentMs > silence_halt_intervals * intervalMs + TRUTH_DELAY_MS && mode !== 'HALT')
      lies(`${mode} after ${Math.round(silentMs / 1000)} s without a bar`);
  }

  /** A pair that had a minute is never silent for longer than written. */
  function checkSilence(): void {
    // Whoever slept has to be awake for some time before anything can be expected of it.
    if (timeline.nowMs - checkedMs > 2 * SILENCE_CHECK_MS) wokeMs = timeline.nowMs;
    checkedMs = timeline.nowMs;
    timeline.at(timeline.nowMs + SILENCE_CHECK_MS, checkSilence);
    if (daemon === null) return;
    for (const [pairId, sinceMs] of lastPublishedMs) {
      const silentMs = timeline.nowMs - Math.max(readyMs, wokeMs, sinceMs);
      if (silentMs > silence_degraded_intervals * intervalMs + TRUTH_DELAY_MS && knowsMinuteOf(pairId))
        violate('silence that nobody tells', `${pairId} has said nothing for ${Math.round(silentMs / 1000)} s`);
    }
  }

  /** Whether the daemon can know a minute of the pair: a power cut may have taken them all. */
  const knowsMinuteOf = (pairId: string): boolean => journal.signals.some((row) => row.pairId === pairId);

  /** Renames and connections tear nothing; only a power cut does, and only files. */
  function checkRefusal(
    name: string,
    ways: readonly Transport[],
    { code, seen }: Extract<Verdict, { verdict: 'refuse' }>,
  ): void {
    const mayBeTorn = ways.includes('file') && counts.powerCuts > 0;
    const isWrong = code === 'SCHEMA' || code === 'FORMAT' || code === 'MARKET' || (code === 'TORN' && !mayBeTorn);
    if (isWrong) violate('a signal that no consumer can take', `${name}: ${code} ${seen}`);
  }

  // ---- the daemon's ports ----

  function filesOf(owner: SimulatedProcess, base: FileSystem): FileSystem {
    return {
      read: (path) => owner.call(() => base.read(path)),
      write(path, data) {
        if (path.includes('/.signal.json')) publish(String(data).trimEnd());
        owner.call(
          () => base.write(path, data),
          () => disk.tear(path, data),
        );
      },
      sync: (path) => owner.call(() => base.sync(path)),
      rename(from, to) {
        owner.call(() => base.rename(from, to));
        brokenFiles.delete(to);
        if (brokenFiles.size === 0) filesBrokenMs = null;
      },
      makeFolder: (path) => owner.call(() => base.makeFolder(path)),
      remove: (path) => owner.call(() => base.remove(path)),
      list: (path) => owner.call(() => base.list(path)),
      stat: (path) => owner.call(() => base.stat(path)),
    };
  }

  function storeOf(owner: SimulatedProcess): JournalStore {
    const store = planted === 'short_recovery' ? withShortRecovery(journal.open()) : journal.open();
    return {
      ...store,
      append: (inputs, signals, shadows) =>
        owner.call(() => {
          try {
            store.append(inputs, signals, shadows);
            journalBrokenMs = null;
          } catch (error) {
            journalBrokenMs ??= timeline.nowMs;
            throw error;
          }
        }),
      addBoot: (boot) =>
        owner.call(() => {
          store.addBoot(boot);
          currentBootId = boot.bootId;
        }),
      lastShadows: (version) => owner.call(() => store.lastShadows(version)),
    };
  }

  const earlySwap = createEarlySwap();

  async function loadModels(
    owner: SimulatedProcess,
    files: FileSystem,
    folder: string,
    quietly: Quietly,
  ): Promise<ModelSet> {
    if (planted === 'early_swap') {
      const version = folder.slice(folder.lastIndexOf('/') + 1);
      if (trained.has(version)) earlySwap.begin(trained.get(version)!);
    }
    const { weather } = world;
    // Reading, verifying and judging takes its time, in a thread of its own.
    await new Promise<void>((resolve) => void owner.at(timeline.nowMs + 5 + rng.uniform() * 3000, resolve));
    const set = await loadModelSet(folder, schema, pairs.length, { judge: false, files, quietly });
    if (planted === 'early_swap') return earlySwap.wrap(set);
    if (rng.uniform() < weather.failingModels) return failing(owner, set);
    if (rng.uniform() < weather.slowModels) return slow(owner, set);
    return set;
  }

  function hurt(set: ModelSet): void {
    world.needsNewModels = true;
    if (currentBootId !== null) failedBoots.add(currentBootId);
    trace(() => `models ${set.version} fail`);
  }

  function failing(owner: SimulatedProcess, set: ModelSet): ModelSet {
    const fromMs = timeline.nowMs + rng.uniform() * 900_000;
    const answersLater = rng.integer(2) === 0;
    return {
      ...set,
      infer(features, rows) {
        if (timeline.nowMs < fromMs || timeline.nowMs >= options.stormMs) return set.infer(features, rows);
        hurt(set);
        const error = new MinutehandError('MODEL_OUTPUT', { seen: `${set.version} answered NaN` });
        if (!answersLater) throw error;
        return new Promise((_, reject) => void owner.at(timeline.nowMs + rng.uniform() * 20, () => reject(error)));
      },
    };
  }

  function slow(owner: SimulatedProcess, set: ModelSet): ModelSet {
    const fromMs = timeline.nowMs + rng.uniform() * 900_000;
    const blocks = rng.integer(2) === 0;
    return {
      ...set,
      infer(features, rows) {
        if (timeline.nowMs < fromMs || timeline.nowMs >= options.stormMs) return set.infer(features, rows);
        hurt(set);
        const tookMs = rng.uniform() * 150;
        if (blocks) {
          timeline.spend(tookMs);
          return set.infer(features, rows);
        }
        return new Promise((resolve, reject) => {
          owner.at(timeline.nowMs + tookMs, () => {
            try {
              resolve(set.infer(features, rows));
            } catch (error) {
              reject(error as Error);
            }
          });
        });
      },
    };
  }

  // ---- the daemon's lives ----

  function boot(): void {
    const owner = startProcess({
      name: 'daemon',
      timeline,
      rng: processRng,
      wallMs,
      turnMs: options.weather.turnMs,
      onDefect: (error) => violate('defect', error instanceof Error ? (error.stack ?? error.message) : String(error)),
    });
    process = owner;
    counts.boots++;
    bootedMs = timeline.nowMs;
    [filesBrokenMs, journalBrokenMs, isStopping, currentBootId] = [null, null, false, null];
    brokenFiles.clear();
    owner.onDeath(() => onDeath(owner));
    const files = filesOf(owner, disk);
    const ports = {
      clock: owner.clock,
      scheduler: owner.scheduler,
      files,
      store: storeOf(owner),
      bus: redis.connect(owner),
      loadModels: (folder: string, quietly: Quietly) => loadModels(owner, files, folder, quietly),
    };
    trace(() => `daemon: start ${counts.boots}`);
    assembleDaemon(ports, {
      settings,
      paths: { signals: SIGNALS, models: MODELS },
      shard: 'main',
      log,
      observer: {
        onSignals: () => undefined,
        onBar: () => undefined,
        onSwap: () => undefined,
        onModelsRefused: () => undefined,
        onModelsFailed: () => undefined,
      },
      say: (line) => {
        if (owner.alive) trace(() => `daemon says: ${line.replaceAll('\n', ' ')}`);
      },
      isFeedOpen: () => true,
    }).then(
      (assembled) => {
        if (owner.alive) open(owner, assembled);
      },
      (error: unknown) => {
        if (error instanceof Killed || !owner.alive) return;
        trace(() => `daemon: did not start: ${String(error)}`);
        if (!(error instanceof MinutehandError)) violate('defect', String((error as Error).stack ?? error));
        owner.kill();
      },
    );
  }

  function open(owner: SimulatedProcess, assembled: Daemon): void {
    daemon = assembled;
    readyMs = timeline.nowMs;
    sockets = openSockets({
      process: owner,
      timeline,
      rng: processRng,
      routes: assembled.webSockets,
      latencyMs: 0.1,
      spreadMs: options.weather.network.spreadMs,
      maxBufferedBytes: MAX_BUFFERED_BYTES,
      kernelBytes: KERNEL_BYTES,
      onText: publish,
      onDefect: (error) => {
        if (!(error instanceof Killed)) violate('defect', String(error));
      },
    });
    assembled.attach({ engine: 'ws', publishAll: sockets.audience.publishAll });
    checkLastBars(assembled);
    trace(() => `daemon: ready, boot ${assembled.bootId}, models ${assembled.pipeline.models?.version ?? 'none'}`);
  }

  /** A feeder goes on after `last_bars`: what the journal has not, must not be among them, and what it has, must. */
  function checkLastBars(assembled: Daemon): void {
    const stored = new Map<string, number>();
    for (const { kind, subject, time } of journal.inputs)
      if (isMinute(kind)) stored.set(subject, Math.max(time, stored.get(subject) ?? 0));
    const told = assembled.health().last_bars;
    const symbols = new Set([...stored.keys(), ...Object.keys(told)]);
    for (const symbol of symbols) {
      const [seen, expected] = [Date.parse(told[symbol] ?? ''), (stored.get(symbol) ?? NaN) * 1000];
      if (seen !== expected && journalBrokenMs === null)
        violate(
          'last_bars differ from the journal',
          `${symbol}: ${told[symbol]}, stored ${new Date(expected).toISOString()}`,
        );
    }
  }

  function onDeath(owner: SimulatedProcess): void {
    trace(() => 'daemon: dead');
    checkNothingLost();
    if (sockets !== null && sockets.mostBuffered > MAX_BUFFERED_BYTES + 16_384)
      violate('memory not bounded', `${sockets.mostBuffered} bytes waited for one WebSocket client`);
    if (process === owner) [process, daemon, sockets] = [null, null, null];
    backoffMs = timeline.nowMs - bootedMs > STEADY_MS ? FIRST_BACKOFF_MS : Math.min(2 * backoffMs, MAX_BACKOFF_MS);
    timeline.at(timeline.nowMs + backoffMs, boot);
  }

  /** Every signal that this process published is in the journal, except those of the batch in flight. */
  function checkNothingLost(): void {
    const bootId = currentBootId;
    if (bootId === null || journalBrokenMs !== null) return;
    for (const pairId of pairIds) {
      const stored = journal.signals.findLast((row) => row.pairId === pairId && row.bootId === bootId)?.seq ?? 0;
      const sent = lastSeqOf(pairId, bootId);
      const inFlight = isStopping ? 0 : 1;
      if (sent - stored > inFlight)
        violate('published but not journalled', `${pairId} of ${bootId}: seq ${sent} published, ${stored} stored`);
    }
  }

  function lastSeqOf(pairId: string, bootId: string): number {
    let last = 0;
    for (const { signal } of oracle.published.values())
      if (signal.boot_id === bootId && signal.pair_id === pairId) last = Math.max(last, signal.seq);
    return last;
  }

  // ---- the door for bars ----

  const lostAnswer = (onAnswer: (answer: Answer) => void): void => {
    timeline.at(timeline.nowMs + 1, () => onAnswer(null));
  };

  function request(
    method: 'GET' | 'POST',
    path: string,
    query: string,
    body: string,
    onAnswer: (answer: Answer) => void,
  ): void {
    const owner = process;
    const route = daemon?.routes.find((candidate) => candidate.method === method && candidate.path === path);
    if (owner === null || route === undefined) return lostAnswer(onAnswer);
    let isAnswered = false;
    const answerOnce = (answer: Answer): void => {
      if (isAnswered) return;
      isAnswered = true;
      timeline.at(timeline.nowMs + 0.2, () => onAnswer(answer));
    };
    owner.onDeath(() => answerOnce(null));
    owner.at(timeline.nowMs, () => {
      const head: HttpRequest = {
        method,
        path,
        query: new URLSearchParams(query),
        header: () => '',
        remoteAddress: '127.0.0.1',
        body: Buffer.from(body),
      };
      void respond(owner, () => route.handle(head)).then(answerOnce);
    });
  }

  async function respond(
    owner: SimulatedProcess,
    handle: () => { status: number; body: string | Buffer } | Promise<{ status: number; body: string | Buffer }>,
  ): Promise<Answer> {
    try {
      const { status, body } = await handle();
      const isJournalled = journalBrokenMs === null;
      return { status, body: String(body), isJournalled, powerCuts: counts.powerCuts };
    } catch (error) {
      if (error instanceof Killed || !owner.alive) return null;
      if (error instanceof MinutehandError)
        return { status: error.status, body: JSON.stringify({ error }), isJournalled: false, powerCuts: 0 };
      violate('defect', String((error as Error).stack ?? error));
      return null;
    }
  }

  const door = createDoor({
    rule: options.weather.feed.rule,
    kind: options.weather.feed.door,
    life: () => counts.boots,
    request,
    openSocket: (path, query, end) => sockets?.connect(path, query, end) ?? null,
    asAnswer: (body) => ({ status: 200, body, isJournalled: journalBrokenMs === null, powerCuts: counts.powerCuts }),
    lose: lostAnswer,
  });

  // ---- the trainer ----

  function train(killAt?: number): string | null {
    const trainer = startProcess({
      name: 'trainer',
      timeline,
      rng: processRng,
      wallMs,
      turnMs: 1,
      onDefect: (error) => violate('defect', String(error)),
    });
    if (killAt !== undefined) trainer.killAtCall(killAt);
    const base = planted === 'lost_sync' ? withoutSync(disk) : disk;
    try {
      const content = modelContent(++counts.publishedModels, settings);
      const { version, path } = publishModels(filesOf(trainer, base), MODELS, new Date(trueMs()), content);
      lastActivated = version;
      keepTrained(version, path);
      trace(() => `trainer: models ${version} written and made active`);
      return version;
    } catch (error) {
      trace(() => `trainer: ${String(error)}`);
      // It may have come as far as to make them active.
      const active = peekActive();
      const isWhole = active !== null && disk.peek(`${MODELS}/${active}/manifest.json`) !== null;
      if (isWhole && !trained.has(active)) keepTrained(active, `${MODELS}/${active}`);
      // Which of two it is after a power cut, nobody has promised.
      lastActivated = null;
      return null;
    }
  }

  function peekActive(): string | null {
    try {
      return readActive(MODELS, peeking)?.version ?? null;
    } catch {
      return null;
    }
  }

  /** The disk as it is, faults aside. */
  const peeking: FileSystem = {
    ...disk,
    read(path) {
      const content = disk.peek(path);
      if (content === null) throw new Error(`ENOENT ${path}`);
      return content;
    },
  };

  /** Keeps a copy out of the reach of faults. */
  function keepTrained(version: string, path: string): void {
    archive.makeFolder(`${MODELS}/${version}`);
    for (const name of ['manifest.json', 'ai1.onnx', 'ai2.onnx', 'ai3.onnx']) {
      const content = disk.peek(`${path}/${name}`);
      if (content !== null) archive.write(`${MODELS}/${version}/${name}`, content);
    }
    pendingSets.push(
      loadModelSet(`${MODELS}/${version}`, schema, pairs.length, { judge: false, files: archive }).then(
        (set) => void trained.set(version, set),
        (error: unknown) => violate('defect', `the trainer's own models cannot be loaded: ${String(error)}`),
      ),
    );
  }
  const pendingSets: Promise<void>[] = [];

  /** What was made active stays active, and whole. */
  function checkModelsSurvived(): void {
    if (lastActivated === null) return;
    try {
      const active = readActive(MODELS, peeking);
      if (active?.version !== lastActivated)
        violate('models lost', `${lastActivated} was active before the power cut, now ${active?.version ?? 'none'}`);
      readBundle(`${MODELS}/${lastActivated}`, peeking);
    } catch (error) {
      violate('models lost', `${lastActivated} after the power cut: ${String(error)}`);
    }
  }

  const world: World = {
    timeline,
    rng,
    disk,
    journal,
    redis,
    oracle,
    settings,
    violations,
    counts,
    signalsFolder: SIGNALS,
    modelsFolder: MODELS,
    obeyedOk,
    consumers: CONSUMERS.map(({ name }) => name),
    weather: options.weather,
    closedUntilMs: 0,
    needsNewModels: false,
    feed: null as unknown as Feed,
    get process() {
      return process;
    },
    get daemon() {
      return daemon;
    },
    get sockets() {
      return sockets;
    },
    get wallOffsetMs() {
      return wallOffsetMs;
    },
    set wallOffsetMs(ms) {
      wallOffsetMs = ms;
      lowestOffsetMs = Math.min(lowestOffsetMs, ms);
      highestOffsetMs = Math.max(highestOffsetMs, ms);
      trace(() => `clock: ${ms >= 0 ? '+' : ''}${(ms / 1000).toFixed(1)} s`);
    },
    violate,
    trace,
    trueMs,
    wallMs,
    kill() {
      counts.kills++;
      process?.kill();
    },
    cutPower() {
      trace(() => 'machine: power cut');
      process?.kill();
      counts.powerCuts++;
      disk.cutPower();
      const lost = journal.cutPower(rng);
      trace(() => `machine: the journal lost ${lost} commits`);
      checkModelsSurvived();
    },
    stop() {
      const [owner, running] = [process, daemon];
      if (owner === null || running === null) return;
      counts.stops++;
      trace(() => 'daemon: told to stop');
      // The server goes first, so that nothing new comes in.
      sockets?.audience.closeAll(1001, 'The daemon ends');
      daemon = null;
      owner.at(timeline.nowMs + STOP_MS, () => violate('stop does not end', `not within ${STOP_MS} ms`));
      running.stop().then(
        () => {
          isStopping = owner.alive;
          owner.kill();
        },
        (error: unknown) => {
          if (!(error instanceof Killed)) violate('defect', `stop: ${String(error)}`);
        },
      );
    },
    publishModels: train,
    nameShadow() {
      const version = rng.integer(3) === 0 ? null : peekActive();
      try {
        setShadow(MODELS, version, disk);
      } catch (error) {
        trace(() => `shadow: ${String(error)}`);
      }
    },
    forgetActivated() {
      lastActivated = null;
    },
    trainedSet(version) {
      const set = trained.get(version);
      if (set === undefined) throw new RangeError(`no models ${version} were ever trained`);
      return set;
    },
    failedIn: (bootId) => failedBoots.has(bootId),
    get hasFailedModels() {
      return failedBoots.size > 0;
    },
    endFaults() {
      world.weather = peaceAfter(options.weather);
      world.closedUntilMs = 0;
      disk.clearFaults();
      journal.refusal = null;
      redis.isFull = false;
      redis.slowMs = 0;
      if (!redis.isUp) redis.start(0);
      redis.resume();
      if (wallOffsetMs !== 0) world.wallOffsetMs = 0;
      process?.killAtCall(Infinity);
      trace(() => 'PEACE: no more faults');
    },
    async run(untilMs) {
      await timeline.run(untilMs);
      await Promise.all(pendingSets);
    },
  };

  // ---- how it begins ----

  disk.makeFolder(SIGNALS);
  disk.makeFolder(MODELS);
  train();
  disk.settle();
  const firstLive = Math.floor(startMs / 60_000) * SECONDS_PER_BAR;
  const history = Array.from(
    { length: HISTORY_MINUTES },
    (_, i) => (firstLive - (HISTORY_MINUTES - i) * SECONDS_PER_BAR) as OpenTime,
  );
  const feed = startFeed(
    {
      timeline,
      rng: stream('feed'),
      prices: createPrices(seed, symbolsOf(pairs)),
      symbols: symbolsOf(pairs),
      door,
      weather: () => world.weather.feed,
      trueMs,
      isClosed: () => timeline.nowMs < world.closedUntilMs,
      onAccepted(items, answer) {
        if (!answer.isJournalled || answer.powerCuts !== counts.powerCuts) return;
        for (const { symbol, time } of items)
          if (!journal.inputs.some((row) => row.subject === symbol && row.time === time && isMinute(row.kind)))
            violate('answered but not journalled', `${symbol} ${new Date(time * 1000).toISOString()}`);
      },
      onWrongAnswer: (what) => violate('wrong answer to a message', what),
      trace,
    },
    history,
  );
  Object.assign(world, { feed });
  for (const { name, transports } of CONSUMERS) {
    const skewMs = rng.integer(2 * MOST_SKEW_MS) - MOST_SKEW_MS;
    startConsumer({
      name,
      transports,
      pairIds,
      timeline,
      rng: stream(name),
      files: peeking,
      signalsFolder: SIGNALS,
      redis,
      make:
        planted === 'skipped_expiry'
          ? consumerWithoutExpiry
          : planted === 'doubling_retry'
            ? forgetfulConsumer
            : protocolConsumer,
      clockMs: () => wallMs() + skewMs,
      weather: () => world.weather.consumer,
      openSocket: (end) => sockets?.connect('/signals', '', end) ?? null,
      onVerdict(text, clockMs, verdict) {
        oracle.judge(name, text, clockMs, verdict);
        if (verdict.verdict !== 'obey') return checkRefusal(name, transports, verdict);
        const signal = oracle.published.get(text.trimEnd())?.signal;
        if (signal?.mode === 'OK') obeyedOk.add(`${name} ${signal.pair_id} ${signal.timestamp}`);
        if (verdict.orders.some(({ order }) => order === 'open' || order === 'close'))
          trace(
            () =>
              `${name}: ${verdict.orders.map(({ order }) => order).join(', ')} ${verdict.pairId} at ${signal?.timestamp}`,
          );
      },
      trace,
    });
  }
  timeline.at(0, boot);
  timeline.at(SILENCE_CHECK_MS, checkSilence);
  return world;
}

/** The file that a path below the signals folder is written for. */
function signalFileOf(path: string): string {
  const pair = /signals\/([A-Z]\w*)/.exec(path)?.[1];
  return pair === undefined ? `${SIGNALS}/signals.json` : `${SIGNALS}/${pair}/signal.json`;
}

const isMinute = (kind: string): boolean => kind === 'bar' || kind === 'empty';
