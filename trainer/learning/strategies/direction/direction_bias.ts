import { meanOrNull } from '../../../../shared/statistics.ts';
import { OUTCOME_TOLERANCE } from './gates/bias.ts';
import { normalCdf } from '../../statistics/normal.ts';
import type { BiasLimits, Limits } from './gates/bias_limits.ts';

const HOURS = 24;
const SECONDS_PER_HOUR = 3600;
/** Probability at which a difference from the outcomes within `OUTCOME_TOLERANCE` of the gate counts as chance. */
export const OUTCOME_SIGNIFICANCE = 0.01;
/** With fewer calls, no limit is applied: to all, and to an hour, a bull or a bear market. */
export const MIN_CALLS = 100;
export const MIN_GROUP_CALLS = 20;

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
  /**
   * What a model is refused for: `prediction mean`, `prediction minimum`, `prediction maximum`, `outcome`, `buy ratio`,
   * `buy ratio by hour`, `bull market`, `bear market`, `variance 24 hours`.
   */
  readonly biased: readonly string[];
}

export function directionBias(answers: DirectionAnswers, limits: BiasLimits): DirectionBias {
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
    overall_balance: meanOrNull(share),
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
    biased:
      share.length < MIN_CALLS
        ? []
        : [
            ...biasedPredictions(figures, limits),
            ...biasedOutcome(outcome),
            ...biasedCalls({ overall, bull, bear, hours }, limits),
            ...swings(figures, limits),
          ],
  };
}

/** Figures of predictions that have limits. */
export type PredictionFigures = Pick<DirectionBias, 'overall_balance' | 'prediction_min' | 'prediction_max'>;

function biasedPredictions(
  { overall_balance, prediction_min, prediction_max }: PredictionFigures,
  { prediction, mean: ofMean }: BiasLimits,
): string[] {
  const isBelow = prediction !== null && prediction_min !== null && prediction_min < prediction[0];
  const isAbove = prediction !== null && prediction_max !== null && prediction_max > prediction[1];
  return [
    ...(isOutside(overall_balance, ofMean) ? ['prediction mean'] : []),
    ...(isBelow ? ['prediction minimum'] : []),
    ...(isAbove ? ['prediction maximum'] : []),
  ];
}

/** Shares of calls, of groups with enough of them. */
function biasedCalls(
  { overall, bull, bear, hours }: Pick<DirectionBias, 'overall' | 'bull' | 'bear' | 'hours'>,
  { buyRatio: ofAll, hourBuyRatio, bullBuyRatio, bearSellRatio }: BiasLimits,
): string[] {
  const ofGroup = ({ calls, buy_ratio }: BuyRatio): number | null => (calls < MIN_GROUP_CALLS ? null : buy_ratio);
  const bearBuys = ofGroup(bear);
  return [
    ...(isOutside(overall.buy_ratio, ofAll) ? ['buy ratio'] : []),
    ...(hours.some((own) => isOutside(ofGroup(own), hourBuyRatio)) ? ['buy ratio by hour'] : []),
    ...(isOutside(ofGroup(bull), bullBuyRatio) ? ['bull market'] : []),
    ...(isOutside(bearBuys === null ? null : 1 - bearBuys, bearSellRatio) ? ['bear market'] : []),
  ];
}

function swings(
  { largest_variance_24h: largest }: Pick<DirectionBias, 'largest_variance_24h'>,
  { variance24h }: BiasLimits,
): string[] {
  return largest !== null && variance24h !== null && largest > variance24h ? ['variance 24 hours'] : [];
}

function biasedOutcome({ predicted, observed, p_value }: OutcomeBias): string[] {
  if (predicted === null || observed === null || p_value === null) return [];
  const isFar = Math.abs(predicted - observed) > OUTCOME_TOLERANCE;
  return isFar && p_value < OUTCOME_SIGNIFICANCE ? ['outcome'] : [];
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

/** Unknown, or without limits: no. */
function isOutside(ratio: number | null, limits: Limits | null): boolean {
  return ratio !== null && limits !== null && (ratio < limits[0] || ratio > limits[1]);
}

function buyRatio({ up, down, outcome }: DirectionAnswers, rows: Int32Array): BuyRatio {
  const called = rows.filter((row) => up[row] !== down[row]);
  const calls = called.length;
  const buys = called.filter((row) => up[row]! > down[row]!).length;
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

function variance(values: Float64Array): number | null {
  if (values.length < 2) return null;
  const center = meanOrNull(values)!;
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1);
}

function rooted(value: number | null): number | null {
  return value === null ? null : Math.sqrt(value);
}
