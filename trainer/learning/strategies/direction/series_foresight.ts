import { COLUMN_BOUND } from './gates/single_column.ts';
import { ln } from '../../../../shared/elementary.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { SeriesCursor, type SeriesHistory } from '../../../../shared/core/series/series_cursor.ts';
import { SERIES, type SeriesName } from '../../../../shared/core/series/series_names.ts';
import type { Grid } from '../../data_quality/cross_correlation.ts';
import { findForesight, foresightText, refuseForesight } from '../../data_quality/foresight.ts';
import { columnSkills, refuseImplausibleColumns } from '../../data_quality/implausible.ts';
import { DOWN, UP } from './label/direction.ts';
import { takeRows } from '../../learners/contract/fit_rows.ts';
import { aucByDays, aucLowerBound } from '../../statistics/auc_error.ts';
import type { InstrumentBars } from '../../instruments/instrument_bars.ts';
import type { Instrument, InstrumentRows } from './instrument_rows.ts';

/** Columns that are computed from an auxiliary series or from a volume: what comes from outside the prices. */
export const OUTSIDE_COLUMNS: readonly string[] = [
  'volume_ratio',
  'volume_spike',
  'volume_imbalance',
  'volume_imbalance_short',
  'funding_rate',
  'funding_mean',
  'funding_price_correlation',
  'open_interest_change',
  'open_interest_price_correlation',
  'overheat',
  'buy_liquidation_ratio',
  'sell_liquidation_ratio',
  'liquidation_imbalance',
  'order_book_imbalance',
  'long_short_ratio',
  'market_sentiment_score',
];

/** The lower bound of such an AUC must exceed this, at 1 % over all columns, so that few rows refuse nothing. */
const COLUMN_CHANCE = { bound: 0.6, level: 0.01 } as const;
/** Rows on fewer days say nothing; columns are also read in bins, without an order, from `BINNED_DAYS` on. */
const MIN_DAYS = 30;
const BINNED_DAYS = 200;
const SECONDS_PER_DAY = 86_400;

/** A series that was compared with the prices of its instrument. */
export interface CheckedSeries {
  readonly symbol: string;
  readonly series: string;
}

/**
 * Compares every series of every instrument with the prices that follow its arrival.
 * @returns the series that have values
 * @throws MinutehandError SERIES_FORESIGHT that names each series that knows what the market does next
 */
export function refuseForeseeingSeries(instruments: readonly Instrument[]): CheckedSeries[] {
  const checked: CheckedSeries[] = [];
  const found: string[] = [];
  for (const { bars, series } of instruments) {
    const closes = gridOf(bars, (t) => ln(bars.close[t]!));
    const check = (name: string, known: Grid): void => {
      if (known.values.every((value) => Number.isNaN(value))) return;
      checked.push({ symbol: bars.symbol, series: name });
      const own = findForesight(known, closes);
      if (own !== null) found.push(foresightText(name, bars.symbol, own));
    };
    for (const { name, max_age_seconds } of SERIES) check(name, knownAtCloses(bars, series[name], max_age_seconds));
    check(
      'volume',
      gridOf(bars, (t) => (bars.volume[t]! > 0 ? ln(bars.volume[t]!) : NaN)),
    );
    const share = (t: number): number => (bars.volume[t]! > 0 ? bars.takerBuyVolume[t]! / bars.volume[t]! : NaN);
    check('taker_buy_volume', gridOf(bars, share));
  }
  if (found.length > 0) throw new MinutehandError('SERIES_FORESIGHT', { seen: found.join('; ') });
  return checked;
}

/**
 * Compares one series with the prices that follow its arrival.
 * @throws MinutehandError SERIES_FORESIGHT
 */
export function refuseForeseeing(bars: InstrumentBars, series: SeriesName, history: SeriesHistory): void {
  const { max_age_seconds } = SERIES.find(({ name }) => name === series)!;
  const closes = gridOf(bars, (t) => ln(bars.close[t]!));
  refuseForesight(series, bars.symbol, knownAtCloses(bars, history, max_age_seconds), closes);
}

/** The value of a series known at each close. */
export function knownAtCloses(bars: InstrumentBars, history: SeriesHistory, maxAgeSeconds: number): Grid {
  const cursor = new SeriesCursor(history, maxAgeSeconds);
  return gridOf(bars, (t) => cursor.valueAt(bars.time[t]! + bars.timeframe));
}

/** Values of the bars on a grid of their timeframe; NaN where no bar is. */
function gridOf({ time, timeframe, length }: InstrumentBars, valueAt: (t: number) => number): Grid {
  const from = length === 0 ? 0 : Math.floor(time[0]! / timeframe) * timeframe;
  const steps = length === 0 ? 0 : Math.round((time[length - 1]! - from) / timeframe) + 1;
  const values = new Float64Array(steps).fill(NaN);
  for (let t = 0; t < length; t++) values[Math.floor((time[t]! - from) / timeframe)] = valueAt(t);
  return { from, step: timeframe, values };
}

/**
 * Measures what each outside column alone tells of up against down, on training rows.
 * @returns the largest AUC and its column; null where there is none, or too few rows
 * @throws MinutehandError FEATURE_FORESIGHT that names each column beyond the bound
 */
export function refuseForeseeingColumns(
  rows: InstrumentRows,
  train: Int32Array,
): { readonly name: string; readonly auc: number } | null {
  const moved = train.filter((row) => rows.evaluation[row] === UP || rows.evaluation[row] === DOWN);
  const labels = Float64Array.from(moved, (row) => (rows.evaluation[row] === UP ? 1 : 0));
  const days = new Set(moved.map((row) => Math.floor(rows.time[row]! / SECONDS_PER_DAY))).size;
  if (days < MIN_DAYS) return null;
  const names = rows.columns.filter((name) => OUTSIDE_COLUMNS.includes(name));
  const skills = names.flatMap((name) => {
    const found = columnAuc(rows, moved, labels, rows.columns.indexOf(name));
    return found === null ? [] : [{ name, ...found }];
  });
  const place = `up against down in ${moved.length} training rows`;
  const isBeyondChance = ({ lower }: { readonly lower: number }): boolean => lower > COLUMN_CHANCE.bound;
  refuseImplausibleColumns(skills.filter(isBeyondChance), COLUMN_BOUND, place);
  if (days >= BINNED_DAYS) {
    const x = takeRows(rows.x, moved);
    const all = columnSkills({ x, y: labels, names: rows.columns });
    refuseImplausibleColumns(
      all.filter(({ name }) => names.includes(name)),
      COLUMN_BOUND,
      place,
    );
  }
  return skills.reduce<(typeof skills)[number] | null>(
    (best, own) => (best === null || own.auc > best.auc ? own : best),
    null,
  );
}

/** In the better direction; rows without a value are left out. */
function columnAuc(
  { x, time }: InstrumentRows,
  moved: Int32Array,
  labels: Float64Array,
  column: number,
): { auc: number; lower: number } | null {
  const known = Int32Array.from(moved.keys()).filter((i) => !Number.isNaN(x.values[moved[i]! * x.columns + column]!));
  const values = Float64Array.from(known, (i) => x.values[moved[i]! * x.columns + column]!);
  const own = aucByDays(
    values,
    Float64Array.from(known, (i) => labels[i]!),
    Float64Array.from(known, (i) => time[moved[i]!]!),
  );
  if (own === null) return null;
  const better = { ...own, auc: Math.max(own.auc, 1 - own.auc) };
  return { auc: better.auc, lower: aucLowerBound(better, COLUMN_CHANCE.level / OUTSIDE_COLUMNS.length) };
}

/** The instrument with every series arriving one bar later; its prices are the same. */
export function oneBarLater({ bars, series }: Instrument): Instrument {
  const later = (history: SeriesHistory): SeriesHistory => ({
    ...history,
    eventTime: history.eventTime.map((time) => time + bars.timeframe),
    arrivalTime: history.arrivalTime.map((time) => time + bars.timeframe),
  });
  const delayed = Object.entries(series).map(([name, history]) => [name, later(history)] as const);
  return { bars, series: Object.fromEntries(delayed) as Instrument['series'] };
}
