import { normalCdf } from '../statistics/normal.ts';

const HOURS = 24;
const SECONDS_PER_HOUR = 3600;
/** A buy ratio outside these limits is a warning: over all calls, and of each hour. */
export const BUY_RATIO_LIMITS = { lowest: 0.3, highest: 0.7 } as const;
/**
 * Limits of ML_UP_PROB / (ML_UP_PROB + ML_DOWN_PROB): of each prediction, and of their mean. Predictions beyond them
 * are biased.
 */
export const PREDICTION_LIMITS = { minimum: 0.1, maximum: 0.9, mean: { lowest: 0.4, highest: 0.6 } } as const;
/** A larger variance of ML_UP_PROB − ML_DOWN_PROB over 24 hours is a warning. */
export const VARIANCE_LIMIT_24H = 0.15;
/**
 * Predictions are biased if their mean on the bars that moved differs from the share that went up by more than this,
 * and by more than chance at `OUTCOME_SIGNIFICANCE`.
 */
export const OUTCOME_TOLERANCE = 0.1;
export const OUTCOME_SIGNIFICANCE = 0.01;
/** With fewer calls, no limit is applied: to all, and to an hour. */
export const MIN_CALLS = 100;
export const MIN_HOUR_CALLS = 20;

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

/** Share of buys among the calls of a group, beside the realized outcomes. */
export interface BuyRatio {
  readonly calls: number;
  /** Share of calls that are up; null without a call. */
  readonly buy_ratio: number | null;
  /** Share of up among the rows of the group that left the range; null without one. */
  readonly base_rate: number | null;
}

/** Mean prediction on the rows that left the range, against what they did. */
export interface OutcomeBias {
  readonly rows: number;
  /** Mean of ML_UP_PROB / (ML_UP_PROB + ML_DOWN_PROB); null without a row. */
  readonly predicted: number | null;
  /** Share that went up; null without a row. */
  readonly observed: number | null;
  /** Two-sided p-value of their equality; null without a row. */
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
  readonly outcome: OutcomeBias;
  /** What a model is refused for: `prediction mean`, `prediction minimum`, `prediction maximum`, `outcome`. */
  readonly biased: readonly string[];
  /** What else is outside its limits: `buy ratio`, `buy ratio by hour`, `variance 24 hours`. */
  readonly warnings: readonly string[];
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
  const outcome = outcomeBias(answers, share);
  const figures = {
    overall_balance: mean(share),
    prediction_min: extreme(share, Math.min),
    prediction_max: extreme(share, Math.max),
    largest_variance_24h: variances.length === 0 ? null : extreme(variances, Math.max),
  };
  return {
    ...figures,
    buy_sell_ratio: overall.buy_ratio,
    distribution_std: rooted(variance(lean)),
    bull_market_buy_ratio: bull.buy_ratio,
    bear_market_sell_ratio: bear.buy_ratio === null ? null : 1 - bear.buy_ratio,
    overall,
    bull,
    bear,
    hours,
    outcome,
    biased: share.length < MIN_CALLS ? [] : [...biasedPredictions(figures), ...biasedOutcome(outcome)],
    warnings: share.length < MIN_CALLS ? [] : warningsOf(figures, overall, hours),
  };
}

/** Figures of predictions that have limits. */
export type PredictionFigures = Pick<DirectionBias, 'overall_balance' | 'prediction_min' | 'prediction_max'>;

/** What is beyond `PREDICTION_LIMITS`. */
export function biasedPredictions({ overall_balance, prediction_min, prediction_max }: PredictionFigures): string[] {
  const { minimum, maximum, mean: ofMean } = PREDICTION_LIMITS;
  return [
    ...(overall_balance !== null && isOutside(overall_balance, ofMean) ? ['prediction mean'] : []),
    ...(prediction_min !== null && prediction_min < minimum ? ['prediction minimum'] : []),
    ...(prediction_max !== null && prediction_max > maximum ? ['prediction maximum'] : []),
  ];
}

function biasedOutcome({ predicted, observed, p_value }: OutcomeBias): string[] {
  if (predicted === null || observed === null || p_value === null) return [];
  const isFar = Math.abs(predicted - observed) > OUTCOME_TOLERANCE;
  return isFar && p_value < OUTCOME_SIGNIFICANCE ? ['outcome'] : [];
}

function warningsOf(
  { largest_variance_24h }: Pick<DirectionBias, 'largest_variance_24h'>,
  overall: BuyRatio,
  hours: readonly BuyRatio[],
): string[] {
  const isWarned = ({ calls, buy_ratio }: BuyRatio, minimum: number): boolean =>
    calls >= minimum && buy_ratio !== null && isOutside(buy_ratio, BUY_RATIO_LIMITS);
  return [
    ...(isWarned(overall, MIN_CALLS) ? ['buy ratio'] : []),
    ...(hours.some((own) => isWarned(own, MIN_HOUR_CALLS)) ? ['buy ratio by hour'] : []),
    ...(largest_variance_24h !== null && largest_variance_24h > VARIANCE_LIMIT_24H ? ['variance 24 hours'] : []),
  ];
}

/** Normal approximation with the overlap of the labels; the predicted mean is taken as known. */
function outcomeBias({ outcome, overlap }: DirectionAnswers, share: Float64Array): OutcomeBias {
  const rows = Int32Array.from(share.keys()).filter((row) => outcome[row]! >= 0);
  if (rows.length === 0) return { rows: 0, predicted: null, observed: null, p_value: null };
  const predicted = rows.reduce((sum, row) => sum + share[row]!, 0) / rows.length;
  const observed = rows.reduce((sum, row) => sum + outcome[row]!, 0) / rows.length;
  const error = Math.sqrt((predicted * (1 - predicted)) / (rows.length / overlap));
  const p_value = error === 0 ? 1 : 2 * normalCdf(-Math.abs(predicted - observed) / error);
  return { rows: rows.length, predicted, observed, p_value };
}

function isOutside(ratio: number, { lowest, highest }: { readonly lowest: number; readonly highest: number }): boolean {
  return ratio < lowest || ratio > highest;
}

function buyRatio({ up, down, outcome }: DirectionAnswers, rows: Int32Array): BuyRatio {
  const calls = rows.length;
  const buys = rows.filter((row) => up[row]! > down[row]!).length;
  const left = rows.filter((row) => outcome[row]! >= 0);
  const ups = left.filter((row) => outcome[row] === 1).length;
  const buy_ratio = calls === 0 ? null : buys / calls;
  const base_rate = left.length === 0 ? null : ups / left.length;
  return { calls, buy_ratio, base_rate };
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
