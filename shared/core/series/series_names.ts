const HOUR = 3600;

/** An auxiliary series that a feature may read. */
export interface SeriesKind {
  readonly name: string;
  readonly unit: string;
  /** Age, from the event time on, after which its value is missing. */
  readonly max_age_seconds: number;
}

/** Auxiliary series of instruments; their order is that of the values a feature step takes. */
export const SERIES = [
  { name: 'funding_rate', unit: 'fraction per settlement', max_age_seconds: 12 * HOUR },
  { name: 'open_interest', unit: 'coin', max_age_seconds: 3 * HOUR },
  { name: 'buy_liquidations', unit: 'coin bought to close shorts, per bar', max_age_seconds: 2 * HOUR },
  { name: 'sell_liquidations', unit: 'coin sold to close longs, per bar', max_age_seconds: 2 * HOUR },
  { name: 'order_book_imbalance', unit: '(bid − ask) / (bid + ask)', max_age_seconds: HOUR },
  { name: 'long_short_ratio', unit: 'long / short accounts', max_age_seconds: 2 * HOUR },
  { name: 'sentiment', unit: '0…100, 50 = neutral', max_age_seconds: 48 * HOUR },
] as const satisfies readonly SeriesKind[];

export type SeriesName = (typeof SERIES)[number]['name'];

export const SERIES_NAMES: readonly SeriesName[] = SERIES.map(({ name }) => name);

/** Position of a series in the values of a step. */
export function seriesIndex(name: SeriesName): number {
  return SERIES_NAMES.indexOf(name);
}
