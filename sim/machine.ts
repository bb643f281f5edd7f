import { pino } from 'pino';
import { assembleDaemon, type Daemon } from '../daemon/daemon.ts';
import type { ModelSet, Quietly } from '../shared/bundle/model_set.ts';
import { MinutehandError } from '../shared/errors.ts';
import { checkFinalHeartbeats, checkLastBars, checkNothingLost } from './daemon_checks.ts';
import { DaemonModels } from './daemon_models.ts';
import { openFiles, openStore } from './daemon_ports.ts';
import { DaemonServer } from './daemon_server.ts';
import type { FeedReply } from './feed.ts';
import { openJournalThread } from './journal_thread.ts';
import type { MachineOptions } from './machine_options.ts';
import type { Published } from './oracle.ts';
import { withFasterFeed } from './planted.ts';
import { describeDefect, Killed, startProcess, type SimulatedProcess } from './process.ts';
import { openSockets, type SimulatedSockets } from './websockets.ts';

const MAX_BUFFERED_BYTES = 16_384;
const KERNEL_BYTES = 8192;
const FIRST_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 30_000;
/** A process that ran this long is restarted at once when it ends. */
const STEADY_MS = 60_000;
/** Probability that a stopped daemon has a successor, and the delay of its start. */
const SUCCESSORS = 0.4;
const TAKE_OVER_MS = 50;
/** Maximum duration of a stop. */
const STOP_MS = 30_000;
const LATENCY_MS = 0.1;
/**
 * A quarter of the real polling rate: otherwise half of the simulation's time would go into reading unchanged files.
 */
const MODEL_POLL_MS = 2000;
const SILENT = pino({ level: 'silent' });

/** The daemon's machine: starts the daemon, restarts it when it ends, and serves its requests. */
export interface Machine {
  readonly process: SimulatedProcess | null;
  /** null until it accepts bars, and while it stops. */
  readonly daemon: Daemon | null;
  readonly sockets: SimulatedSockets | null;
  readonly boots: number;
  readonly powerCuts: number;
  boot(): void;
  /** Called when a signal leaves the daemon for the first time. */
  receive(published: Published): void;
  kill(): void;
  cutPower(): void;
  /** A graceful stop. */
  stop(): void;
  request(
    method: 'GET' | 'POST',
    path: string,
    query: string,
    body: string,
    onAnswer: (answer: FeedReply) => void,
  ): void;
  /** Returns whether models failed, or were slow, in the process of this boot. */
  failedIn(bootId: string): boolean;
  readonly hasFailedModels: boolean;
}

export function createMachine(options: MachineOptions): Machine {
  return new DaemonMachine(options);
}

class DaemonMachine implements Machine {
  readonly #options: MachineOptions;
  readonly #models: DaemonModels;
  readonly #server: DaemonServer;
  process: SimulatedProcess | null = null;
  daemon: Daemon | null = null;
  sockets: SimulatedSockets | null = null;
  boots = 0;
  powerCuts = 0;
  #bootId: string | null = null;
  #bootedMs = 0;
  #backoffMs = FIRST_BACKOFF_MS;
  /** The graceful stop has completed. */
  #isStopped = false;
  /** A standby waits to take over from the stopping daemon. */
  #isSucceeded = false;
  /** The running or starting daemon is such a successor. */
  #tookOver = false;

  constructor(options: MachineOptions) {
    const { timeline, truth, onViolation } = options;
    this.#options = options;
    this.#models = new DaemonModels(options, () => this.#bootId);
    this.#server = new DaemonServer({
      timeline,
      truth,
      latencyMs: LATENCY_MS,
      powerCuts: () => this.powerCuts,
      onViolation,
    });
  }

  get hasFailedModels(): boolean {
    return this.#models.hasFailed;
  }

  failedIn(bootId: string): boolean {
    return this.#models.failedIn(bootId);
  }

  receive(published: Published): void {
    this.#models.check(published);
  }

  request(
    method: 'GET' | 'POST',
    path: string,
    query: string,
    body: string,
    onAnswer: (answer: FeedReply) => void,
  ): void {
    this.#server.request(method, path, query, body, onAnswer);
  }

  // ---- start ----

  boot(): void {
    const { timeline, processRng, wallMs, storm, truth, trace, onViolation } = this.#options;
    const owner = startProcess({
      name: 'daemon',
      timeline,
      rng: processRng,
      wallMs,
      turnMs: storm.turnMs,
      onDefect: (error) => onViolation('defect', describeDefect(error)),
    });
    this.process = owner;
    this.boots++;
    this.#bootedMs = timeline.nowMs;
    this.#isStopped = false;
    this.#bootId = null;
    const onSwap = this.#models.processStarted();
    truth.disks.processStarted();
    owner.onDeath(() => this.#onDeath(owner));
    const ports = this.#openPorts(owner);
    trace(() => `daemon: start ${this.boots}`);
    assembleDaemon(ports, this.#daemonOptions(owner, onSwap)).then(
      (assembled) => {
        if (owner.alive) this.#open(owner, assembled);
      },
      (error: unknown) => {
        if (error instanceof Killed || !owner.alive) return;
        trace(() => `daemon: did not start: ${String(error)}`);
        if (!(error instanceof MinutehandError)) onViolation('defect', describeDefect(error));
        owner.kill();
      },
    );
  }

  #openPorts(owner: SimulatedProcess): Parameters<typeof assembleDaemon>[0] {
    const files = openFiles(owner, this.#options);
    const store = openStore(owner, this.#options, (bootId) => (this.#bootId = bootId));
    return {
      clock: owner.clock,
      scheduler: owner.scheduler,
      files,
      store,
      journalWriter: openJournalThread(owner, this.#options, store),
      bus: this.#options.redis.connect(owner),
      lease: this.#options.lease?.connect(owner),
      loadModels: (folder: string, quietly: Quietly) => this.#models.load(owner, files, folder, quietly),
      loadDirection: (folder: string) => this.#models.loadDirection(owner, files, folder),
      loadRule: (folder: string) => this.#options.rules.open(folder, files),
    };
  }

  #daemonOptions(owner: SimulatedProcess, onSwap: (set: ModelSet) => void): Parameters<typeof assembleDaemon>[1] {
    const { settings, planted, signalsFolder, modelsFolder, see, trace } = this.#options;
    return {
      settings: planted === 'short_validity' ? withFasterFeed(settings) : settings,
      paths: { signals: signalsFolder, models: modelsFolder },
      shard: 'main',
      log: SILENT,
      observer: {
        onSignals: () => undefined,
        onBar: () => undefined,
        refusedBars: () => ({}),
        onSeries: () => undefined,
        onSwap,
        onModelsRefused: () => see('models refused'),
        onModelsFailed: () => undefined,
      },
      print: (words) => {
        if (owner.alive) trace(() => `daemon says: ${words.replaceAll('\n', ' ')}`);
        if (words.startsWith('HALTS_LOST')) see('halt kept that its file lost');
        if (words.startsWith('LEASE_LOST')) see('lease lost');
        if (words.startsWith('MODEL_SLOW'))
          see(words.includes('continue to answer') ? 'slow models without others' : 'slow models dropped');
        if (words.endsWith('are fast again.')) see('slow models fast again');
      },
      isFeedOpen: () => true,
      modelPollMs: MODEL_POLL_MS,
    };
  }

  #open(owner: SimulatedProcess, assembled: Daemon): void {
    const { truth, trace } = this.#options;
    this.daemon = assembled;
    this.#server.open(owner, assembled);
    truth.silence.daemonReady();
    this.sockets = this.#openSockets(owner, assembled);
    assembled.attach({ engine: 'ws', engineNote: null, publishAll: this.sockets.audience.publishAll });
    checkLastBars(this.#options, assembled);
    this.#noteStart(assembled);
    trace(
      () => `daemon: ready, boot ${assembled.bootId}, models ${assembled.pipeline.status.models?.version ?? 'none'}`,
    );
  }

  #openSockets(owner: SimulatedProcess, { webSockets }: Daemon): SimulatedSockets {
    const { timeline, processRng, storm, onText, onViolation } = this.#options;
    return openSockets({
      process: owner,
      timeline,
      rng: processRng,
      routes: webSockets,
      latencyMs: LATENCY_MS,
      spreadMs: storm.network.spreadMs,
      maxBufferedBytes: MAX_BUFFERED_BYTES,
      kernelBytes: KERNEL_BYTES,
      onText,
      onDefect: (error) => {
        if (!(error instanceof Killed)) onViolation('defect', describeDefect(error));
      },
    });
  }

  #noteStart({ bootId, pipeline }: Daemon): void {
    const { journal, newestMinute, wallMs, see } = this.#options;
    const newest = Math.max(0, ...pipeline.status.lastTimes.values());
    if (this.#tookOver && newestMinute() > newest) see('successor has minutes to catch up on');
    const startedMs = journal.boots.find((boot) => boot.bootId === bootId)?.startedMs ?? 0;
    if (startedMs > wallMs()) see('boot_id ahead of the clock');
  }

  // ---- end ----

  #onDeath(owner: SimulatedProcess): void {
    const { timeline, trace } = this.#options;
    trace(() => 'daemon: dead');
    if (this.#bootId !== null) checkNothingLost(this.#options, this.#bootId, this.#isStopped ? 0 : 1);
    this.#checkBuffered();
    if (this.process === owner) {
      this.process = null;
      this.daemon = null;
      this.sockets = null;
      this.#server.close();
    }
    const isSteady = timeline.nowMs - this.#bootedMs > STEADY_MS;
    this.#backoffMs = isSteady ? FIRST_BACKOFF_MS : Math.min(2 * this.#backoffMs, MAX_BACKOFF_MS);
    timeline.at(timeline.nowMs + (this.#isSucceeded ? TAKE_OVER_MS : this.#backoffMs), () => this.boot());
    this.#tookOver = this.#isSucceeded;
    this.#isSucceeded = false;
  }

  #checkBuffered(): void {
    const bytes = this.sockets?.mostBuffered ?? 0;
    if (bytes > MAX_BUFFERED_BYTES)
      this.#options.onViolation('memory not bounded', `${bytes} bytes waited for one WebSocket client`);
  }

  kill(): void {
    this.process?.kill();
  }

  cutPower(): void {
    const { disk, journal, rng, truth, trainer, see, trace } = this.#options;
    trace(() => 'machine: power cut');
    if (this.process !== null && truth.disks.isJournalRefusing) see('power cut while the journal waits');
    this.process?.kill();
    this.powerCuts++;
    truth.disks.journalLost();
    disk.cutPower();
    const lost = journal.cutPower(rng);
    if (lost > 0) see('power cut loses commits');
    trace(() => `machine: the journal lost ${lost} commits`);
    trainer.checkSurvived(lost);
  }

  stop(): void {
    const { timeline, rng, trace, onViolation } = this.#options;
    const owner = this.process;
    const running = this.daemon;
    if (owner === null || running === null) return;
    trace(() => 'daemon: stop requested');
    this.daemon = null;
    owner.at(timeline.nowMs + STOP_MS, () => onViolation('stop does not end', `not within ${STOP_MS} ms`));
    this.#isSucceeded = rng.uniform() < SUCCESSORS;
    this.#end(running).then(
      () => {
        this.#isStopped = owner.alive;
        owner.kill();
      },
      (error: unknown) => {
        if (!(error instanceof Killed)) onViolation('defect', `stop: ${describeDefect(error)}`);
      },
    );
  }

  async #end(running: Daemon): Promise<void> {
    await running.signOff(() => this.#isSucceeded);
    this.#server.close();
    checkFinalHeartbeats(this.#options, running, this.#isSucceeded);
    await running.stop();
  }
}
