import { normalCdf } from '../search/normal.ts';

const HOURS = 24;
const SECONDS_PER_HOUR = 3600;
/** A buy ratio outside these limits is reported if it also differs from the base rate. */
export const BUY_RATIO_LIMITS = { lowest: 0.3, highest: 0.7 } as const;
/**
 * Limits of ML_UP_PROB / (ML_UP_PROB + ML_DOWN_PROB), and of the variance of ML_UP_PROB − ML_DOWN_PROB over 24 hours.
 */
export const PREDICTION_LIMITS = { minimum: 0.05, maximum: 0.95, mean: BUY_RATIO_LIMITS, variance_24h: 0.15 } as const;
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
  /** Extremes of the same. */
  readonly prediction_min: number | null;
  readonly prediction_max: number | null;
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
   * What is outside its limits and differs from the outcomes, at 5 % over all tests (Holm 1979): groups by their buy
   * ratio, `prediction mean`, `prediction minimum` and `prediction maximum` (of the rows beyond the limit), `variance
   * 24 hours`.
   */
  readonly biased: readonly string[];
}

/** A figure against its limit. */
interface Tested {
  readonly name: string;
  readonly isOutside: boolean;
  /** null: there is nothing to test. */
  readonly p_value: number | null;
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
  const share = Float64Array.from(all, (row) => up[row]! / (up[row]! + down[row]!));
  const variances = dailyVariances(time, lean);
  const groups: [string, BuyRatio][] = [
    ['overall', overall],
    ['bull', bull],
    ['bear', bear],
    ...hours.map((own, hour): [string, BuyRatio] => [`hour ${hour}`, own]),
  ];
  return {
    overall_balance: mean(share),
    prediction_min: extreme(share, Math.min),
    prediction_max: extreme(share, Math.max),
    buy_sell_ratio: overall.buy_ratio,
    distribution_std: rooted(variance(lean)),
    largest_variance_24h: variances.length === 0 ? null : extreme(variances, Math.max),
    bull_market_buy_ratio: bull.buy_ratio,
    bear_market_sell_ratio: bear.buy_ratio === null ? null : 1 - bear.buy_ratio,
    ...{ overall, bull, bear, hours },
    biased: significant([
      ...groups.map(([name, own]) => ({
        ...{ name, p_value: own.p_value },
        isOutside: own.buy_ratio !== null && isOutside(own.buy_ratio, BUY_RATIO_LIMITS),
      })),
      ...predictionTests(answers, share),
      varianceTest(variances, answers.overlap),
    ]),
  };
}

/** The predictions against the outcomes of the same rows: all, and those beyond each limit. */
function predictionTests({ outcome, overlap }: DirectionAnswers, share: Float64Array): Tested[] {
  const { minimum, maximum } = PREDICTION_LIMITS;
  const against = (name: string, isWanted: (value: number) => boolean, isOver: (mean: number) => boolean): Tested => {
    const rows = [...share.keys()].filter((row) => outcome[row]! >= 0 && isWanted(share[row]!));
    if (rows.length === 0) return { name, isOutside: false, p_value: null };
    const predicted = rows.reduce((sum, row) => sum + share[row]!, 0) / rows.length;
    const observed = rows.reduce((sum, row) => sum + outcome[row]!, 0) / rows.length;
    const p_value = equalShares(predicted, rows.length / overlap, observed, rows.length / overlap);
    return { name, isOutside: isOver(predicted), p_value };
  };
  const always = (): boolean => true;
  return [
    against('prediction mean', always, (own) => isOutside(own, PREDICTION_LIMITS.mean)),
    against('prediction minimum', (own) => own < minimum, always),
    against('prediction maximum', (own) => own > maximum, always),
  ];
}

/** Normal approximation of the largest of the daily variances, each of 24 hours ÷ `overlap` independent rows. */
function varianceTest(variances: Float64Array, overlap: number): Tested {
  const name = 'variance 24 hours';
  const limit = PREDICTION_LIMITS.variance_24h;
  if (variances.length === 0) return { name, isOutside: false, p_value: null };
  const largest = extreme(variances, Math.max)!;
  const error = limit * Math.sqrt(2 / Math.max(1, HOURS / overlap - 1));
  const p_value = Math.min(1, variances.length * normalCdf(-(largest - limit) / error));
  return { name, isOutside: largest > limit, p_value };
}

const isOutside = (ratio: number, { lowest, highest }: typeof BUY_RATIO_LIMITS): boolean =>
  ratio < lowest || ratio > highest;

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

/** Holm's procedure over what can be tested. */
function significant(all: readonly Tested[]): string[] {
  const tested = all.filter(({ p_value }) => p_value !== null);
  const ordered = [...tested].sort((a, b) => a.p_value! - b.p_value!);
  const found = ordered.findIndex(({ p_value }, i) => p_value! > SIGNIFICANCE / (ordered.length - i));
  const rejected = new Set(ordered.slice(0, found < 0 ? ordered.length : found));
  return tested.filter((own) => rejected.has(own) && own.isOutside).map(({ name }) => name);
}

/** Of whole UTC days with two answers or more. */
function dailyVariances(time: ArrayLike<number>, values: Float64Array): Float64Array {
  const days = new Map<number, number[]>();
  values.forEach((value, row) => {
    const day = Math.floor(time[row]! / (HOURS * SECONDS_PER_HOUR));
    const own = days.get(day);
    if (own === undefined) days.set(day, [value]);
    else own.push(value);
  });
  return Float64Array.from(
    [...days.values()].map((own) => variance(Float64Array.from(own))).filter((own) => own !== null),
  );
}

/** null without values. */
function extreme(values: Float64Array, of: (a: number, b: number) => number): number | null {
  return values.length === 0 ? null : values.reduce((found, value) => of(found, value));
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
