import { normalCdf } from '../search/normal.ts';

const HOURS = 24;
const SECONDS_PER_HOUR = 3600;
/** A buy ratio outside these limits is reported if it also differs from the base rate. */
export const BUY_RATIO_LIMITS = { lowest: 0.3, highest: 0.7 } as const;
/** Share of errors of the first kind over all tests of one look. */
const SIGNIFICANCE = 0.05;

/** Predictions of the direction model with known outcomes. All arrays: [rows]. */
export interface DirectionAnswers {
  /** Epoch seconds of the bar's close. */
  readonly time: ArrayLike<number>;
  readonly up: ArrayLike<number>;
  readonly down: ArrayLike<number>;
  /** Market of the bar: 1 = bull, −1 = bear, 0 = neither. */
  readonly regime: ArrayLike<number>;
  /** 1 = up, 0 = down, −1 = range or not yet known. */
  readonly outcome: ArrayLike<number>;
  /** Rows per independent row, since labels overlap; ≥ 1. */
  readonly overlap: number;
}

/** Share of buys among the calls of a group, compared with the realized outcomes. */
export interface BuyRatio {
  readonly calls: number;
  /** Share of calls that are up; null without a call. */
  readonly buy_ratio: number | null;
  /** Share of up among the rows of the group that left the range; null without one. */
  readonly base_rate: number | null;
  /** Two-sided p-value of equality with the base rate; null where one is missing. */
  readonly p_value: number | null;
}

/** Results of the bias monitor. A call is up if ML_UP_PROB exceeds ML_DOWN_PROB, otherwise down. */
export interface DirectionBias {
  /** Mean of ML_UP_PROB / (ML_UP_PROB + ML_DOWN_PROB): ½ is balanced. */
  readonly overall_balance: number | null;
  /** Share of calls that are up. */
  readonly buy_sell_ratio: number | null;
  /** Standard deviation of ML_UP_PROB − ML_DOWN_PROB: 0 is a frozen model. */
  readonly distribution_std: number | null;
  /** Largest variance of that over 24 hours. */
  readonly largest_variance_24h: number | null;
  readonly bull_market_buy_ratio: number | null;
  readonly bear_market_sell_ratio: number | null;
  readonly overall: BuyRatio;
  readonly bull: BuyRatio;
  readonly bear: BuyRatio;
  /** By hour of the close, UTC. */
  readonly hours: readonly BuyRatio[];
  /**
   * Groups whose buy ratio is outside the limits and differs from the base rate, at 5 % over all groups (Holm 1979).
   */
  readonly biased: readonly string[];
}

export function directionBias(answers: DirectionAnswers): DirectionBias {
  const { time, up, down, regime } = answers;
  const all = Int32Array.from({ length: time.length }, (_, row) => row);
  const hourOf = (row: number): number => Math.floor(time[row]! / SECONDS_PER_HOUR) % HOURS;
  const overall = buyRatio(answers, all);
  const bull = buyRatio(
    answers,
    all.filter((row) => regime[row] === 1),
  );
  const bear = buyRatio(
    answers,
    all.filter((row) => regime[row] === -1),
  );
  const hours = Array.from({ length: HOURS }, (_, hour) =>
    buyRatio(
      answers,
      all.filter((row) => hourOf(row) === hour),
    ),
  );
  const lean = Float64Array.from(all, (row) => up[row]! - down[row]!);
  const groups: [string, BuyRatio][] = [
    ['overall', overall],
    ['bull', bull],
    ['bear', bear],
    ...hours.map((own, hour): [string, BuyRatio] => [`hour ${hour}`, own]),
  ];
  return {
    overall_balance: mean(Float64Array.from(all, (row) => up[row]! / (up[row]! + down[row]!))),
    buy_sell_ratio: overall.buy_ratio,
    distribution_std: rooted(variance(lean)),
    largest_variance_24h: largestDailyVariance(time, lean),
    bull_market_buy_ratio: bull.buy_ratio,
    bear_market_sell_ratio: bear.buy_ratio === null ? null : 1 - bear.buy_ratio,
    ...{ overall, bull, bear, hours },
    biased: significant(groups),
  };
}

function buyRatio({ up, down, outcome, overlap }: DirectionAnswers, rows: Int32Array): BuyRatio {
  const calls = rows.length;
  const buys = rows.filter((row) => up[row]! > down[row]!).length;
  const left = rows.filter((row) => outcome[row]! >= 0);
  const ups = left.filter((row) => outcome[row] === 1).length;
  const buy_ratio = calls === 0 ? null : buys / calls;
  const base_rate = left.length === 0 ? null : ups / left.length;
  const p_value =
    buy_ratio === null || base_rate === null
      ? null
      : equalShares(buy_ratio, calls / overlap, base_rate, left.length / overlap);
  return { calls, buy_ratio, base_rate, p_value };
}

/** Two-sided p-value of two shares being equal: the normal approximation with the pooled share. */
function equalShares(a: number, countA: number, b: number, countB: number): number {
  const pooled = (a * countA + b * countB) / (countA + countB);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / countA + 1 / countB));
  return error === 0 ? 1 : 2 * normalCdf(-Math.abs(a - b) / error);
}

/** Holm's procedure over the groups that can be tested. */
function significant(groups: readonly [string, BuyRatio][]): string[] {
  const tested = groups.filter(([, { p_value }]) => p_value !== null);
  const ordered = [...tested].sort((a, b) => a[1].p_value! - b[1].p_value!);
  const found = ordered.findIndex(([, { p_value }], i) => p_value! > SIGNIFICANCE / (ordered.length - i));
  const rejected = new Set(ordered.slice(0, found < 0 ? ordered.length : found).map(([name]) => name));
  const { lowest, highest } = BUY_RATIO_LIMITS;
  return tested
    .filter(([name, { buy_ratio }]) => rejected.has(name) && (buy_ratio! < lowest || buy_ratio! > highest))
    .map(([name]) => name);
}

/** Over whole UTC days with two answers or more. */
function largestDailyVariance(time: ArrayLike<number>, values: Float64Array): number | null {
  const days = new Map<number, number[]>();
  values.forEach((value, row) => {
    const day = Math.floor(time[row]! / (HOURS * SECONDS_PER_HOUR));
    days.set(day, [...(days.get(day) ?? []), value]);
  });
  const all = [...days.values()].map((own) => variance(Float64Array.from(own))).filter((own) => own !== null);
  return all.length === 0 ? null : all.reduce((most, own) => Math.max(most, own), 0);
}

function mean(values: Float64Array): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function variance(values: Float64Array): number | null {
  if (values.length < 2) return null;
  const center = mean(values)!;
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1);
}

function rooted(value: number | null): number | null {
  return value === null ? null : Math.sqrt(value);
}
