import { createRng } from '../../../shared/rng.ts';
import { expectedCalibrationError } from '../measures/metrics.ts';
import type { Figure } from '../statistics/standings.ts';

const SECONDS_PER_DAY = 86_400;
const BINS = 10;
const RESAMPLES = 200;

/**
 * Expected calibration error in ten cells of equal width. Its standard error is that of a bootstrap of UTC days, whose
 * rows depend on each other; null within a single day.
 * @param time epoch seconds of each row
 */
export function calibrationError(
  probabilities: Float64Array,
  y: Float64Array,
  time: Float64Array,
  seed: string,
): Figure {
  const value = expectedCalibrationError(probabilities, y, BINS);
  const dayOf = new Map<number, number>();
  for (const at of time) {
    const day = Math.floor(at / SECONDS_PER_DAY);
    if (!dayOf.has(day)) dayOf.set(day, dayOf.size);
  }
  const days = dayOf.size;
  if (days < 2) return { value, standard_error: null };
  // Of each day and cell, what answers are above labels: the error of a draw of days is a sum of these.
  const excess = new Float64Array(days * BINS);
  const rows = new Float64Array(days);
  for (let row = 0; row < y.length; row++) {
    const day = dayOf.get(Math.floor(time[row]! / SECONDS_PER_DAY))!;
    const bin = Math.min(Math.floor(probabilities[row]! * BINS), BINS - 1);
    excess[day * BINS + bin]! += probabilities[row]! - y[row]!;
    rows[day]!++;
  }
  const rng = createRng(seed);
  const drawn = Float64Array.from({ length: RESAMPLES }, () => {
    const sums = new Float64Array(BINS);
    let count = 0;
    for (let taken = 0; taken < days; taken++) {
      const day = rng.integer(days);
      for (let bin = 0; bin < BINS; bin++) sums[bin]! += excess[day * BINS + bin]!;
      count += rows[day]!;
    }
    return sums.reduce((sum, own) => sum + Math.abs(own), 0) / count;
  });
  const mean = drawn.reduce((sum, own) => sum + own, 0) / RESAMPLES;
  const squares = drawn.reduce((sum, own) => sum + (own - mean) ** 2, 0);
  return { value, standard_error: Math.sqrt(squares / (RESAMPLES - 1)) };
}
