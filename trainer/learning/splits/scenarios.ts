import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { MissingMarket } from '../../../shared/bundle/training_warning.ts';
import { historiesInTurn, type KeptHistory } from '../history/kept_history.ts';
import { barOfRow, type RowPlaces } from './regime.ts';

/** Parts of a history by what the market did up to a bar; a bar has one of the first three and at most one other. */
export const SCENARIOS = ['bull', 'bear', 'range', 'high_volatility', 'low_volatility'] as const;
export type Scenario = (typeof SCENARIOS)[number];

const DAY_S = 86_400;
/** A market is what the price did in these days, or in a sixth of a shorter history. */
const TREND_DAYS = 30;
const SHORT_PART = 6;
/** Move over the trend's bars, in their own standard deviations, beyond which it is no range. */
const TREND_SIGMAS = 0.5;
/** Bars of the volatility, as a part of the trend's. */
const VOLATILITY_PART = 10;
const LEAST_BARS = 10;
/** Below this share of the bars that learned, a market is missing. */
const MISSING_SHARE = 0.05;

/** What a bar belongs to: [bars]. */
export interface BarScenarios {
  /** Bull 1, bear −1, range 0; 2 before the look-back is complete. */
  readonly trend: Int8Array;
  /** The highest third 1, the lowest −1, between them 0; 2 before the look-back is complete. */
  readonly volatility: Int8Array;
}

/** What the bar of each row belongs to: [rows], values as in `BarScenarios`. */
export type RowScenarios = BarScenarios;

const UNKNOWN = 2;

/**
 * The trend is the sum of the last log returns over the root of the sum of their squares (about 30 days of them): as
 * known at the bar. Volatility is that of the last tenth of these bars; its thirds are those of the whole history, so
 * it is a cut made afterwards, for tables alone.
 * @param lnPrice [bars], ascending in time
 * @param barSeconds of the bars
 */
export function scenariosOfPrices(lnPrice: Float64Array, barSeconds: number): BarScenarios {
  const bars = lnPrice.length;
  const trendBars = Math.max(
    LEAST_BARS,
    Math.min(Math.round((TREND_DAYS * DAY_S) / barSeconds), Math.floor(bars / SHORT_PART)),
  );
  const shortBars = Math.max(LEAST_BARS, Math.round(trendBars / VOLATILITY_PART));
  const squares = new Float64Array(bars);
  for (let t = 1; t < bars; t++) squares[t] = squares[t - 1]! + (lnPrice[t]! - lnPrice[t - 1]!) ** 2;
  const trend = Int8Array.from(lnPrice, (price, t) => {
    if (t < trendBars) return UNKNOWN;
    const size = Math.sqrt(squares[t]! - squares[t - trendBars]!);
    const moved = price - lnPrice[t - trendBars]!;
    return size > 0 && Math.abs(moved) > TREND_SIGMAS * size ? Math.sign(moved) : 0;
  });
  const variance = Float64Array.from(squares, (sum, t) => (t < shortBars ? NaN : sum - squares[t - shortBars]!));
  const sorted = variance.subarray(Math.min(bars, shortBars)).slice().sort();
  const low = sorted[Math.floor(sorted.length / 3)] ?? NaN;
  const high = sorted[Math.floor((2 * sorted.length) / 3)] ?? NaN;
  const volatility = Int8Array.from(variance, (own) => {
    if (Number.isNaN(own)) return UNKNOWN;
    if (own > high) return 1;
    return own < low ? -1 : 0;
  });
  return { trend, volatility };
}

/**
 * What each row's bar belongs to, by the price of leg A.
 * @param barSeconds of the bars of the histories
 * @throws RangeError when a row's bar is not in its pair's history
 */
export function scenariosOfRows(
  rows: RowPlaces,
  histories: readonly KeptHistory[],
  barSeconds: number = SECONDS_PER_BAR,
): RowScenarios {
  const historyOf = historiesInTurn(histories, 'time', 'lnA');
  const trend = new Int8Array(rows.time.length);
  const volatility = new Int8Array(rows.time.length);
  let last = -1;
  let own: BarScenarios;
  for (let row = 0; row < rows.time.length; row++) {
    const pair = rows.pair[row]!;
    const history = historyOf(pair);
    if (pair !== last) own = scenariosOfPrices(history.lnA.subarray(0, history.length), barSeconds);
    last = pair;
    const t = barOfRow(rows, row, history);
    trend[row] = own!.trend[t]!;
    volatility[row] = own!.volatility[t]!;
  }
  return { trend, volatility };
}

/** Whether a row is part of a scenario. */
export function isOfScenario({ trend, volatility }: RowScenarios, row: number, scenario: Scenario): boolean {
  switch (scenario) {
    case 'bull':
      return trend[row] === 1;
    case 'bear':
      return trend[row] === -1;
    case 'range':
      return trend[row] === 0;
    case 'high_volatility':
      return volatility[row] === 1;
    case 'low_volatility':
      return volatility[row] === -1;
  }
}

/**
 * Warnings for rows to learn from with almost no rising, or no falling, market: answers in a market that was not
 * learned are not reliable. None where no row has a known trend.
 * @param trend of the rows that learn, as in `BarScenarios`
 */
export function marketWarnings(trend: ArrayLike<number>): MissingMarket[] {
  let known = 0;
  let bull = 0;
  let bear = 0;
  for (let row = 0; row < trend.length; row++) {
    if (trend[row] === UNKNOWN) continue;
    known++;
    if (trend[row] === 1) bull++;
    if (trend[row] === -1) bear++;
  }
  if (known === 0) return [];
  const warningOf = (code: MissingMarket['code'], rows: number): MissingMarket[] => {
    const share = rows / known;
    return share < MISSING_SHARE ? [{ code, share, limit: MISSING_SHARE }] : [];
  };
  return [...warningOf('NO_BULL_MARKET', bull), ...warningOf('NO_BEAR_MARKET', bear)];
}
