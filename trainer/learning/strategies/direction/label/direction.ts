import { stretchesOf } from '../../../../../shared/core/recent_history.ts';

/** Classes of a direction label, in the order of the model's probabilities. */
export const DIRECTIONS = ['up', 'down', 'range'] as const;
export type Direction = (typeof DIRECTIONS)[number];

export const UP = 0;
export const DOWN = 1;
export const RANGE = 2;

/** Barriers of a label: the first close beyond the threshold, or the horizon. */
export interface DirectionPolicy {
  /**
   * Fraction of the close at t (`percent`), or a multiple of the volatility at t times √horizon (`sigmas`), in log
   * price.
   */
  readonly unit: 'percent' | 'sigmas';
  readonly threshold: number;
  /** Number of steps of time after t at which the close is considered. */
  readonly horizon: number;
}

/** The label of all reported metrics: the first close beyond ±2 % within 24 hourly bars. */
export const EVALUATION_LABEL: DirectionPolicy = { unit: 'percent', threshold: 0.02, horizon: 24 };
const EVALUATION_BAR = 3600;
const EVALUATION_SECONDS = EVALUATION_LABEL.horizon * EVALUATION_BAR;

/** The evaluation label on bars of another timeframe. */
export interface EvaluationLabel {
  readonly policy: DirectionPolicy;
  /** Seconds between considered closes. */
  readonly everySeconds: number;
}

/**
 * Bars of an hour or less use the closes 1, 2 … 24 hours later, like hourly bars, so that labels agree at full hours.
 * Longer bars use their own closes within 24 hours.
 * @param timeframe seconds per bar, a divisor or a multiple of an hour
 */
export function evaluationLabel(timeframe: number): EvaluationLabel {
  if (timeframe <= EVALUATION_BAR) return { policy: EVALUATION_LABEL, everySeconds: EVALUATION_BAR };
  return { policy: { ...EVALUATION_LABEL, horizon: evaluationBars(timeframe) }, everySeconds: timeframe };
}

/** Number of bars in 24 hours. @param timeframe seconds per bar */
export function evaluationBars(timeframe: number): number {
  return EVALUATION_SECONDS / timeframe;
}

/** Bars of one instrument, ascending. */
export interface LabeledBars {
  /** > 0, [bars] */
  readonly close: ArrayLike<number>;
  /** Epoch seconds of the open, [bars]. */
  readonly time: ArrayLike<number>;
  /** Seconds per bar. */
  readonly timeframe: number;
}

/** Labels of the bars of one instrument. All arrays: [bars]. */
export interface DirectionLabels {
  /**
   * UP, DOWN, RANGE, or −1 if unknown: the bars end, or a hole in them begins, before the horizon does, no close lies
   * within it, or the volatility is missing.
   */
  readonly label: Int8Array;
  /** Index of the last bar that the label depends on; −1 without a label. */
  readonly end: Int32Array;
}

/**
 * Labels every bar by the closes of the following `horizon` steps of time. At each step the last close up to then
 * counts, so that a closed market or missing bars do not lengthen the horizon.
 * @param sigma volatility of one bar's log return known at each bar, [bars]; used only by `sigmas`
 * @param everySeconds seconds per step
 * @throws RangeError for an invalid policy
 */
export function directionLabels(
  { close, time, timeframe }: LabeledBars,
  policy: DirectionPolicy,
  sigma: ArrayLike<number> | null = null,
  everySeconds = timeframe,
): DirectionLabels {
  checkPolicy(policy, sigma);
  const bars = close.length;
  const label = new Int8Array(bars).fill(-1);
  const end = new Int32Array(bars).fill(-1);
  // The last bar up to each step: it only advances from one labeled bar to the next.
  const lastOf = new Int32Array(policy.horizon + 1);
  const stretches = stretchesOf(time, 0, bars, timeframe);
  let own = 0;
  for (let t = 0; t < bars; t++) {
    if (t === stretches[own]!.to) own++;
    // Where the bars of one history end.
    const newest = time[stretches[own]!.to - 1]!;
    const [high, low] = barriersAt(close[t]!, policy, sigma === null ? NaN : sigma[t]!);
    if (!(high > low)) continue;
    for (let step = 1; step <= policy.horizon; step++) {
      const until = time[t]! + step * everySeconds;
      if (newest < until) break;
      let i = Math.max(t, lastOf[step]!);
      while (i + 1 < bars && time[i + 1]! <= until) i++;
      lastOf[step] = i;
      if (i === t) continue;
      const isUp = close[i]! > high;
      if (isUp || close[i]! < low || step === policy.horizon) {
        label[t] = isUp ? UP : close[i]! < low ? DOWN : RANGE;
        end[t] = i;
        break;
      }
    }
  }
  return { label, end };
}

/** Prices beyond which a close decides; equal to the close or NaN without volatility. */
export function barriersAt(
  close: number,
  { unit, threshold, horizon }: DirectionPolicy,
  sigma: number,
): [number, number] {
  if (unit === 'percent') return [close * (1 + threshold), close * (1 - threshold)];
  const width = threshold * sigma * Math.sqrt(horizon);
  return [close * Math.exp(width), close * Math.exp(-width)];
}

function checkPolicy({ unit, threshold, horizon }: DirectionPolicy, sigma: ArrayLike<number> | null): void {
  if (!(threshold > 0 && threshold < (unit === 'percent' ? 1 : Infinity)))
    throw new RangeError(`threshold is ${threshold}, expected a number > 0${unit === 'percent' ? ', below 1' : ''}`);
  if (!(Number.isInteger(horizon) && horizon >= 1))
    throw new RangeError(`horizon is ${horizon}, expected an integer ≥ 1`);
  if (unit === 'sigmas' && sigma === null) throw new RangeError('a threshold in sigmas needs the volatility');
}
