import { crc32 } from 'node:zlib';
import type { Order, Verdict } from '../shared/signal/consumer.ts';

/** What the oracle reads of a signal, with its own eyes. */
export interface Seen {
  readonly pair_id: string;
  readonly boot_id: string;
  readonly seq: number;
  readonly timestamp: string;
  readonly z_score: number | null;
  readonly action: string;
  readonly reason: string;
  readonly mode: string;
  readonly target: number;
  readonly position_id: string;
  readonly signal_id: string;
  readonly model_version: string;
  readonly generated_at_ms: number;
  readonly valid_until_ms: number;
}

export interface Published {
  readonly signal: Seen;
  /** When it first left the daemon, in the world's own time. */
  readonly atMs: number;
}

/** What a consumer did, as the oracle remembers it. */
interface Account {
  /** Last (boot_id, seq) obeyed, by pair. */
  readonly last: Map<string, { bootId: string; seq: number }>;
  readonly opened: Set<string>;
  readonly held: Map<string, string>;
}

export interface Oracle {
  /** A text leaves the daemon by some way. @returns it, when it is the first time */
  publish(text: string): Published | null;
  /** A consumer has checked a text. @param clockMs its wall clock */
  check(consumer: string, text: string, clockMs: number, verdict: Verdict): void;
  readonly published: ReadonlyMap<string, Published>;
  readonly obeyed: number;
  readonly opens: number;
  /** Refusals by code: what the weather made consumers refuse. */
  readonly refusals: ReadonlyMap<string, number>;
}

export interface OracleOptions {
  /** Of the world, since its beginning; and as epoch milliseconds. */
  nowMs(): number;
  trueMs(): number;
  /** What the clock of the daemon's machine says. */
  wallMs(): number;
  /** How much the wall clocks may lie at this moment, in ms: 0 unless somebody set one. */
  clockErrorMs(): number;
  /** A signal is fresh for this long after its publication. */
  readonly validMs: number;
  readonly intervalMs: number;
  onViolation(rule: string, what: string): void;
}

/** A signal leaves the daemon so long after it was made, at most. */
const PUBLISHING_MS = 5000;

const isHeartbeat = ({ reason }: Seen): boolean => reason === 'SILENCE' || reason === 'SHUTDOWN';

const asOrders = (orders: readonly Order[]): string => orders.map(({ order }) => order).join(' + ');

/**
 * Sees everything: when each text left the daemon, and what every consumer did with what reached it. Its checks share no code with the
 * consumer's: age is measured in the world's time since publication, order by what was published, wholeness by equality with a published text.
 */
export function createOracle(options: OracleOptions): Oracle {
  const published = new Map<string, Published>();
  const accounts = new Map<string, Account>();
  const refusals = new Map<string, number>();
  const lastPublished = new Map<string, { bootId: string; seq: number }>();
  /** By pair and minute: the boot that answered it; and with the models, the id of the decision. */
  const answered = new Map<string, string>();
  const ids = new Map<string, string>();
  let obeyed = 0;
  let opens = 0;

  const isAfter = (x: { bootId: string; seq: number }, y: { bootId: string; seq: number }): boolean =>
    x.bootId === y.bootId ? x.seq > y.seq : x.bootId > y.bootId;

  /** A minute is answered once in a boot; answered again by another one, with the same models, it is the same decision. */
  function checkIdentity({ pair_id, timestamp, boot_id, signal_id, model_version }: Seen): void {
    const minute = `${pair_id} ${timestamp}`;
    if (answered.get(minute) === boot_id) options.onViolation('minute answered twice', `${minute} in ${boot_id}`);
    answered.set(minute, boot_id);
    const decision = `${minute} ${model_version}`;
    const id = ids.get(decision) ?? signal_id;
    if (id !== signal_id) options.onViolation('signal_id changed', `${decision}: ${signal_id} after ${id}`);
    ids.set(decision, id);
  }

  /** `generated_at_ms` and `valid_until_ms` of the protocol: a heartbeat is always news, a bar for one interval after its close. */
  function checkTimes(signal: Seen): void {
    const { pair_id, seq, timestamp, reason, generated_at_ms, valid_until_ms } = signal;
    const newsUntilMs = isHeartbeat(signal) ? Infinity : Date.parse(timestamp) + options.intervalMs;
    const expectedMs = Math.min(generated_at_ms, newsUntilMs) + options.validMs;
    const where = `${pair_id} seq ${seq}, ${reason} at ${timestamp}`;
    if (valid_until_ms !== expectedMs)
      options.onViolation('expiry', `${where}: valid for ${valid_until_ms - expectedMs} ms too long`);
    const sinceMs = options.wallMs() - generated_at_ms;
    if (Math.abs(sinceMs) > PUBLISHING_MS + options.clockErrorMs())
      options.onViolation('generated_at', `${where}: ${sinceMs} ms before it left the daemon`);
  }

  /** A consumer found a text stale: by the world's time it has to be. */
  function checkStale(consumer: string, text: string): void {
    const original = published.get(text.trimEnd());
    if (original === undefined) return;
    const { signal, atMs } = original;
    const sinceNewsMs = isHeartbeat(signal)
      ? options.nowMs() - atMs
      : Math.max(options.nowMs() - atMs, options.trueMs() - Date.parse(signal.timestamp) - options.intervalMs);
    if (sinceNewsMs + options.clockErrorMs() + PUBLISHING_MS < options.validMs)
      options.onViolation('fresh signal refused', `${consumer}, after ${Math.round(sinceNewsMs / 1000)} s: ${text}`);
  }

  return {
    published,
    refusals,
    get obeyed() {
      return obeyed;
    },
    get opens() {
      return opens;
    },
    publish(text) {
      if (published.has(text)) return null;
      const signal = JSON.parse(text) as Seen;
      const fresh: Published = { signal, atMs: options.nowMs() };
      published.set(text, fresh);
      const [covered, tail] = [text.slice(0, text.lastIndexOf(',"crc32":"')), text.slice(-10, -2)];
      if (crc32(covered).toString(16).padStart(8, '0') !== tail) options.onViolation('checksum', text);
      const place = { bootId: signal.boot_id, seq: signal.seq };
      const before = lastPublished.get(signal.pair_id);
      if (before !== undefined && !isAfter(place, before))
        options.onViolation(
          'publication order',
          `${signal.pair_id} ${place.bootId} ${place.seq} after ${before.bootId} ${before.seq}`,
        );
      lastPublished.set(signal.pair_id, place);
      checkTimes(signal);
      if (!isHeartbeat(signal)) checkIdentity(signal);
      return fresh;
    },
    check(consumer, text, clockMs, verdict) {
      if (verdict.verdict === 'refuse') {
        refusals.set(verdict.code, (refusals.get(verdict.code) ?? 0) + 1);
        if (verdict.code === 'STALE') checkStale(consumer, text);
        return;
      }
      obeyed++;
      let account = accounts.get(consumer);
      if (account === undefined) {
        account = { last: new Map(), opened: new Set(), held: new Map() };
        accounts.set(consumer, account);
      }
      const line = text.trimEnd();
      const violation = (rule: string, detail: string): void =>
        options.onViolation(rule, `${consumer} obeyed (${asOrders(verdict.orders)}) ${detail}: ${line}`);
      const original = published.get(line);
      if (original === undefined) return violation('torn signal obeyed', 'a text that was never published');
      const { signal, atMs } = original;
      const ageMs = options.nowMs() - atMs;
      if (ageMs > options.validMs + options.clockErrorMs())
        violation('stale signal obeyed', `${(ageMs / 1000).toFixed(0)} s after its publication`);
      if (signal.valid_until_ms < clockMs)
        violation('stale signal obeyed', `${clockMs - signal.valid_until_ms} ms after valid_until_ms by its own clock`);
      const place = { bootId: signal.boot_id, seq: signal.seq };
      const last = account.last.get(signal.pair_id);
      if (last !== undefined && !isAfter(place, last))
        violation('repeated or out of order signal obeyed', `after ${last.bootId} ${last.seq}`);
      account.last.set(signal.pair_id, place);

      for (const order of verdict.orders) {
        const held = account.held.get(signal.pair_id) ?? '';
        if (order.order === 'open') {
          opens++;
          if (signal.action !== 'ENTER' || (signal.mode !== 'OK' && signal.mode !== 'DEGRADED'))
            violation('open without ENTER', `with action ${signal.action} in mode ${signal.mode}`);
          if (account.opened.has(order.positionId)) violation('position opened twice', order.positionId);
          if (held !== '') violation('position opened twice', `while it held ${held}`);
          const barAgeMs = options.trueMs() - Date.parse(signal.timestamp);
          if (barAgeMs > options.intervalMs + options.validMs + options.clockErrorMs())
            violation('stale signal obeyed', `on a bar that closed ${(barAgeMs / 1000).toFixed(0)} s ago`);
          if (order.positionId !== signal.signal_id) violation('open without ENTER', `position ${order.positionId}`);
          account.opened.add(order.positionId);
          account.held.set(signal.pair_id, order.positionId);
        } else if (order.order === 'close') {
          if (held !== order.positionId)
            violation('close of what is not held', `${order.positionId}, holding "${held}"`);
          if (signal.target !== 0 && signal.position_id === held) violation('close of what is still wanted', held);
          account.held.set(signal.pair_id, '');
        }
      }
      const holds = account.held.get(signal.pair_id) ?? '';
      if (holds !== '' && (signal.target === 0 || signal.position_id !== holds))
        violation('position kept that is over', holds);
    },
  };
}
