import { pick, positions } from '../dataset/rows.ts';

const SECONDS_PER_HOUR = 3600;
const HOURS_PER_DAY = 24;
const QUANTILES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99] as const;
/** A day with fewer answers has no reliable variance. */
const MIN_ROWS = 10;

/** Dispersion of all answers, and of days that end at each full hour, to detect a frozen model. */
export interface PredictionDispersion {
  readonly rows: number;
  readonly mean: number | null;
  readonly std: number | null;
  readonly min: number | null;
  readonly max: number | null;
  /** `q01`, `q05`, `q25`, `q50`, `q75`, `q95`, `q99`: the lowest answer not exceeded by at least that share. */
  readonly quantiles: Readonly<Record<string, number>>;
  /** Variance of the answers over 24 hours. */
  readonly variance_24h: VarianceOfDays;
  readonly variance_24h_by_pair: Readonly<Record<string, VarianceOfDays>>;
}

export interface VarianceOfDays {
  /** Days, one ending at each full hour, with at least ten answers. */
  readonly days: number;
  readonly min: number | null;
  readonly median: number | null;
  readonly max: number | null;
  /**
   * Of the last 24 hours of the rows, with at least ten answers: a quiet pair has a few in neighboring minutes, which a
   * sound model of trees often answers alike.
   */
  readonly last: number | null;
}

/**
 * @param time epoch seconds, [rows], in any order
 * @param pair index into `pairs`, [rows]
 */
export function dispersionOfPredictions(
  time: Float64Array,
  scores: Float64Array,
  pair: Int32Array,
  pairs: readonly string[],
): PredictionDispersion {
  const sorted = Float64Array.from(scores).sort();
  const rows = sorted.length;
  const quantile = (share: number): number => sorted[Math.max(0, Math.ceil(share * rows) - 1)]!;
  const byPair = pairs.map((id, index) => {
    const own = positions(rows, (row) => pair[row] === index);
    return [id, varianceOfDays(pick(time, own), pick(scores, own))] as const;
  });
  return {
    rows,
    mean: rows === 0 ? null : mean(sorted),
    std: rows < 2 ? null : Math.sqrt(variance(sorted)),
    min: sorted[0] ?? null,
    max: sorted[rows - 1] ?? null,
    quantiles:
      rows === 0
        ? {}
        : Object.fromEntries(QUANTILES.map((share) => [`q${String(share * 100).padStart(2, '0')}`, quantile(share)])),
    variance_24h: varianceOfDays(time, scores),
    variance_24h_by_pair: Object.fromEntries(byPair),
  };
}

/**
 * Sample variances (ddof 1) of the answers with hour − 24 h < time ≤ hour, for every full hour in whose last 60 minutes
 * there is an answer.
 */
export function varianceOfDays(time: Float64Array, scores: Float64Array): VarianceOfDays {
  const hours = sumsOfHours(time, scores);
  const variances: number[] = [];
  for (const hour of hours.keys()) {
    let count = 0;
    let sum = 0;
    let squares = 0;
    for (let past = 0; past < HOURS_PER_DAY; past++) {
      const own = hours.get(hour - past);
      if (own === undefined) continue;
      count += own.count;
      sum += own.sum;
      squares += own.squares;
    }
    if (count >= MIN_ROWS) variances.push(Math.max(0, squares - (sum * sum) / count) / (count - 1));
  }
  variances.sort((a, b) => a - b);
  const end = time.reduce((latest, at) => Math.max(latest, at), -Infinity);
  const lastDay = scores.filter((_, row) => time[row]! > end - HOURS_PER_DAY * SECONDS_PER_HOUR);
  return {
    days: variances.length,
    min: variances[0] ?? null,
    median: variances[variances.length >>> 1] ?? null,
    max: variances.at(-1) ?? null,
    last: lastDay.length < MIN_ROWS ? null : variance(lastDay),
  };
}

interface HourSums {
  count: number;
  sum: number;
  squares: number;
}

/**
 * By the full hour that ends them. Distances from the first answer are summed, so that equal answers have exactly no
 * variance.
 */
function sumsOfHours(time: Float64Array, scores: Float64Array): Map<number, HourSums> {
  const hours = new Map<number, HourSums>();
  for (let row = 0; row < time.length; row++) {
    const hour = Math.ceil(time[row]! / SECONDS_PER_HOUR);
    let own = hours.get(hour);
    if (own === undefined) hours.set(hour, (own = { count: 0, sum: 0, squares: 0 }));
    const distance = scores[row]! - scores[0]!;
    own.count++;
    own.sum += distance;
    own.squares += distance * distance;
  }
  return hours;
}

function mean(values: Float64Array): number {
  // The distance from the first value is summed: equal values have exactly their value for a mean.
  const first = values[0]!;
  return first + values.reduce((sum, value) => sum + (value - first), 0) / values.length;
}

function variance(values: Float64Array): number {
  const center = mean(values);
  return values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1);
}
