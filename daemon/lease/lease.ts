/** The row of a shard on the lease server. */
export interface LeaseRecord {
  /** Empty: released. */
  readonly holder: string;
  /** Rises with each holder; 0 = there is no row. */
  readonly fence: number;
  /** Rises with each renewal. */
  readonly beat: number;
}

export type LeaseRequest =
  | { readonly kind: 'look' }
  | { readonly kind: 'renew' | 'release'; readonly fence: number }
  /** Puts the fence of this row above `floor`, so that its holder must take it again with a higher one. */
  | { readonly kind: 'raise'; readonly fence: number; readonly floor: number }
  /**
   * Succeeds when the row still has the fence and beat of `seen`. The new fence is above `floor` and that of the row.
   */
  | { readonly kind: 'take'; readonly seen: LeaseRecord; readonly floor: number };

/** Shares of the lease's duration. */
const HELD = 0.9;
const HALT = 0.7;
const RENEW = 0.2;
/** Durations for which a daemon that is not ready leaves a free lease to one that is. */
const NOT_READY = 3;

export interface LeaseOptions {
  readonly leaseMs: number;
  /** Unique to this process. */
  readonly holder: string;
  /** Highest fence that this daemon has had or seen: a server that has lost its data may name a lower one. */
  readonly floor: number;
}

/**
 * The state of one daemon: holder or standby. Pure: all times are milliseconds of one clock of this machine that never
 * goes back and counts suspension; no time of another machine, and no wall clock, is compared with it.
 *
 * A holder may publish until `HELD` of the duration after it **sent** its last successful renewal. A standby takes over
 * when it has seen the same fence and beat for the whole duration, counted from the **arrival** of the first response
 * with them. The difference covers clocks that run at different rates.
 */
export class Lease {
  readonly #options: LeaseOptions;
  /** null = standby. */
  #fence: number | null = null;
  #sentMs = -Infinity;
  #renewedMs = -Infinity;
  #highestFence: number;
  #yieldsUntilMs = -Infinity;
  /** Since when the server has answered after the last failure; null = not yet again. */
  #answersSinceMs: number | null = -Infinity;
  /** null = unknown. */
  #seen: { readonly record: LeaseRecord; readonly sinceMs: number } | null = null;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#highestFence = options.floor;
  }

  /** Of this holder; null = standby. */
  get fence(): number | null {
    return this.#fence;
  }

  /** Of all that this daemon has had or seen. */
  get highestFence(): number {
    return this.#highestFence;
  }

  /** The last record seen, and since when it has been the same; null after a failure. */
  get seen(): { readonly record: LeaseRecord; readonly sinceMs: number } | null {
    return this.#seen;
  }

  /** Until when this holder may publish; −Infinity for a standby. */
  get deadlineMs(): number {
    return this.#fence === null ? -Infinity : this.#sentMs + HELD * this.#options.leaseMs;
  }

  /** Whether a signal with this fence may leave now. */
  holds(fence: number, nowMs: number): boolean {
    return fence === this.#fence && nowMs < this.deadlineMs;
  }

  /** Whether the holder must halt its consumers while it still may publish. */
  mustHalt(nowMs: number): boolean {
    return this.#fence !== null && nowMs >= this.#sentMs + HALT * this.#options.leaseMs;
  }

  stepDown(): void {
    this.#fence = null;
  }

  /** Another daemon may take the lease first. */
  yieldTo(untilMs: number): void {
    this.stepDown();
    this.#yieldsUntilMs = untilMs;
  }

  /**
   * The next request; null = none is due.
   * @param isReady whether this daemon could answer with models
   */
  request(nowMs: number, isReady = true): LeaseRequest | null {
    const { holder, leaseMs } = this.#options;
    if (this.#fence !== null)
      return nowMs < this.#renewedMs + RENEW * leaseMs ? null : { kind: 'renew', fence: this.#fence };
    if (this.#seen === null || nowMs < this.#yieldsUntilMs) return { kind: 'look' };
    const { record, sinceMs } = this.#seen;
    const floor = this.#highestFence;
    const isReleased = record.holder === '' && record.fence > 0;
    // The row of a server that has lost its newest data does not show who holds the lease.
    const isKnown = record.fence === floor && nowMs - this.#answersSinceMs! >= leaseMs;
    const waitMs = isReady ? leaseMs : NOT_READY * leaseMs;
    const isAtOnce = isReady && isKnown && (isReleased || record.holder === holder);
    if (isAtOnce || nowMs - sinceMs >= waitMs) return { kind: 'take', seen: record, floor };
    const isBehind = record.holder !== '' && record.fence < floor;
    return isBehind ? { kind: 'raise', fence: record.fence, floor } : { kind: 'look' };
  }

  /** @param sentMs when the request was sent */
  answered(request: LeaseRequest, record: LeaseRecord, sentMs: number, nowMs: number): void {
    this.#answersSinceMs ??= nowMs;
    this.#highestFence = Math.max(this.#highestFence, record.fence);
    this.#see(record, nowMs);
    const isOurs = record.holder === this.#options.holder;
    if (this.#fence !== null) {
      if (isOurs && record.fence === this.#fence) this.#renewed(sentMs, nowMs);
      else this.stepDown();
    } else if (request.kind === 'take' && isOurs && record.fence > request.seen.fence) {
      this.#fence = record.fence;
      this.#renewed(sentMs, nowMs);
    }
  }

  /** After a failure the server may be another one with older data: nothing that was seen before counts. */
  failed(): void {
    this.#seen = null;
    this.#answersSinceMs = null;
  }

  #renewed(sentMs: number, nowMs: number): void {
    this.#sentMs = sentMs;
    this.#renewedMs = nowMs;
  }

  #see(record: LeaseRecord, nowMs: number): void {
    const last = this.#seen?.record;
    const isSame = last?.holder === record.holder && last.fence === record.fence && last.beat === record.beat;
    if (!isSame) this.#seen = { record, sinceMs: nowMs };
  }
}
