import { meanOf } from '../../../../shared/statistics.ts';
import { DOWN, RANGE, UP } from './label/direction.ts';
import type { BiasLimits } from './gates/bias_limits.ts';
import { directionBias, type DirectionBias } from './direction_bias.ts';
import type { EvaluatedAnswers } from './direction_report.ts';
import type { InstrumentRows } from './instrument_rows.ts';

/**
 * A move over the medium window (three days of hourly bars) by this many standard deviations counts as a bull or bear
 * market.
 */
const REGIME_SIGMAS = 1;

/**
 * Bias of predictions. Labels overlap, and instruments move together, so the effective number of rows is divided by the
 * mean bars of a label times the instruments.
 * @param timeframe seconds per bar
 */
export function modelBias(
  rows: InstrumentRows,
  { probabilities, labels, rows: of, classes }: EvaluatedAnswers,
  timeframe: number,
  limits: BiasLimits,
): DirectionBias {
  const { x, time, labelEnd, instrument, columns } = rows;
  const column = columns.indexOf('return_medium');
  const at = (read: (row: number) => number): Float64Array => Float64Array.from(of, read);
  const answer = (k: number): Float64Array => Float64Array.from(of, (_, i) => probabilities[i * classes + k]!);
  const moved = at((row) => x.values[row * x.columns + column]!);
  const labelBars = at((row) => (labelEnd[row]! - time[row]!) / timeframe);
  const meanBars = meanOf(labelBars);
  const own = {
    time: at((row) => time[row]!),
    up: answer(UP),
    down: answer(DOWN),
    regime: moved.map((own) => (own > REGIME_SIGMAS ? 1 : own < -REGIME_SIGMAS ? -1 : 0)),
    outcome: labels.map((label) => (label === RANGE ? -1 : label === UP ? 1 : 0)),
    overlap: Math.max(1, meanBars * new Set(instrument).size),
  };
  return directionBias(own, limits);
}
