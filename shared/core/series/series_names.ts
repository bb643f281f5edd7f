const HOUR = 3600;

/** An auxiliary series that a feature may read. */
export interface SeriesKind {
  readonly name: string;
  readonly unit: string;
  /** Age, from the event time on, after which its value is missing. */
  readonly max_age_seconds: number;
  /** Limits of a possible value. */
  readonly least: number;
  readonly greatest: number;
}

/** Auxiliary series of instruments; their order is that of the values a feature step takes. */
export const SERIES = [
  { name: 'funding_rate', unit: 'fraction per settlement', max_age_seconds: 12 * HOUR, least: -1, greatest: 1 },
  { name: 'open_interest', unit: 'coin', max_age_seconds: 3 * HOUR, least: 0, greatest: Infinity },
  {
    name: 'buy_liquidations',
    unit: 'coin bought to close shorts, per bar',
    max_age_seconds: 2 * HOUR,
    least: 0,
    greatest: Infinity,
  },
  {
    name: 'sell_liquidations',
    unit: 'coin sold to close longs, per bar',
    max_age_seconds: 2 * HOUR,
    least: 0,
    greatest: Infinity,
  },
  { name: 'order_book_imbalance', unit: '(bid − ask) / (bid + ask)', max_age_seconds: HOUR, least: -1, greatest: 1 },
  { name: 'long_short_ratio', unit: 'long / short accounts', max_age_seconds: 2 * HOUR, least: 0, greatest: Infinity },
  { name: 'sentiment', unit: '0…100, 50 = neutral', max_age_seconds: 48 * HOUR, least: 0, greatest: 100 },
] as const satisfies readonly SeriesKind[];

export type SeriesName = (typeof SERIES)[number]['name'];

export const SERIES_NAMES: readonly SeriesName[] = SERIES.map(({ name }) => name);

/** Age after which no series has a value any more. */
export const MAX_AGE_SECONDS = Math.max(...SERIES.map(({ max_age_seconds }) => max_age_seconds));

/** Position of a series in the values of a step. */
export function seriesIndex(name: SeriesName): number {
  return SERIES_NAMES.indexOf(name);
}
