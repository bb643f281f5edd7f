import type { Scheduler } from '../../shared/ports.ts';
import { ClockComparison } from './clock_comparison.ts';
import { Lease, type LeaseRequest } from './lease.ts';
import type { LeaseStore } from './lease_store.ts';

export interface LeaseKeeperOptions {
  readonly leaseMs: number;
  readonly holder: string;
  /** See `LeaseOptions`. */
  readonly floor: number;
  readonly store: LeaseStore;
  readonly scheduler: Scheduler;
  /** Milliseconds of a clock that never goes back and counts suspension. */
  clockMs(): number;
  /** The wall clock minus a monotonic one: changes when the wall clock is set. */
  clockOffsetMs(): number;
  /** The wall clock, epoch ms, to be compared with the server's; absent = it is not. */
  wallMs?(): number;
  /**
   * A holder whose wall clock is set by more, or differs by more from the server's, refuses bars, or takes them for
   * history: it releases the lease.
   */
  readonly maxStepMs: number;
  /** Whether this daemon could answer with models. */
  isReady(): boolean;
  /** This daemon publishes from here on. */
  onTaken(fence: number): void;
  /** The lease could not be renewed: a last signal of each pair may still leave. Resolves when it has. */
  onLosing(): Promise<void>;
  /** This daemon publishes nothing from here on. @param inMs after which nothing that was sent before may leave */
  onLost(inMs: number): void;
  /** Another daemon has or had this lease: remembered, in case the server forgets it. */
  onSeen(fence: number): void;
  /**
   * The clocks of this machine and of the server differ: the lease is given up. @param errorMs how far ahead this is
   */
  onClock?(errorMs: number): void;
  /** Called once per change. */
  onServer(state: 'up' | 'down', detail: string): void;
}

/** The lease as `/healthz` shows it. */
export interface LeaseHealth {
  readonly role: 'holder' | 'standby';
  /** Of the holder. */
  readonly fence: number | null;
  /** Name of the daemon that holds it; null = none that renews it. */
  readonly holder: string | null;
  readonly server: 'up' | 'down' | 'unknown';
}

/** Shares of the lease's duration. */
const TICK = 0.1;
const TIMEOUT = 0.25;
const MIN_TICK_MS = 5;
/** Durations of the lease that are left to a standby after a step of the clock. */
const YIELD = 2;
/**
 * Durations for which a holder without an alternative keeps the lease with a wrong clock, before it offers it again;
 * doubled with each vain offer.
 */
const FIRST_OFFER = 60;
const MAX_DOUBLINGS = 4;

/** Holds or awaits a lease, one request at a time. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #lease: Lease;
  #server: LeaseHealth['server'] = 'unknown';
  #pending: { readonly request: LeaseRequest; readonly sentMs: number } | null = null;
  #isClosed = false;
  #isLosing = false;
  #offsetMs: number;
  readonly #clocks: ClockComparison | null;
  /** Offers of the lease since the clock is wrong, and when the next one follows. */
  #offers = 0;
  #nextOfferMs = -Infinity;
  #end: () => void = () => undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#lease = new Lease(options);
    this.#offsetMs = options.clockOffsetMs();
    const { store, clockMs, wallMs, maxStepMs, leaseMs } = options;
    this.#clocks =
      wallMs === undefined
        ? null
        : new ClockComparison({ store, clockMs, wallMs: () => wallMs(), maxErrorMs: maxStepMs, everyMs: leaseMs });
    store.onLost(() => this.#lease.failed());
  }

  /** How far this machine's clock is ahead of the server's, ms, while that is more than allowed; else null. */
  get clockErrorMs(): number | null {
    return this.#clocks?.errorMs ?? null;
  }

  /** Begins to request the lease. */
  start(): void {
    const { scheduler, leaseMs } = this.#options;
    this.#end = scheduler.every(Math.max(MIN_TICK_MS, TICK * leaseMs), () => this.#tick());
    this.#tick();
  }

  /** Whether a signal with this fence may leave now: one read of the clock and a comparison. */
  readonly holds = (fence: number): boolean => this.#lease.holds(fence, this.#options.clockMs());

  /** Whether the holder's last signals may still be shown. */
  readonly isHolder = (): boolean => this.#lease.fence !== null && this.holds(this.#lease.fence);

  /** See `Lease`, by the clock of the options. */
  readonly deadlineMs = (): number => this.#lease.deadlineMs;

  health(): LeaseHealth {
    const { fence, seen } = this.#lease;
    const { leaseMs, clockMs } = this.#options;
    if (this.isHolder()) return { role: 'holder', fence, holder: this.#options.holder, server: this.#server };
    const isRenewed = seen !== null && seen.record.holder !== '' && clockMs() - seen.sinceMs < leaseMs;
    return { role: 'standby', fence: null, holder: isRenewed ? seen.record.holder : null, server: this.#server };
  }

  /** Releases the lease, for the standby to take at once. Nothing may be published afterward. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#end();
    const { fence } = this.#lease;
    const { store, scheduler, leaseMs } = this.#options;
    this.#lease.stepDown();
    if (fence !== null && this.#server === 'up') {
      const released = store.exchange({ kind: 'release', fence }).catch(() => undefined);
      await Promise.race([released, new Promise<void>((resolve) => scheduler.after(TIMEOUT * leaseMs, resolve))]);
    }
    await store.close();
  }

  #tick(): void {
    if (this.#isClosed) return;
    const { clockMs, store, leaseMs } = this.#options;
    const nowMs = clockMs();
    if (this.#lease.mustHalt(nowMs)) return this.#giveUp();
    if (this.#isClockSet()) return this.#release();
    void this.#clocks?.look();
    if (this.#mustOffer(nowMs)) return this.#release();
    if (this.#pending !== null) {
      if (nowMs - this.#pending.sentMs < TIMEOUT * leaseMs) return;
      this.#fail(this.#pending, 'no response');
      store.reset();
    }
    const request = this.#lease.request(nowMs, this.#isReady());
    if (request !== null) this.#send(request, nowMs);
  }

  #send(request: LeaseRequest, sentMs: number): void {
    const pending = { request, sentMs };
    this.#pending = pending;
    this.#options.store.exchange(request).then(
      (record) => {
        if (this.#pending !== pending || this.#isClosed) return;
        this.#pending = null;
        if (this.#isLosing) return;
        this.#enter('up', 'connected');
        const { fence: before, highestFence } = this.#lease;
        this.#lease.answered(request, record, sentMs, this.#options.clockMs());
        const after = this.#lease.fence;
        if (before !== null && after === null) this.#options.onLost(0);
        if (before === null && after !== null) this.#options.onTaken(after);
        if (after === null && this.#lease.highestFence > highestFence) this.#options.onSeen(this.#lease.highestFence);
        // A lease that is free is taken at once.
        if (after === null && request.kind === 'look') this.#takeIfFree();
      },
      (error: unknown) => this.#fail(pending, error instanceof Error ? error.message : String(error)),
    );
  }

  /** @param leave ends the lease */
  #giveUp(leave = (): void => this.#lease.stepDown()): void {
    if (this.#isLosing) return;
    this.#isLosing = true;
    const halted = this.isHolder() ? this.#options.onLosing() : Promise.resolve();
    void halted.then(() => {
      this.#isLosing = false;
      const inMs = Math.max(0, this.#lease.deadlineMs - this.#options.clockMs());
      leave();
      this.#options.onLost(inMs);
    });
  }

  #isClockSet(): boolean {
    const { clockOffsetMs, maxStepMs } = this.#options;
    const offsetMs = clockOffsetMs();
    const stepMs = Math.abs(offsetMs - this.#offsetMs);
    this.#offsetMs = offsetMs;
    return stepMs > maxStepMs && this.#lease.fence !== null;
  }

  /** One that answers with a wrong clock leaves a free lease to others, as one without models does. */
  #isReady(): boolean {
    return this.#options.isReady() && this.clockErrorMs === null;
  }

  /**
   * Whether this holder must offer the lease, because its clock is wrong. Without another daemon it takes it again: its
   * signals are better than none, and the server's clock may be the wrong one.
   */
  #mustOffer(nowMs: number): boolean {
    const errorMs = this.clockErrorMs;
    if (errorMs === null) {
      this.#offers = 0;
      this.#nextOfferMs = -Infinity;
      return false;
    }
    if (this.#lease.fence === null || this.#isLosing || nowMs < this.#nextOfferMs) return false;
    const pause = FIRST_OFFER * 2 ** Math.min(this.#offers++, MAX_DOUBLINGS);
    this.#nextOfferMs = nowMs + pause * this.#options.leaseMs;
    this.#options.onClock?.(errorMs);
    return true;
  }

  #release(): void {
    const { clockMs, leaseMs, store } = this.#options;
    this.#giveUp(() => {
      const { fence } = this.#lease;
      this.#lease.yieldTo(clockMs() + YIELD * leaseMs);
      if (fence !== null) void store.exchange({ kind: 'release', fence }).catch(() => undefined);
    });
  }

  #takeIfFree(): void {
    const nowMs = this.#options.clockMs();
    const request = this.#lease.request(nowMs, this.#isReady());
    if (request?.kind === 'take') this.#send(request, nowMs);
  }

  #fail(pending: object, detail: string): void {
    if (this.#pending !== pending || this.#isClosed) return;
    this.#pending = null;
    this.#lease.failed();
    this.#enter('down', detail);
  }

  #enter(state: 'up' | 'down', detail: string): void {
    if (this.#server === state) return;
    this.#server = state;
    this.#options.onServer(state, detail);
  }
}
