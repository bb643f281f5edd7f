import { meanOf } from '../../../shared/statistics.ts';
import { rowLogLoss } from '../measures/metrics.ts';
import { clusteredMean, type ClusteredMean } from './cluster.ts';
import { timeBlocks } from './time_blocks.ts';

const SECONDS_PER_DAY = 86_400;

/** A figure over rows that depend on each other within a day, and its standard error. */
export interface Figure {
  readonly value: number | null;
  /** null within a single day. */
  readonly standard_error: number | null;
}

/** Where one of several stands that have answered the same rows. */
export interface Standing {
  /** Log loss above that of the best one, paired row by row; its error is over days. */
  readonly behind: Figure;
  /** Whether that is within one standard error. The best one is. */
  readonly isWithinError: boolean;
}

export interface Standings {
  /** Numbers of the answers, the lowest log loss first. */
  readonly order: readonly number[];
  /** In the order of the answers. */
  readonly of: readonly Standing[];
}

/**
 * Compares answers to the same rows by their log loss.
 * @param losses of each row, one array for each that answered
 * @param time epoch seconds of each row
 */
export function standingsOf(losses: readonly Float64Array[], time: Float64Array): Standings {
  const order = [...losses.keys()].sort((a, b) => meanOf(losses[a]!) - meanOf(losses[b]!));
  const best = order[0]!;
  const least = losses[best]!;
  const of = losses.map((own, index): Standing => {
    if (index === best) return { behind: { value: 0, standard_error: 0 }, isWithinError: true };
    return standingAgainst(own, least, time);
  });
  return { order, of };
}

/** Where answers stand against others to the same rows; below 0 they are better. */
export function standingAgainst(losses: Float64Array, others: Float64Array, time: Float64Array): Standing {
  const behind = figureByDays(
    losses.map((loss, row) => loss - others[row]!),
    time,
  );
  const { value, standard_error } = behind;
  return { behind, isWithinError: value !== null && standard_error !== null && value <= standard_error };
}

/**
 * The simplest of those within one standard error of the best; of equally simple ones the better.
 * @param complexity of each that answered; a smaller number is simpler
 */
export function simplestWithinError({ order, of }: Standings, complexity: readonly number[]): number {
  return order
    .filter((index) => of[index]!.isWithinError)
    .reduce((least, index) => (complexity[index]! < complexity[least]! ? index : least));
}

/** Log loss of each row, nats. */
export function rowLosses(probabilities: Float64Array, y: Float64Array): Float64Array {
  return y.map((label, row) => rowLogLoss(probabilities[row]!, label));
}

/** Mean over rows; its error takes the rows of a UTC day as one block. */
export function meanByDays(values: Float64Array, time: Float64Array): ClusteredMean {
  const { sum, count } = timeBlocks(time, SECONDS_PER_DAY, (row) => values[row]!);
  return clusteredMean(sum, count);
}

export function figureByDays(values: Float64Array, time: Float64Array): Figure {
  return figureOf(meanByDays(values, time));
}

export function figureOf({ mean, standardError }: ClusteredMean): Figure {
  return { value: mean, standard_error: Number.isFinite(standardError) ? standardError : null };
}
