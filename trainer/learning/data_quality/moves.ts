import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { ownBarSeconds } from '../../../shared/bar_file/own_timeframe.ts';
import { ln } from '../../../shared/elementary.ts';
import type { Grid } from './cross_correlation.ts';

/**
 * Changes from one time step to the next, in multiples of the mean size at that time of day, within ±4, mean 0. Hence
 * neither the daily rhythm of a market nor a few jumps decide a correlation.
 */
export interface Moves {
  readonly signed: Grid;
  /** Absolute changes. */
  readonly size: Grid;
}

const DAY_S = 86_400;
const SLOT_S = 1800;
const CLIP = 4;
/** Changes that a time of day must have for a mean size. */
const MIN_OF_SLOT = 5;

/** ln returns between the closes of bars that follow one another without a gap. */
export function movesOfBars(
  { time, close, length }: Pick<BarColumns, 'time' | 'close' | 'length'>,
  step: number,
): Moves {
  const from = length === 0 ? 0 : gridTime(time[0]!, step);
  const steps = length === 0 ? 0 : (gridTime(time[length - 1]!, step) - from) / step + 1;
  const levels = new Float64Array(steps).fill(NaN);
  // Of several bars within a step the last one counts.
  for (let i = 0; i < length; i++) levels[(gridTime(time[i]!, step) - from) / step] = ln(close[i]!);
  return movesOfLevels({ from, step, values: levels });
}

/** Changes between known neighbors of a series. */
export function movesOfLevels({ from, step, values }: Grid): Moves {
  const changes = new Float64Array(values.length).fill(NaN);
  for (let i = 1; i < values.length; i++) changes[i] = values[i]! - values[i - 1]!;
  return movesOfChanges({ from, step, values: changes });
}

export function movesOfChanges({ from, step, values }: Grid): Moves {
  const slotSeconds = Math.min(DAY_S, Math.max(SLOT_S, step));
  const slots = Math.ceil(DAY_S / slotSeconds);
  const slotOf = (i: number): number => Math.floor(((((from + i * step) % DAY_S) + DAY_S) % DAY_S) / slotSeconds);
  const sums = new Float64Array(slots);
  const counts = new Float64Array(slots);
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    sums[slotOf(i)]! += Math.abs(value);
    counts[slotOf(i)]!++;
  });
  const scaled = values.map((value, i) => {
    const slot = slotOf(i);
    const usual = counts[slot]! >= MIN_OF_SLOT ? sums[slot]! / counts[slot]! : NaN;
    return usual > 0 ? Math.max(-CLIP, Math.min(CLIP, value / usual)) : NaN;
  });
  return {
    signed: { from, step, values: centered(scaled) },
    size: { from, step, values: centered(scaled.map((value) => Math.abs(value))) },
  };
}

/** The values minus the mean of those that are known. */
export function centered(values: Float64Array): Float64Array {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  const mean = count === 0 ? 0 : sum / count;
  return values.map((value) => value - mean);
}

/** Longer one of the two timeframes, in seconds. */
export function commonStep(a: BarColumns, b: BarColumns): number {
  return Math.max(SECONDS_PER_BAR, ownBarSeconds(a), ownBarSeconds(b));
}

/** Start of the step that a bar belongs to. */
function gridTime(time: number, step: number): number {
  return Math.floor(time / step) * step;
}
