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
  /** Number of closes after t that are considered. */
  readonly horizon: number;
}

/** The label of all reported metrics: the first close beyond ±2 % within 24 hourly bars. */
export const EVALUATION_LABEL: DirectionPolicy = { unit: 'percent', threshold: 0.02, horizon: 24 };
const EVALUATION_BAR = 3600;
const EVALUATION_SECONDS = EVALUATION_LABEL.horizon * EVALUATION_BAR;

/** The evaluation label on bars of another timeframe. */
export interface EvaluationLabel {
  readonly policy: DirectionPolicy;
  /** Bars between considered closes. */
  readonly everyBars: number;
}

/**
 * Bars of an hour or less use the closes 1, 2 … 24 hours later, like hourly bars, so that labels agree at full hours.
 * Longer bars use their own closes within 24 hours.
 * @param timeframe seconds per bar, a divisor or a multiple of an hour
 */
export function evaluationLabel(timeframe: number): EvaluationLabel {
  if (timeframe <= EVALUATION_BAR) return { policy: EVALUATION_LABEL, everyBars: EVALUATION_BAR / timeframe };
  return { policy: { ...EVALUATION_LABEL, horizon: evaluationBars(timeframe) }, everyBars: 1 };
}

/** Number of bars in 24 hours. @param timeframe seconds per bar */
export function evaluationBars(timeframe: number): number {
  return EVALUATION_SECONDS / timeframe;
}

/** Labels of the bars of one instrument. All arrays: [bars]. */
export interface DirectionLabels {
  /** UP, DOWN, RANGE, or −1 if unknown: too few bars follow, or the volatility is missing. */
  readonly label: Int8Array;
  /** Index of the bar at whose close the label was known; −1 without a label. */
  readonly end: Int32Array;
}

/**
 * Labels every bar by the closes that follow it.
 * @param close > 0, [bars]
 * @param sigma volatility of one bar's log return known at each bar, [bars]; used only by `sigmas`
 * @param everyBars bars between considered closes
 * @throws RangeError for an invalid policy
 */
export function directionLabels(
  close: ArrayLike<number>,
  policy: DirectionPolicy,
  sigma: ArrayLike<number> | null = null,
  everyBars = 1,
): DirectionLabels {
  checkPolicy(policy, sigma);
  const bars = close.length;
  const label = new Int8Array(bars).fill(-1);
  const end = new Int32Array(bars).fill(-1);
  for (let t = 0; t < bars; t++) {
    const [high, low] = barriersAt(close[t]!, policy, sigma === null ? NaN : sigma[t]!);
    if (!(high > low)) continue;
    const last = t + policy.horizon * everyBars;
    for (let i = t + everyBars; i < bars && i <= last; i += everyBars) {
      const isUp = close[i]! > high;
      if (isUp || close[i]! < low || i === last) {
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
