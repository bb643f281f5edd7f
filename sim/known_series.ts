import type { InputRow } from '../shared/store/journal.ts';

/** One value of an auxiliary series in the journal. Times are epoch seconds. */
export interface StoredValue {
  readonly symbol: string;
  readonly name: string;
  readonly event: number;
  readonly arrival: number;
  readonly value: number;
  /** Number of its row among the inputs, counted from 1. */
  readonly input: number;
}

/**
 * Series names, and the age after which a value counts as missing. Restated here so that a change of either is
 * detected.
 */
const AGES: readonly (readonly [name: string, maxAgeHours: number])[] = [
  ['funding_rate', 12],
  ['open_interest', 3],
  ['buy_liquidations', 2],
  ['sell_liquidations', 2],
  ['order_book_imbalance', 1],
  ['long_short_ratio', 2],
  ['sentiment', 48],
];

export function parseStoredValue({ subject }: InputRow, input: number): StoredValue {
  const [symbol = '', name = '', ...numbers] = subject.split(' ');
  const [event = NaN, arrival = NaN, value = NaN] = numbers.map(Number);
  return { symbol, name, event, arrival, value, input };
}

/**
 * The value of each series known at `close` (epoch seconds): among values that had arrived by then, the one of the
 * latest event; for several values of one event, the last to arrive. Scans all values at each call.
 */
export function knownAt(values: readonly StoredValue[], symbol: string, close: number): Float64Array {
  return Float64Array.from(AGES, ([name, hours]) => {
    let known: StoredValue | null = null;
    for (const value of values) {
      if (value.symbol !== symbol || value.name !== name || value.arrival > close) continue;
      if (known === null || value.event >= known.event) known = value;
    }
    return known === null || close - known.event > hours * 3600 ? NaN : known.value;
  });
}
