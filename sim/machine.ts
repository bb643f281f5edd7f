import { pino } from 'pino';
import { assembleDaemon, type Daemon } from '../daemon/daemon.ts';
import type { HttpRequest, HttpResponse } from '../daemon/serve/http_route.ts';
import type { FeatureSchema } from '../shared/bundle/feature_schema.ts';
import { haltsPath } from '../shared/bundle/halts.ts';
import { loadModelSet, type ModelSet, type Quietly } from '../shared/bundle/model_set.ts';
import { MinutehandError } from '../shared/errors.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { FileSystem, Rng } from '../shared/ports.ts';
import type { JournalStore } from '../shared/store/journal.ts';
import type { MemoryJournal } from './memory_journal.ts';
import type { SimulatedDisk } from './disk.ts';
import { failingModels, slowModels } from './failing_models.ts';
import { createModelLine, type ModelLine } from './model_line.ts';
import type { FeedReply } from './feed.ts';
import type { Oracle, Published } from './oracle.ts';
import {
  createEarlySwap,
  createLostFallback,
  withFasterFeed,
  withOldHalts,
  withoutHalts,
  withoutRefusedShadows,
  withShortRecovery,
  type PlantedBug,
} from './planted.ts';
import { Killed, startProcess, type SimulatedProcess } from './process.ts';
import type { Sighting } from './sightings.ts';
import type { SimulatedRedis } from './redis.ts';
import type { Weather } from './swarm.ts';
import type { Timeline } from './timeline.ts';
import type { Trainer } from './trainer.ts';
import type { Truth } from './truth.ts';
import { openSockets, type SimulatedSockets } from './websockets.ts';

const MAX_BUFFERED_BYTES = 16_384;
const KERNEL_BYTES = 8192;
/** One batch may come on top of the bound before a slow client is dropped. */
const BATCH_BYTES = 16_384;
const FIRST_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 30_000;
/** A process that lived this long is started again at once when it dies. */
const STEADY_MS = 60_000;
/** How often a daemon that is told to stop has a successor, and how soon that one begins. */
const SUCCESSORS = 0.4;
const TAKE_OVER_MS = 50;
/** How often models that follow failed ones fail at least. */
const FAILS_AGAIN = 0.7;
/** How long a stop may take. */
const STOP_MS = 30_000;
const SHORTEST_LOAD_MS = 5;
const LONGEST_LOAD_MS = 3000;
const LATENCY_MS = 0.1;
/** A quarter as often as a real daemon: half of a world's work would be looks at files that are the same. */
const MODEL_POLL_MS = 2000;

export interface MachineOptions {
  readonly timeline: Timeline;
  /** Of what happens to the machine, and of what processes do. */
  readonly rng: Rng;
  readonly processRng: Rng;
  readonly settings: Settings;
  readonly schema: FeatureSchema;
  readonly storm: Weather;
  readonly stormMs: number;
  readonly planted: PlantedBug | null;
  readonly signalsFolder: string;
  readonly modelsFolder: string;
  readonly disk: SimulatedDisk;
  readonly journal: MemoryJournal;
  readonly redis: SimulatedRedis;
  readonly oracle: Oracle;
  readonly truth: Truth;
  readonly trainer: Trainer;
  wallMs(): number;
  weather(): Weather;
  /** A signal goes out by a file or a WebSocket. */
  onText(text: string): void;
  onModelsFailed(): void;
  /** The newest minute that the feeder has of any symbol, epoch seconds. */
  newestMinute(): number;
  see(sighting: Sighting): void;
  trace(line: () => string): void;
  onViolation(rule: string, what: string): void;
}

/** The machine of the daemon: starts it, starts it again when it dies, and is the server in front of it. */
export interface Machine {
  readonly process: SimulatedProcess | null;
  /** null until it takes bars, and when it ends. */
  readonly daemon: Daemon | null;
  readonly sockets: SimulatedSockets | null;
  readonly boots: number;
  readonly powerCuts: number;
  boot(): void;
  /** A signal has left the daemon for the first time. */
  hear(published: Published): void;
  kill(): void;
  cutPower(): void;
  /** A stop that lets the daemon finish. */
  stop(): void;
  request(
    method: 'GET' | 'POST',
    path: string,
    query: string,
    body: string,
    onAnswer: (answer: FeedReply) => void,
  ): void;
  /** Whether models failed, or were slow, in the process of this boot. */
  failedIn(bootId: string): boolean;
  readonly hasFailedModels: boolean;
}

/** The ports of a file system for one process; with `onText`, told of each signal that is about to be written. */
export function guardFiles(
  owner: SimulatedProcess,
  base: FileSystem,
  disk: SimulatedDisk,
  onWrite: (path: string, data: string | Uint8Array) => void = () => undefined,
  onRename: (to: string) => void = () => undefined,
): FileSystem {
  return {
    read: (path) => owner.call(() => base.read(path)),
    write(path, data) {
      onWrite(path, data);
      owner.call(
        () => base.write(path, data),
        () => disk.tear(path, data),
      );
    },
    sync: (path) => owner.call(() => base.sync(path)),
    rename(from, to) {
      owner.call(() => base.rename(from, to));
      onRename(to);
    },
    makeFolder: (path) => owner.call(() => base.makeFolder(path)),
    remove: (path) => owner.call(() => base.remove(path)),
    list: (path) => owner.call(() => base.list(path)),
    stat: (path) => owner.call(() => base.stat(path)),
  };
}

export function createMachine(options: MachineOptions): Machine {
  const { timeline, rng, processRng, settings, planted, disk, journal, truth, trainer, trace, see } = options;
  const pairIds = settings.minutehand.pairs;
  const violate = options.onViolation;
  const log = pino({ level: 'silent' });
  const earlySwap = createEarlySwap();
  let lostFallback = createLostFallback();
  const failedBoots = new Set<string>();
  let process: SimulatedProcess | null = null;
  let daemon: Daemon | null = null;
  /** Answers requests: still while it signs off. */
  let server: Daemon | null = null;
  let sockets: SimulatedSockets | null = null;
  let currentBootId: string | null = null;
  let modelLine: ModelLine = createModelLine();
  let isStopping = false;
  /** Another daemon waits to take over from the one that is told to stop. */
  let isSucceeded = false;
  /** The daemon that runs, or begins, is such a successor. */
  let tookOver = false;
  /** Models failed since the last ones were loaded: the next ones are likely to have the same fault. */
  let haveFailed = false;
  let boots = 0;
  let powerCuts = 0;
  let bootedMs = 0;
  let backoffMs = FIRST_BACKOFF_MS;

  // ---- ports ----

  function filesOf(owner: SimulatedProcess): FileSystem {
    return guardFiles(
      owner,
      disk,
      disk,
      (path, data) => {
        if (path.includes('/.signal.json')) options.onText(String(data).trimEnd());
      },
      (to) => truth.fileReplaced(to),
    );
  }

  function plantedIn(store: JournalStore): JournalStore {
    if (planted === 'short_recovery') return withShortRecovery(store);
    if (planted === 'lost_shadows') return withoutRefusedShadows(store);
    return planted === 'unjournaled_halts' ? withoutHalts(store) : store;
  }

  function storeOf(owner: SimulatedProcess): JournalStore {
    const store = plantedIn(journal.open());
    return {
      ...store,
      append: (inputs, signals, shadows, feedPosition) =>
        owner.call(() => {
          try {
            store.append(inputs, signals, shadows, feedPosition);
            if (truth.isJournalBroken) see('journal refuses, then recovers');
            truth.journalStored();
          } catch (error) {
            if ((shadows?.length ?? 0) > 0) see('shadow waits in a refused flush');
            truth.journalRefused();
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

  async function loadModels(
    owner: SimulatedProcess,
    files: FileSystem,
    folder: string,
    quietly: Quietly,
  ): Promise<ModelSet> {
    const version = folder.slice(folder.lastIndexOf('/') + 1);
    if (planted === 'early_swap' && trainer.knows(version)) earlySwap.begin(trainer.trainedSet(version));
    const { failingModels: failing, slowModels: slow } = options.weather();
    // Reading, verifying and checking takes its time, in a thread of its own.
    const tookMs = SHORTEST_LOAD_MS + rng.uniform() * LONGEST_LOAD_MS;
    await new Promise<void>((resolve) => void owner.at(timeline.nowMs + tookMs, resolve));
    const maxRows = pairIds.length;
    const loaded = await loadModelSet(folder, options.schema, maxRows, { crossCheck: false, files, quietly });
    const set = planted === 'lost_fallback' ? lostFallback.wrap(loaded) : loaded;
    if (planted === 'early_swap') return earlySwap.wrap(set);
    const failure = { timeline, rng, owner, untilMs: options.stormMs };
    const chance = haveFailed && failing > 0 ? Math.max(failing, FAILS_AGAIN) : failing;
    haveFailed = false;
    if (rng.uniform() < chance) return failingModels(set, { ...failure, onFailure: onFailedSet });
    if (rng.uniform() < slow) return slowModels(set, { ...failure, onFailure: onSlowSet });
    return set;
  }

  function onFailedSet(set: ModelSet): void {
    const serving = modelLine.failed(set);
    if (serving === null) see('no models left after failures');
    else if (serving !== undefined) see('predecessor answers for failed models');
    haveFailed = true;
    lostFallback.failed();
    onFailure(set);
  }

  function onSlowSet(set: ModelSet): void {
    modelLine.slow(set);
    onFailure(set);
  }

  function onFailure(set: ModelSet): void {
    options.onModelsFailed();
    if (currentBootId !== null) failedBoots.add(currentBootId);
    trace(() => `models ${set.version} fail`);
  }

  // ---- lives ----

  function boot(): void {
    const owner = startProcess({
      name: 'daemon',
      timeline,
      rng: processRng,
      wallMs: options.wallMs,
      turnMs: options.storm.turnMs,
      onDefect: (error) => violate('defect', describeDefect(error)),
    });
    process = owner;
    boots++;
    bootedMs = timeline.nowMs;
    [isStopping, currentBootId] = [false, null];
    const line = createModelLine();
    const fallback = createLostFallback();
    [modelLine, lostFallback] = [line, fallback];
    truth.processStarted();
    owner.onDeath(() => onDeath(owner));
    const files =
      planted === 'deaf_to_halts' ? withOldHalts(filesOf(owner), haltsPath(options.modelsFolder)) : filesOf(owner);
    const ports = {
      clock: owner.clock,
      scheduler: owner.scheduler,
      files,
      store: storeOf(owner),
      bus: options.redis.connect(owner),
      loadModels: (folder: string, quietly: Quietly) => loadModels(owner, files, folder, quietly),
    };
    trace(() => `daemon: start ${boots}`);
    assembleDaemon(ports, {
      settings: planted === 'short_validity' ? withFasterFeed(settings) : settings,
      paths: { signals: options.signalsFolder, models: options.modelsFolder },
      shard: 'main',
      log,
      observer: {
        onSignals: () => undefined,
        onBar: () => undefined,
        onSwap(set) {
          line.swapped(set);
          fallback.swapped();
        },
        onModelsRefused: () => see('models refused'),
        onModelsFailed: (code) => {
          if (code === 'MODEL_SLOW') see('slow models dropped');
        },
      },
      say: (words) => {
        if (owner.alive) trace(() => `daemon says: ${words.replaceAll('\n', ' ')}`);
        if (words.startsWith('HALTS_LOST')) see('halt kept that its file lost');
      },
      isFeedOpen: () => true,
      modelPollMs: MODEL_POLL_MS,
    }).then(
      (assembled) => {
        if (owner.alive) open(owner, assembled);
      },
      (error: unknown) => {
        if (error instanceof Killed || !owner.alive) return;
        trace(() => `daemon: did not start: ${String(error)}`);
        if (!(error instanceof MinutehandError)) violate('defect', describeDefect(error));
        owner.kill();
      },
    );
  }

  function open(owner: SimulatedProcess, assembled: Daemon): void {
    [daemon, server] = [assembled, assembled];
    truth.daemonReady();
    sockets = openSockets({
      process: owner,
      timeline,
      rng: processRng,
      routes: assembled.webSockets,
      latencyMs: LATENCY_MS,
      spreadMs: options.storm.network.spreadMs,
      maxBufferedBytes: MAX_BUFFERED_BYTES,
      kernelBytes: KERNEL_BYTES,
      onText: options.onText,
      onDefect: (error) => {
        if (!(error instanceof Killed)) violate('defect', describeDefect(error));
      },
    });
    assembled.attach({ engine: 'ws', publishAll: sockets.audience.publishAll });
    checkLastBars(assembled);
    const newest = Math.max(0, ...assembled.pipeline.status.lastTimes.values());
    if (tookOver && options.newestMinute() > newest) see('successor has minutes to catch up on');
    const startedMs = journal.boots.find(({ bootId }) => bootId === assembled.bootId)?.startedMs ?? 0;
    if (startedMs > options.wallMs()) see('boot_id ahead of the clock');
    trace(
      () => `daemon: ready, boot ${assembled.bootId}, models ${assembled.pipeline.status.models?.version ?? 'none'}`,
    );
  }

  /** A feeder goes on after `last_bars`: what the journal has not, must not be among them, and what it has, must. */
  function checkLastBars(assembled: Daemon): void {
    if (truth.isJournalBroken) return;
    const stored = new Map<string, number>();
    for (const { kind, subject, time } of journal.inputs)
      if (kind === 'bar' || kind === 'empty') stored.set(subject, Math.max(time, stored.get(subject) ?? 0));
    const expected = Object.fromEntries(
      [...stored].map(([symbol, time]) => [symbol, new Date(time * 1000).toISOString()]),
    );
    const { last_bars } = assembled.health();
    for (const symbol of new Set([...Object.keys(expected), ...Object.keys(last_bars)]))
      if (last_bars[symbol] !== expected[symbol])
        violate('last_bars differ from the journal', `${symbol}: ${last_bars[symbol]}, stored ${expected[symbol]}`);
  }

  function onDeath(owner: SimulatedProcess): void {
    trace(() => 'daemon: dead');
    checkNothingLost();
    if (sockets !== null && sockets.mostBuffered > MAX_BUFFERED_BYTES + BATCH_BYTES)
      violate('memory not bounded', `${sockets.mostBuffered} bytes waited for one WebSocket client`);
    if (process === owner) [process, daemon, server, sockets] = [null, null, null, null];
    backoffMs = timeline.nowMs - bootedMs > STEADY_MS ? FIRST_BACKOFF_MS : Math.min(2 * backoffMs, MAX_BACKOFF_MS);
    timeline.at(timeline.nowMs + (isSucceeded ? TAKE_OVER_MS : backoffMs), boot);
    tookOver = isSucceeded;
    isSucceeded = false;
  }

  /** A daemon that nobody succeeds halts every pair that had a minute, last of all; one that is succeeded says nothing. */
  function checkLastWords({ bootId }: Daemon): void {
    const lastReason = new Map<string, string>();
    for (const { signal } of options.oracle.published.values())
      if (signal.boot_id === bootId) lastReason.set(signal.pair_id, `${signal.mode} ${signal.reason}`);
    for (const [pairId, reason] of lastReason)
      if ((reason === 'HALT SHUTDOWN') === isSucceeded)
        violate('final heartbeat', `${pairId} of ${bootId}: ${reason}, ${isSucceeded ? '' : 'not '}succeeded`);
  }

  /** Every signal that this process published is in the journal, except those of the batch in flight. */
  function checkNothingLost(): void {
    const bootId = currentBootId;
    if (bootId === null || truth.isJournalBroken) return;
    for (const pairId of pairIds) {
      const stored = journal.signals.findLast((row) => row.pairId === pairId && row.bootId === bootId)?.seq ?? 0;
      const sent = lastSeqOf(pairId, bootId);
      const inFlight = isStopping ? 0 : 1;
      if (sent - stored > inFlight)
        violate('published but not journaled', `${pairId} of ${bootId}: seq ${sent} published, ${stored} stored`);
    }
  }

  function lastSeqOf(pairId: string, bootId: string): number {
    let last = 0;
    for (const { signal } of options.oracle.published.values())
      if (signal.boot_id === bootId && signal.pair_id === pairId) last = Math.max(last, signal.seq);
    return last;
  }

  // ---- the server ----

  async function respond(
    owner: SimulatedProcess,
    handle: () => HttpResponse | Promise<HttpResponse>,
  ): Promise<FeedReply> {
    try {
      const { status, body } = await handle();
      return { status, body: String(body), isJournaled: !truth.isJournalBroken, powerCuts };
    } catch (error) {
      if (error instanceof Killed || !owner.alive) return null;
      if (error instanceof MinutehandError)
        return { status: error.status, body: JSON.stringify({ error }), isJournaled: false, powerCuts };
      violate('defect', describeDefect(error));
      return null;
    }
  }

  return {
    get process() {
      return process;
    },
    get daemon() {
      return daemon;
    },
    get sockets() {
      return sockets;
    },
    get boots() {
      return boots;
    },
    get powerCuts() {
      return powerCuts;
    },
    get hasFailedModels() {
      return failedBoots.size > 0;
    },
    failedIn: (bootId) => failedBoots.has(bootId),
    boot,
    hear({ signal: { pair_id, seq, model_version } }) {
      if (!modelLine.named(model_version))
        violate(
          'models that cannot have answered',
          `${pair_id} seq ${seq}: "${model_version}", active ${modelLine.possible}`,
        );
    },
    kill: () => process?.kill(),
    cutPower() {
      trace(() => 'machine: power cut');
      if (process !== null && truth.isJournalBroken) see('power cut while the journal waits');
      process?.kill();
      powerCuts++;
      truth.journalLost();
      disk.cutPower();
      const lost = journal.cutPower(rng);
      if (lost > 0) see('power cut loses commits');
      trace(() => `machine: the journal lost ${lost} commits`);
      trainer.checkSurvived(lost);
    },
    stop() {
      const [owner, running] = [process, daemon];
      if (owner === null || running === null) return;
      trace(() => 'daemon: told to stop');
      daemon = null;
      owner.at(timeline.nowMs + STOP_MS, () => violate('stop does not end', `not within ${STOP_MS} ms`));
      isSucceeded = rng.uniform() < SUCCESSORS;
      const endRunning = async (): Promise<void> => {
        await running.signOff(() => isSucceeded);
        server = null;
        checkLastWords(running);
        await running.stop();
      };
      endRunning().then(
        () => {
          isStopping = owner.alive;
          owner.kill();
        },
        (error: unknown) => {
          if (!(error instanceof Killed)) violate('defect', `stop: ${describeDefect(error)}`);
        },
      );
    },
    request(method, path, query, body, onAnswer) {
      const owner = process;
      const route = server?.routes.find((candidate) => candidate.method === method && candidate.path === path);
      if (owner === null || route === undefined) {
        timeline.at(timeline.nowMs + 1, () => onAnswer(null));
        return;
      }
      let isAnswered = false;
      const answerOnce = (answer: FeedReply): void => {
        if (isAnswered) return;
        isAnswered = true;
        timeline.at(timeline.nowMs + 2 * LATENCY_MS, () => onAnswer(answer));
      };
      owner.onDeath(() => answerOnce(null));
      owner.at(timeline.nowMs, () => {
        const request: HttpRequest = {
          method,
          path,
          query: new URLSearchParams(query),
          header: () => '',
          remoteAddress: '127.0.0.1',
          body: Buffer.from(body),
        };
        void respond(owner, () => route.handle(request)).then(answerOnce);
      });
    },
  };
}

function describeDefect(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
