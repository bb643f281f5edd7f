import type { LeaseRecord, LeaseRequest } from '../daemon/lease/lease.ts';
import { LeaseKeeper } from '../daemon/lease/lease_keeper.ts';
import type { LeaseStore } from '../daemon/lease/lease_store.ts';
import type { Rng } from '../shared/ports.ts';
import { LeaseServer, type LeaseClient } from './lease_server.ts';
import type { Published, Seen } from './oracle.ts';
import { withCachedLease, type PlantedBug } from './planted.ts';
import { startProcess, type SimulatedProcess } from './process.ts';
import type { Sighting } from './sightings.ts';
import type { Timeline } from './timeline.ts';

export const LEASE_SECONDS = 20;
const LEASE_MS = 1000 * LEASE_SECONDS;
/** docs: a holder may publish for this share of the lease after it sent its last successful renewal. */
const HELD_MS = 0.9 * LEASE_MS;
/** A rename on a slow disk takes up to this long. */
const WRITING_MS = 300;
const LATE_RENEWAL_MS = 0.5 * LEASE_MS;
const DAEMON = 'daemon';
const RIVAL = 'rival';

/** Faults of the lease, events an hour. */
export interface LeaseWeather {
  /** Periods in which another machine requests the lease. */
  readonly rivals: number;
  /** The daemon's path to the server is cut. */
  readonly cuts: number;
  readonly downs: number;
  readonly slows: number;
  /** The server loses its data. */
  readonly losses: number;
  /** The server's clock is set. */
  readonly serverSteps: number;
}

export interface LeaseWorldOptions {
  readonly timeline: Timeline;
  readonly rng: Rng;
  readonly planted: PlantedBug | null;
  trueMs(): number;
  /** Whether the daemon takes bars: it does not end. */
  isServing(): boolean;
  see(sighting: Sighting): void;
  trace(line: () => string): void;
  onViolation(rule: string, what: string): void;
}

/** A lease server, and another machine that requests the lease. It publishes nothing. */
export class LeaseWorld {
  readonly server: LeaseServer;
  serverOffsetMs = 0;
  readonly #options: LeaseWorldOptions;
  readonly #truth: LeaseTruth;
  /** What its journal knows. */
  #rivalFence = 0;
  #rival: { readonly process: SimulatedProcess; readonly keeper: LeaseKeeper } | null = null;
  #processes = 0;

  constructor(options: LeaseWorldOptions) {
    const { timeline, rng, trueMs } = options;
    this.#options = options;
    this.#truth = new LeaseTruth(options);
    this.server = new LeaseServer({
      timeline,
      rng,
      wallMs: () => trueMs() + this.serverOffsetMs,
      onExecuted: (...executed) => this.#truth.executed(...executed),
      onAnswered: (...answered) => this.#truth.answered(...answered),
    });
  }

  /** The port of the daemon's process. */
  connect(owner: SimulatedProcess): { store: LeaseStore; holder: string; clockMs(): number } {
    const { timeline, planted } = this.#options;
    const holder = this.#nameOf(DAEMON);
    const store = this.server.connect({ owner, machine: DAEMON, holder });
    return {
      store: planted === 'cached_lease' ? withCachedLease(store) : store,
      holder,
      clockMs: () => timeline.nowMs,
    };
  }

  #nameOf(machine: string): string {
    return `${machine}/${++this.#processes}`;
  }

  /** A signal has left the daemon for the first time. */
  receive(published: Published): void {
    this.#truth.receive(published);
  }

  /** Redis gets a signal that it missed. */
  receiveResent(signal: Seen): void {
    this.#truth.check(signal);
  }

  isolate(): void {
    this.#options.trace(() => 'lease: the daemon is disconnected from the server');
    this.server.isolated.add(DAEMON);
  }

  reconnect(): void {
    this.server.isolated.delete(DAEMON);
  }

  // ---- the other machine ----

  startRival(): void {
    if (this.#rival !== null) return;
    const { timeline, rng, trueMs, trace, onViolation } = this.#options;
    const process = startProcess({
      name: RIVAL,
      timeline,
      rng,
      wallMs: trueMs,
      turnMs: 1,
      onDefect: (error) => onViolation('defect', String(error)),
    });
    const holder = this.#nameOf(RIVAL);
    const keeper = new LeaseKeeper({
      leaseMs: LEASE_MS,
      holder,
      scheduler: process.scheduler,
      maxStepMs: Infinity,
      store: this.server.connect({ owner: process, machine: RIVAL, holder }),
      clockMs: () => timeline.nowMs,
      clockOffsetMs: () => 0,
      isReady: () => true,
      floor: this.#rivalFence,
      onSeen: (fence) => void (this.#rivalFence = fence),
      onTaken: (fence) => {
        this.#rivalFence = fence;
        trace(() => `lease: ${holder} takes it, fence ${fence}`);
      },
      onLosing: () => Promise.resolve(),
      onLost: () => trace(() => `lease: ${holder} loses it`),
      onServer: () => undefined,
    });
    this.#rival = { process, keeper };
    keeper.start();
  }

  killRival(): void {
    this.#rival?.process.kill();
    this.#rival = null;
  }

  /** It ends in order, and releases the lease. */
  stopRival(): void {
    const rival = this.#rival;
    this.#rival = null;
    void rival?.keeper.close().then(() => rival.process.kill());
  }

  endFaults(): void {
    this.reconnect();
    this.server.isDown = false;
    this.server.slowMs = 0;
    this.killRival();
  }
}

/** Who may publish, from what the server executed and the daemon was answered; it shares no code with `Lease`. */
class LeaseTruth {
  readonly #options: LeaseWorldOptions;
  /** The last holder that the server ever named. */
  #granted = { holder: '', fence: 0, isReleased: false };
  /** Of the daemon's process: until when its last response lets it publish. */
  #untilMs = -Infinity;
  #confirmedMs = -Infinity;
  /** Newest fence of each pair's signals. */
  readonly #fences = new Map<string, number>();
  /** Of each pair's last final heartbeat. */
  readonly #halted = new Map<string, number>();

  constructor(options: LeaseWorldOptions) {
    this.#options = options;
  }

  executed({ machine, holder }: LeaseClient, { kind }: LeaseRequest, before: LeaseRecord, after: LeaseRecord): void {
    const { see, isServing, onViolation } = this.#options;
    const isTaken = kind === 'take' && after !== before;
    if (isTaken) {
      if (after.fence <= this.#granted.fence)
        onViolation('fence does not rise', `${after.fence} of ${holder} after ${this.#granted.fence}`);
      if (machine === RIVAL) see('another machine holds the lease');
      else if (this.#granted.holder === holder) see('lease taken again by the same process');
      else if (this.#granted.holder.startsWith(RIVAL)) see('lease taken from another machine');
      this.#granted = { holder, fence: after.fence, isReleased: false };
    }
    if (kind === 'release' && after !== before) {
      this.#granted = { ...this.#granted, isReleased: true };
      if (machine === DAEMON && isServing()) see('lease released by a step of the clock');
    }
  }

  answered({ machine, holder }: LeaseClient, request: LeaseRequest, record: LeaseRecord, sentMs: number): void {
    if (machine !== DAEMON || request.kind === 'look' || request.kind === 'release') return;
    const isOurs = record.holder === holder && (request.kind === 'take' || record.fence === request.fence);
    if (!isOurs) return;
    const sinceMs = sentMs - this.#confirmedMs;
    if (request.kind === 'renew' && sinceMs > LATE_RENEWAL_MS) this.#options.see('lease renewed late');
    // The response to an earlier request may arrive after that to a later one.
    this.#confirmedMs = Math.max(this.#confirmedMs, sentMs);
    this.#untilMs = this.#confirmedMs + HELD_MS;
  }

  /** A signal leaves the daemon. */
  check({ pair_id, seq, boot_id, fence = 0 }: Seen): void {
    const { timeline, onViolation } = this.#options;
    const where = `${pair_id} seq ${seq} of ${boot_id}, fence ${fence}`;
    const { holder, fence: granted, isReleased } = this.#granted;
    if (!holder.startsWith(DAEMON) || fence !== granted || isReleased)
      onViolation(
        'signal without the lease',
        `${where}: ${holder} has fence ${granted}${isReleased ? ', released' : ''}`,
      );
    const lateMs = timeline.nowMs - this.#untilMs;
    if (lateMs > WRITING_MS) onViolation('signal after the lease', `${where}: ${Math.round(lateMs)} ms after its end`);
  }

  receive({ signal, isTakeover }: Published): void {
    const { see, onViolation } = this.#options;
    const { pair_id, seq, boot_id, fence = 0 } = signal;
    this.check(signal);
    const before = this.#fences.get(pair_id) ?? 0;
    if (fence < before)
      onViolation('fence does not rise', `${pair_id} seq ${seq} of ${boot_id}: ${fence} after ${before}`);
    this.#fences.set(pair_id, fence);
    if (signal.reason === 'SHUTDOWN') this.#halted.set(pair_id, fence);
    else if (this.#halted.get(pair_id) === fence)
      onViolation('signal after the halt of its lease', `${pair_id} seq ${seq} of ${boot_id}: fence ${fence}`);
    if (isTakeover) see('withheld signal published after a take-over');
    if (signal.reason === 'SHUTDOWN' && this.#options.isServing()) see('holder halts before its lease ends');
  }
}
