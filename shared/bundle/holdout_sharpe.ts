import { rollovers } from '../core/cost/rollover.ts';

/** A Sharpe or Sortino ratio of days is annualized by the square root of this. */
export const TRADING_DAYS_PER_YEAR = 252;
/** With fewer trading days a Sharpe ratio is noise and not shown. */
export const NEEDED_SHARPE_DAYS = 20;

/** A Sharpe ratio as people are shown it. */
export interface ShownSharpe {
  /** Annualized; null below `needed_days`, or without variation. */
  readonly value: number | null;
  /** Of `value`, annualized. */
  readonly standard_error: number | null;
  readonly days: number;
  readonly needed_days: number;
}

/**
 * Standard error of an annualized Sharpe ratio of independent days (Lo 2002, equation 9).
 * @param ratio annualized
 */
export function sharpeError(ratio: number, days: number): number {
  const daily = ratio / Math.sqrt(TRADING_DAYS_PER_YEAR);
  return Math.sqrt(((1 + (daily * daily) / 2) / days) * TRADING_DAYS_PER_YEAR);
}

/**
 * The Sharpe ratio of a holdout, which manifests record without its days: the trading days (17:00 to 17:00 in New York)
 * from its first bar to the end of the period.
 * @param ratio annualized; null without variation
 */
export function holdoutSharpe(
  ratio: number | null | undefined,
  period: { readonly holdout_from: string; readonly to: string },
): ShownSharpe {
  const fromS = Date.parse(period.holdout_from) / 1000;
  const toS = Date.parse(period.to) / 1000;
  const days = toS > fromS ? rollovers(fromS, toS - 1).length + 1 : 0;
  return shownSharpe(ratio, days);
}

/**
 * A Sharpe ratio of trading days as people are shown it.
 * @param ratio annualized; null without variation
 */
export function shownSharpe(ratio: number | null | undefined, days: number): ShownSharpe {
  const base = { days, needed_days: NEEDED_SHARPE_DAYS };
  if (ratio === null || ratio === undefined || days < NEEDED_SHARPE_DAYS)
    return { value: null, standard_error: null, ...base };
  return { value: ratio, standard_error: sharpeError(ratio, days), ...base };
}
