import { entryLegs } from '../strategies/pair_reversion/entry_legs.ts';
import { MinutehandError } from '../errors.ts';
import { parsePair } from '../pair.ts';
import { INSTRUMENT_SIGNAL_SCHEMA, type InstrumentSignal } from './instrument_signal.ts';
import { checksum } from './encode.ts';
import { SIGNAL_SCHEMA, type MarketKind, type Signal } from './signal.ts';
import { verifySignal } from './verify.ts';
import { verifyInstrumentSignal } from './verify_instrument.ts';

/** Why a signal is not followed, in the order of the checks. */
export const REFUSALS = {
  TORN: 'not a complete line of JSON with a valid checksum',
  SCHEMA: 'not minutehand.signal/2, or minutehand.instrument/1 where instruments are traded',
  FORMAT: 'a field is missing, in another place, out of its range, or contradicts another one',
  MARKET: 'a market that this consumer does not trade on',
  PAIR: 'of another pair than the folder, channel, key or subscription that it came from',
  LOWER_FENCE: 'from a daemon that has lost its lease: fence missing, or below the highest one',
  OLDER_BOOT: 'from an earlier start of the daemon',
  OUT_OF_ORDER: 'published before the last one',
  REPEATED: 'same as the last one',
  OLDER_BAR: 'with a fence: of an earlier bar',
  STALE: 'valid_until_ms has passed',
  FUTURE: 'generated_at_ms is too far ahead of the local clock',
} as const;
export type Refusal = keyof typeof REFUSALS;

export interface OrderLeg {
  readonly symbol: string;
  readonly side: 'BUY' | 'SELL';
  /** Notional of this leg for 1 of leg A's: 1 for leg A and for an instrument, |beta| for leg B. */
  readonly weight: number;
}

/** Order to execute now. */
export type Order =
  | {
      readonly order: 'open';
      readonly positionId: string;
      /** Two of a pair, one of an instrument. */
      readonly legs: readonly OrderLeg[];
      /** Share of the full size, 0 … 1. */
      readonly scale: number;
      /** Close it after this many bars, whatever arrives before. */
      readonly maxAgeBars: number;
    }
  | { readonly order: 'close'; readonly positionId: string }
  /** Nothing. What is open stays open. */
  | { readonly order: 'hold' }
  /**
   * Nothing, and cancel what waits to be entered: the daemon has no models or no bars. What is open is yours to watch.
   */
  | { readonly order: 'halt' };

export type Verdict =
  | { readonly verdict: 'refuse'; readonly code: Refusal; readonly seen: string }
  | {
      readonly verdict: 'accept';
      readonly pairId: string;
      /** To be done in this order: one of them, or a close and what follows it. */
      readonly orders: readonly Order[];
      /**
       * Signals of this pair between the last one and this that never arrived; harmless, because `target` is complete.
       */
      readonly missed: number;
    };

/** Stored state of one pair in one market. */
export interface PairMemory {
  /** Of the last signal that came in order, accepted or not. */
  readonly bootId: string;
  readonly seq: number;
  /** The position it holds, or empty. */
  readonly positionId: string;
  /** The positions it has ever opened, newest last. */
  readonly entered: readonly string[];
  /** The highest one, where signals have one. */
  readonly fence?: number | undefined;
  /** Of the newest bar, where signals have a fence. */
  readonly timestamp?: string | undefined;
}

/** By `<market>/<pair_id>`. Plain data: JSON there and back changes nothing. */
export type ConsumerState = Readonly<Record<string, PairMemory>>;

export interface ConsumerOptions {
  /** An expert advisor with real money takes `live` alone. */
  readonly markets: readonly MarketKind[];
  /** Whether it trades instruments too; absent = their signals are refused (SCHEMA). */
  readonly instruments?: boolean;
  /** Maximum lead of the daemon's clock over this one. */
  readonly maxClockSkewMs: number;
  /** Result of `state()` before the last end; a position that is held or was entered then is never opened again. */
  readonly state?: ConsumerState;
}

export interface Consumer {
  /**
   * Checks one signal as it came (a final newline is allowed).
   * @param nowMs wall clock, epoch milliseconds
   * @param from pairs whose signals come this way: of a folder, channel or key its one; absent = any
   */
  take(text: string, nowMs: number, from?: readonly string[]): Verdict;
  /** To be called when a position was closed by anything but a `close`: own stop, maximum age, a person. */
  closed(positionId: string): void;
  /** To be written to disk after `take` and before its orders are carried out. */
  state(): ConsumerState;
}

/**
 * More than a pair enters in a year at one trade every hour of it would be 6,000: a signal that old has long expired.
 */
const ENTERED_KEPT = 1000;
const FRESH_MEMORY: PairMemory = { bootId: '', seq: 0, positionId: '', entered: [] };

/**
 * The signal logic of an expert advisor, as a state machine without effects: text and time in, orders out. It is
 * written to be ported to other languages; `test/vectors/consumer.json` has texts with their verdicts to test a port.
 *
 * The checks come in the order of `REFUSALS`, then mode, target and action. A signal that passed the check of its order
 * is recorded even when it is refused for its age: a clock that steps back must not make it fresh. The state is
 * level-triggered: a consumer that missed an EXIT closes when the target is 0 or another position; one that missed an
 * ENTER stays out.
 *
 * If its process ends between writing the state and carrying the orders out, an entry is missed; it is never doubled.
 */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { markets, maxClockSkewMs, instruments = false } = options;
  const memories = new Map<string, PairMemory>(Object.entries(options.state ?? {}));

  return {
    take(text, nowMs, from) {
      const read = readSignal(text, instruments);
      if ('verdict' in read) return read;
      const signal = read;
      if (!markets.includes(signal.market)) return refuse('MARKET', signal.market);
      if (from !== undefined && !from.includes(signal.pair_id))
        return refuse('PAIR', `${signal.pair_id} from ${from.join(', ')}`);

      const key = `${signal.market}/${signal.pair_id}`;
      const memory = memories.get(key) ?? FRESH_MEMORY;
      const { fence = 0 } = signal;
      const { fence: highest = 0, timestamp = '' } = memory;
      if (fence < highest) return refuse('LOWER_FENCE', `${fence} after ${highest}`);
      // Boot ids and numbers of two daemons are not comparable.
      const isSuccessor = fence > highest;
      const sameBoot = !isSuccessor && signal.boot_id === memory.bootId;
      const seen = `${signal.boot_id} ${signal.seq} after ${memory.bootId} ${memory.seq}`;
      if (!isSuccessor && signal.boot_id < memory.bootId) return refuse('OLDER_BOOT', seen);
      if (sameBoot && signal.seq < memory.seq) return refuse('OUT_OF_ORDER', seen);
      if (sameBoot && signal.seq === memory.seq) return refuse('REPEATED', seen);
      const isOlder = fence > 0 && signal.timestamp < timestamp;
      const lease = fence === 0 ? {} : { fence, timestamp: isOlder ? timestamp : signal.timestamp };
      const inOrder = { ...memory, bootId: signal.boot_id, seq: signal.seq, ...lease };
      memories.set(key, inOrder);
      if (isOlder) return refuse('OLDER_BAR', `${signal.timestamp} after ${timestamp}`);

      if (signal.valid_until_ms < nowMs) return refuse('STALE', `${nowMs - signal.valid_until_ms} ms too late`);
      const aheadMs = signal.generated_at_ms - nowMs;
      if (aheadMs > maxClockSkewMs) return refuse('FUTURE', `${aheadMs} ms ahead`);

      const { orders, after } = follow(signal, inOrder);
      memories.set(key, after);
      // Of an earlier boot's last signals nothing is known, and a first signal has none before it.
      const isFirst = memory.bootId === '' || isSuccessor;
      const missed = sameBoot ? signal.seq - memory.seq - 1 : isFirst ? 0 : signal.seq - 1;
      return { verdict: 'accept', pairId: signal.pair_id, orders, missed };
    },
    closed(positionId) {
      for (const [key, memory] of memories) {
        if (memory.positionId === positionId) memories.set(key, { ...memory, positionId: '' });
      }
    },
    state: () => Object.fromEntries(memories),
  };
}

/** Mode, target, action. */
function follow(
  signal: Signal | InstrumentSignal,
  memory: PairMemory,
): { orders: readonly Order[]; after: PairMemory } {
  const orders: Order[] = [];
  let after = memory;
  if (memory.positionId !== '' && (signal.target === 0 || signal.position_id !== memory.positionId)) {
    orders.push({ order: 'close', positionId: memory.positionId });
    after = { ...after, positionId: '' };
  }
  // An ENTER in another mode was refused for its format; a copy that leaves that check out needs this one all the more.
  const mayEnter = signal.mode === 'OK' || signal.mode === 'DEGRADED';
  if (mayEnter && signal.action === 'ENTER' && !memory.entered.includes(signal.position_id)) {
    orders.push(openOrder(signal));
    const entered = [...memory.entered, signal.position_id].slice(-ENTERED_KEPT);
    after = { ...after, positionId: signal.position_id, entered };
  }
  if (signal.mode === 'HALT') orders.push({ order: 'halt' });
  else if (orders.length === 0) orders.push({ order: 'hold' });
  return { orders, after };
}

function openOrder(signal: Signal | InstrumentSignal): Order {
  const legs = signal.entry.split(', ').map((leg) => leg.split('_') as ['BUY' | 'SELL', string]);
  return {
    order: 'open',
    positionId: signal.position_id,
    legs: legs.map(([side, symbol], i) => ({
      side,
      symbol,
      weight: i > 0 && 'beta' in signal ? Math.abs(signal.beta!) : 1,
    })),
    scale: signal.position_scale!,
    maxAgeBars: signal.max_age_bars!,
  };
}

function readSignal(
  text: string,
  takesInstruments: boolean,
): Signal | InstrumentSignal | Extract<Verdict, { verdict: 'refuse' }> {
  const line = text.trim();
  const tail = line.lastIndexOf(',"crc32":"');
  if (!line.startsWith('{') || tail < 0 || line.slice(tail) !== `,"crc32":"${checksum(line.slice(0, tail))}"}`) {
    return refuse('TORN', `${line.length} characters that end in ${JSON.stringify(line.slice(-24))}`);
  }
  // The checksum is valid, so the daemon wrote the rest.
  const schema = schemaOf(line);
  const isInstrument = takesInstruments && schema === INSTRUMENT_SIGNAL_SCHEMA;
  if (schema !== SIGNAL_SCHEMA && !isInstrument) return refuse('SCHEMA', schema);
  try {
    if (isInstrument) return verifyInstrumentSignal(line);
    const signal = verifySignal(line);
    const { a, b } = parsePair(signal.pair_id);
    if (signal.action === 'ENTER' && signal.entry !== entryLegs(signal.target, signal.beta!, a, b)) {
      return refuse('FORMAT', `entry "${signal.entry}" with target ${signal.target} and beta ${signal.beta}`);
    }
    return signal;
  } catch (error) {
    if (error instanceof MinutehandError) return refuse('FORMAT', error.seen ?? error.message);
    if (error instanceof RangeError) return refuse('FORMAT', error.message);
    throw error;
  }
}

function schemaOf(line: string): string {
  try {
    const { schema } = JSON.parse(line) as { schema?: unknown };
    return typeof schema === 'string' ? schema : 'none';
  } catch {
    return 'no JSON';
  }
}

function refuse(code: Refusal, seen: string): Extract<Verdict, { verdict: 'refuse' }> {
  return { verdict: 'refuse', code, seen };
}
