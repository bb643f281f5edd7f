import { crc32 } from 'node:zlib';
import type { Order, Verdict } from '../shared/signal/consumer.ts';

/** Fields of a signal as the oracle parses them. */
export interface Seen {
  readonly pair_id: string;
  readonly boot_id: string;
  readonly seq: number;
  readonly timestamp: string;
  readonly z_score: number | null;
  /** Of an instrument's signal. */
  readonly ml_up_prob?: number | null;
  readonly action: string;
  readonly reason: string;
  readonly mode: string;
  readonly target: number;
  readonly position_id: string;
  readonly signal_id: string;
  readonly model_version: string;
  readonly generated_at_ms: number;
  readonly valid_until_ms: number;
  /** Only with a lease. */
  readonly fence?: number;
}

export interface Published {
  readonly signal: Seen;
  /** Time of its first publication, in world time. */
  readonly atMs: number;
  /** A new holder of the lease begins with it: it was answered before. */
  readonly isTakeover: boolean;
}

export interface Oracle {
  /** A text leaves the daemon on some transport. @returns the signal, at its first publication */
  publish(text: string): Published | null;
  /** A consumer has checked a text. @param clockMs the consumer's wall clock */
  check(consumer: string, text: string, clockMs: number, verdict: Verdict): void;
  readonly published: ReadonlyMap<string, Published>;
  readonly accepted: number;
  readonly opens: number;
  /** Refusals by code, caused by the injected faults. */
  readonly refusals: ReadonlyMap<string, number>;
}

export interface OracleOptions {
  /** Items of work that were done. */
  works(): number;
  /** World time since its start; and as epoch milliseconds. */
  nowMs(): number;
  trueMs(): number;
  /** The wall clock of the daemon's machine. */
  wallMs(): number;
  /** Maximum error of the wall clocks now, in ms: 0 unless a clock was set. */
  clockErrorMs(): number;
  /** How long a subject's signal is fresh after publication. */
  validMs(pairId: string): number;
  readonly intervalMs: number;
  onViolation(rule: string, what: string): void;
}

/** Maximum time from creation to publication. */
const PUBLISHING_MS = 5000;

export const isHeartbeat = ({ reason }: Seen): boolean => reason === 'SILENCE' || reason === 'SHUTDOWN';

const asOrders = (orders: readonly Order[]): string => orders.map(({ order }) => order).join(' + ');

/** Position of a signal in its pair's sequence. */
interface Place {
  readonly bootId: string;
  readonly seq: number;
}

const placeOf = ({ boot_id, seq }: Seen): Place => ({ bootId: boot_id, seq });

const isAfter = (x: Place, y: Place): boolean => (x.bootId === y.bootId ? x.seq > y.seq : x.bootId > y.bootId);

/**
 * Observes when each text left the daemon and what every consumer did with what it received. Shares no code with the
 * consumers: age is measured in world time since publication, order by publication, integrity by equality with a
 * published text.
 */
export function createOracle(options: OracleOptions): Oracle {
  const published = new Map<string, Published>();
  const publications = new PublicationCheck(options);
  const accounts = new Map<string, Account>();
  const refusals = new Map<string, number>();
  const isTakeover = takeovers(options);
  let accepted = 0;

  function accountOf(consumer: string): Account {
    let account = accounts.get(consumer);
    if (account === undefined) {
      account = new Account(options);
      accounts.set(consumer, account);
    }
    return account;
  }

  return {
    published,
    refusals,
    get accepted() {
      return accepted;
    },
    get opens() {
      return [...accounts.values()].reduce((sum, { opens }) => sum + opens, 0);
    },
    publish(text) {
      if (published.has(text)) return null;
      const signal = JSON.parse(text) as Seen;
      const fresh: Published = { signal, atMs: options.nowMs(), isTakeover: isTakeover(signal) };
      published.set(text, fresh);
      publications.check(text, fresh);
      return fresh;
    },
    check(consumer, text, clockMs, verdict) {
      const line = text.trimEnd();
      const original = published.get(line);
      if (verdict.verdict === 'refuse') {
        refusals.set(verdict.code, (refusals.get(verdict.code) ?? 0) + 1);
        if (verdict.code === 'STALE' && original !== undefined) checkStale(options, consumer, text, original);
        return;
      }
      accepted++;
      const violation = (rule: string, detail: string): void =>
        options.onViolation(rule, `${consumer} accepted (${asOrders(verdict.orders)}) ${detail}: ${line}`);
      if (original === undefined) return violation('torn signal accepted', 'a text that was never published');
      accountOf(consumer).accept(original, clockMs, verdict.orders, violation);
    },
  };
}

/** The signals of the piece of work that is the first to publish under a new fence. */
function takeovers({ works }: OracleOptions): (signal: Seen) => boolean {
  let newest = 0;
  let work = -1;
  return ({ fence = 0 }) => {
    if (fence > newest) {
      newest = fence;
      work = works();
    }
    return works() === work;
  };
}

/** A consumer found a text stale: by the world's time it has to be. */
function checkStale(options: OracleOptions, consumer: string, text: string, original: Published): void {
  const { signal, atMs, isTakeover } = original;
  if (isTakeover) return;
  const sinceNewsMs = isHeartbeat(signal)
    ? options.nowMs() - atMs
    : Math.max(options.nowMs() - atMs, options.trueMs() - Date.parse(signal.timestamp) - options.intervalMs);
  if (sinceNewsMs + options.clockErrorMs() + PUBLISHING_MS < options.validMs(signal.pair_id))
    options.onViolation('fresh signal refused', `${consumer}, after ${Math.round(sinceNewsMs / 1000)} s: ${text}`);
}

/** Invariants of every new signal, and of its predecessors. */
class PublicationCheck {
  readonly #options: OracleOptions;
  readonly #last = new Map<string, Place>();
  /** Per pair and minute: the boot that answered it. With the model version: the signal id. */
  readonly #answered = new Map<string, string>();
  readonly #ids = new Map<string, string>();

  constructor(options: OracleOptions) {
    this.#options = options;
  }

  check(text: string, published: Published): void {
    const { signal } = published;
    const covered = text.slice(0, text.lastIndexOf(',"crc32":"'));
    const tail = text.slice(-10, -2);
    if (crc32(covered).toString(16).padStart(8, '0') !== tail) this.#options.onViolation('checksum', text);
    this.#checkOrder(signal);
    this.#checkTimes(published);
    if (!isHeartbeat(signal)) this.#checkIdentity(signal);
  }

  #checkOrder(signal: Seen): void {
    const place = placeOf(signal);
    const before = this.#last.get(signal.pair_id);
    if (before !== undefined && !isAfter(place, before))
      this.#options.onViolation(
        'publication order',
        `${signal.pair_id} ${place.bootId} ${place.seq} after ${before.bootId} ${before.seq}`,
      );
    this.#last.set(signal.pair_id, place);
  }

  /**
   * `generated_at_ms` and `valid_until_ms` of the protocol: a heartbeat is always news, a bar for one interval after
   * its close. What was withheld until a take-over expires earlier.
   */
  #checkTimes({ signal, isTakeover }: Published): void {
    const options = this.#options;
    const { pair_id, seq, timestamp, reason, generated_at_ms, valid_until_ms } = signal;
    const newsUntilMs = isHeartbeat(signal) ? Infinity : Date.parse(timestamp) + options.intervalMs;
    const expectedMs = Math.min(generated_at_ms, newsUntilMs) + options.validMs(pair_id);
    const where = `${pair_id} seq ${seq}, ${reason} at ${timestamp}`;
    // It was answered by the clock of that moment, which may have been set since.
    const latestMs = expectedMs + options.clockErrorMs();
    if (isTakeover ? valid_until_ms > latestMs : valid_until_ms !== expectedMs)
      options.onViolation('expiry', `${where}: valid for ${valid_until_ms - expectedMs} ms too long`);
    const sinceMs = options.wallMs() - generated_at_ms;
    if (Math.abs(sinceMs) > PUBLISHING_MS + options.clockErrorMs())
      options.onViolation('generated_at', `${where}: ${sinceMs} ms before it left the daemon`);
  }

  /**
   * A boot answers a minute once under a fence. If another boot answers it with the same models, the decision is the
   * same.
   */
  #checkIdentity({ pair_id, timestamp, boot_id, signal_id, model_version, fence }: Seen): void {
    const { onViolation } = this.#options;
    const minute = `${pair_id} ${timestamp}`;
    const holder = fence === undefined ? boot_id : `${boot_id}, fence ${fence}`;
    if (this.#answered.get(minute) === holder) onViolation('minute answered twice', `${minute} in ${holder}`);
    this.#answered.set(minute, holder);
    const decision = `${minute} ${model_version}`;
    const id = this.#ids.get(decision) ?? signal_id;
    if (id !== signal_id) onViolation('signal_id changed', `${decision}: ${signal_id} after ${id}`);
    this.#ids.set(decision, id);
  }
}

type Violate = (rule: string, detail: string) => void;

/** Signals that one consumer accepted, and positions that it opened and holds. */
class Account {
  readonly #options: OracleOptions;
  /** Last signal accepted, by pair. */
  readonly #last = new Map<string, Place>();
  readonly #opened = new Set<string>();
  readonly #held = new Map<string, string>();
  opens = 0;

  constructor(options: OracleOptions) {
    this.#options = options;
  }

  /** @param clockMs the consumer's wall clock */
  accept(original: Published, clockMs: number, orders: readonly Order[], violation: Violate): void {
    const { signal } = original;
    this.#checkFresh(original, clockMs, violation);
    this.#checkOrder(signal, violation);
    for (const order of orders) {
      if (order.order === 'open') this.#open(signal, order.positionId, violation);
      else if (order.order === 'close') this.#close(signal, order.positionId, violation);
    }
    const held = this.#heldOf(signal);
    if (held !== '' && (signal.target === 0 || signal.position_id !== held))
      violation('position kept that is over', held);
  }

  #heldOf({ pair_id }: Seen): string {
    return this.#held.get(pair_id) ?? '';
  }

  #checkFresh({ signal, atMs }: Published, clockMs: number, violation: Violate): void {
    const { nowMs, validMs, clockErrorMs } = this.#options;
    const ageMs = nowMs() - atMs;
    if (ageMs > validMs(signal.pair_id) + clockErrorMs())
      violation('stale signal accepted', `${(ageMs / 1000).toFixed(0)} s after its publication`);
    if (signal.valid_until_ms < clockMs)
      violation('stale signal accepted', `${clockMs - signal.valid_until_ms} ms after valid_until_ms by its own clock`);
  }

  #checkOrder(signal: Seen, violation: Violate): void {
    const place = placeOf(signal);
    const last = this.#last.get(signal.pair_id);
    if (last !== undefined && !isAfter(place, last))
      violation('repeated or out of order signal accepted', `after ${last.bootId} ${last.seq}`);
    this.#last.set(signal.pair_id, place);
  }

  #open(signal: Seen, positionId: string, violation: Violate): void {
    const { trueMs, intervalMs, validMs, clockErrorMs } = this.#options;
    const held = this.#heldOf(signal);
    this.opens++;
    if (signal.action !== 'ENTER' || (signal.mode !== 'OK' && signal.mode !== 'DEGRADED'))
      violation('open without ENTER', `with action ${signal.action} in mode ${signal.mode}`);
    if (this.#opened.has(positionId)) violation('position opened twice', positionId);
    if (held !== '') violation('position opened twice', `while it held ${held}`);
    const barAgeMs = trueMs() - Date.parse(signal.timestamp);
    if (barAgeMs > intervalMs + validMs(signal.pair_id) + clockErrorMs())
      violation('stale signal accepted', `on a bar that closed ${(barAgeMs / 1000).toFixed(0)} s ago`);
    if (positionId !== signal.signal_id) violation('open without ENTER', `position ${positionId}`);
    this.#opened.add(positionId);
    this.#held.set(signal.pair_id, positionId);
  }

  #close(signal: Seen, positionId: string, violation: Violate): void {
    const held = this.#heldOf(signal);
    if (held !== positionId) violation('close of a position that is not held', `${positionId}, holding "${held}"`);
    if (signal.target !== 0 && signal.position_id === held) violation('close of a position that is still open', held);
    this.#held.set(signal.pair_id, '');
  }
}
