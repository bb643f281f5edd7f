import { nearSymbols } from '../../shared/symbol/near_symbols.ts';
import type { EpochMs, OpenTime } from '../../shared/bar.ts';
import { describeError, MinutehandError, type ErrorCode } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports.ts';
import { barInput, emptyInput, type BarSink } from '../queue/input.ts';
import { NO_SYMBOL_NAMES, readSymbol, type SymbolNames } from '../../shared/symbol/symbol.ts';
import { parseMessage } from './message.ts';
import { latestClosedOpenMs } from '../../shared/bar_rules.ts';
import { parseWireMinute } from './wire.ts';

/** Outcome of the minutes of one message. */
export interface IntakeReport {
  /**
   * A feeder that receives another one than before resends its recent bars: the machine may have lost power, and some
   * bars with it.
   */
  readonly boot_id: string;
  readonly accepted: number;
  readonly duplicates: number;
  /** Taken and journaled, but every pair had given the minute up; not among the accepted. */
  readonly late: number;
  readonly rejected: readonly RefusedItem[];
}

/** An item of a message that was not taken. */
export interface RefusedItem {
  readonly index: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly next: string;
}

export interface IntakeOptions {
  readonly sink: BarSink;
  readonly bootId: string;
  readonly clock: Clock;
  readonly maxClockSkewMs: number;
  readonly maxBars: number;
  /** Whether the market takes bars from outside: another one refuses them after they were checked. */
  readonly open: boolean;
  /** Symbols of other shards: skipped silently. Where it is not given, they are unknown. */
  isElsewhere?(symbol: string): boolean;
  /** How names of other programs become symbols; absent = by their spelling alone. */
  readonly names?: SymbolNames;
  onOutcome(outcome: 'accepted' | 'late' | 'duplicate' | ErrorCode): void;
  /** A minute that was not sent as history, and was not taken before. */
  onLive?(symbol: string, time: OpenTime, nowMs: EpochMs): void;
}

/** Spellings that are remembered: a feeder uses a few. */
const MAX_SPELLINGS = 1000;

/**
 * Finds the symbol that a name from outside means; null = of another shard. One look at a map for names as configured.
 * The function throws BAR_UNKNOWN_SYMBOL, with what the name can mean.
 */
export function symbolReader({
  sink,
  isElsewhere,
  names = NO_SYMBOL_NAMES,
}: Pick<IntakeOptions, 'isElsewhere' | 'names'> & {
  readonly sink: Pick<BarSink, 'hasSymbol'>;
}): (name: string) => string | null {
  const spelled = new Map<string, string>();
  /** What unknown names can mean: a feeder may send them every minute. */
  const meant = new Map<string, readonly string[]>();
  const meaningOf = (name: string, candidates: readonly string[]): readonly string[] => {
    const remembered = meant.get(name);
    if (remembered !== undefined || meant.size >= MAX_SPELLINGS) return remembered ?? candidates;
    const found = candidates.length > 0 ? candidates : nearSymbols(name, [...names.known]);
    meant.set(name, found);
    return found;
  };
  return (name) => {
    if (sink.hasSymbol(name)) return name;
    const known = spelled.get(name);
    if (known !== undefined) return known;
    if (isElsewhere?.(name) === true) return null;
    const reading = readSymbol(name, names);
    if (reading.symbol !== null && sink.hasSymbol(reading.symbol)) {
      if (spelled.size < MAX_SPELLINGS) spelled.set(name, reading.symbol);
      return reading.symbol;
    }
    if (reading.symbol !== null && isElsewhere?.(reading.symbol) === true) return null;
    const candidates = meaningOf(name, reading.symbol === null ? reading.candidates : []);
    throw new MinutehandError('BAR_UNKNOWN_SYMBOL', {
      seen: name.slice(0, 40),
      ...(candidates.length > 0 && {
        expected: `perhaps ${candidates.join(' or ')}`,
        next: 'Send the symbol as it is configured, or map the name: symbol_names in config/minutehand.yaml.',
      }),
    });
  };
}

export type Intake = (text: string, backfill: boolean) => IntakeReport;

/**
 * Takes a message of one minute or an array of them. A bad minute is reported by its index and does not affect the
 * others. The intake throws for the message as a whole: BODY_NOT_JSON, BODY_TOO_DEEP, BAR_TOO_MANY.
 */
export function createIntake(options: IntakeOptions): Intake {
  const { sink, bootId, clock, maxClockSkewMs, maxBars, open, onOutcome } = options;

  const symbolOf = symbolReader(options);

  /** null = not for us. */
  function take(value: unknown, nowMs: EpochMs, backfill: boolean): 'accepted' | 'late' | 'duplicate' | null {
    const minute = parseWireMinute(value, latestClosedOpenMs(nowMs, maxClockSkewMs));
    const { symbol: given, time } = minute.kind === 'bar' ? minute.bar : minute;
    const symbol = symbolOf(given);
    if (symbol === null) return null;
    if (!open) throw new MinutehandError('FEED_CLOSED');
    const outcome = sink.take(
      minute.kind === 'bar'
        ? barInput(symbol === given ? minute.bar : { ...minute.bar, symbol }, backfill)
        : emptyInput(symbol, time, backfill),
    );
    if (!backfill && outcome !== 'duplicate') options.onLive?.(symbol, time, nowMs);
    if (outcome === 'revised' || outcome === 'out_of_order') {
      throw new MinutehandError(outcome === 'revised' ? 'BAR_REVISED' : 'BAR_OUT_OF_ORDER', {
        seen: `${symbol} ${new Date(time * 1000).toISOString()}`,
      });
    }
    return outcome;
  }

  return (text, backfill) => {
    const nowMs = clock.nowMs();
    const counts = { accepted: 0, late: 0, duplicate: 0 };
    const rejected = takeEach(text, {
      items: 'bars',
      time: 'time',
      maxItems: maxBars,
      take: (value) => take(value, nowMs, backfill),
      counts,
      onOutcome,
    });
    return { boot_id: bootId, accepted: counts.accepted, duplicates: counts.duplicate, late: counts.late, rejected };
  };
}

/**
 * Takes each item of a message, by its time, and counts outcomes: a message is one thing, in whatever order its sender
 * has it. A bad item is returned and affects no other.
 * @throws MinutehandError BODY_NOT_JSON, BODY_TOO_DEEP, BAR_TOO_MANY
 */
export function takeEach<Outcome extends string>(
  text: string,
  options: {
    /** As errors name them: `bars`. */
    readonly items: string;
    /** Field of an item by which they are ordered. */
    readonly time: string;
    readonly maxItems: number;
    /** null = not for us. */
    take(value: unknown): Outcome | null;
    readonly counts: Record<Outcome, number>;
    onOutcome(outcome: Outcome | ErrorCode): void;
  },
): RefusedItem[] {
  const { maxItems, take, counts, onOutcome } = options;
  const message = parseMessage(text);
  const items = Array.isArray(message) ? (message as unknown[]) : [message];
  if (items.length > maxItems)
    throw new MinutehandError('BAR_TOO_MANY', {
      seen: `${items.length} ${options.items}`,
      expected: `at most ${maxItems}`,
    });
  const rejected: RefusedItem[] = [];
  for (const index of orderOf(items, options.time)) {
    try {
      const outcome = take(items[index]);
      if (outcome === null) continue;
      counts[outcome]++;
      onOutcome(outcome);
    } catch (error) {
      if (!(error instanceof MinutehandError)) throw error;
      rejected.push({ index, ...describeError(error) });
      onOutcome(error.code);
    }
  }
  return rejected.sort((a, b) => a.index - b.index);
}

/**
 * Indexes of items by their times, oldest first; items of one time stay in their order, those without one come first.
 */
function orderOf(items: readonly unknown[], field: string): readonly number[] {
  // A feed that sends each bar by itself has nothing to order.
  if (items.length === 1) return [0];
  const times = items.map((item) => roughTime((item as Record<string, unknown> | null)?.[field]));
  const order = items.map((_, index) => index);
  const isOrdered = times.every((time, i) => i === 0 || time >= times[i - 1]!);
  return isOrdered ? order : order.sort((a, b) => times[a]! - times[b]! || a - b);
}

/** Good enough to order times; what is none is refused where it is read. */
function roughTime(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : value;
  return typeof time === 'number' && !Number.isNaN(time) ? time : Number.MIN_SAFE_INTEGER;
}
