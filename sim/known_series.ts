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

/** Name, and age from the event on after which a value is missing: restated, so that a change of either is found. */
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
 * What was known of each series at `close`, epoch seconds: of all values that had arrived by then, the one of the
 * latest event, and of several of the same event the last to arrive. Every value is looked at each time.
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
