import { MinutehandError } from '../../../../shared/errors.ts';
import { isSequence } from '../contract/past_rows.ts';
import type { Balance } from '../../../../shared/policy/balances.ts';
import { createRng } from '../../../../shared/rng.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import type { Task } from '../contract/task.ts';
import { countClasses } from './class_counts.ts';
import { smote } from './smote.ts';

export { BALANCES, type Balance } from '../../../../shared/policy/balances.ts';

export const FOCAL_LOSS = { gamma: 2, alpha: 0.25 } as const;

export interface BalancePlan {
  readonly balance: Balance;
  /** Exponent of the class weights, in [0, 1]: 1 gives all classes the same weight, 0 leaves them unchanged. */
  readonly classWeightRatio: number;
  readonly seed: string;
}

/** Rows to learn from, and rows for early stopping. */
export interface BalancedRows {
  readonly rows: FitRows;
  readonly task: Task;
  readonly train: Int32Array;
  readonly stopping: Int32Array;
}

/**
 * Balances the training rows of a fold. Rows outside `train` and `stopping` are never read, and `stopping` is never
 * resampled: if training is balanced, its rows carry class weights, so that both have the same loss.
 * @param train rows to learn from
 * @param stopping rows for early stopping
 */
export function balanceRows(
  rows: FitRows,
  classes: number,
  train: Int32Array,
  stopping: Int32Array,
  { balance, classWeightRatio, seed }: BalancePlan,
): BalancedRows {
  const task: Task = { kind: 'multiclass', classes };
  if (balance === 'none') return { rows, task, train, stopping };
  if (balance === 'focal') return { rows, task: { ...task, focal: FOCAL_LOSS }, train, stopping };
  const weights = classWeights(rows.y, train, classes, classWeightRatio);
  if (balance === 'class_weights') return { rows: reweighted(rows, weights, [train, stopping]), task, train, stopping };
  const even = classWeights(rows.y, train, classes, 1);
  const weighted = reweighted(rows, even, [stopping]);
  if (balance === 'undersample')
    return { rows: weighted, task, train: undersampled(rows.y, train, classes, seed), stopping };
  if (isSequence(rows.x))
    throw new MinutehandError('LEARNER_TASK', {
      seen: 'train.balance smote with an engine that gets the features of several bars together',
      next: 'Use class_weights or undersample: a row between two others has no bars before it.',
    });
  const { rows: more, train: all } = smote(weighted, train, classes, seed);
  return { rows: more, task, train: all, stopping };
}

/** (rows / (classes · rows of the class))^ratio, scaled to keep the total weight of the training rows. [classes] */
export function classWeights(y: Float64Array, train: Int32Array, classes: number, ratio: number): Float64Array {
  if (!(ratio >= 0 && ratio <= 1)) throw new RangeError(`class weight ratio is ${ratio}, expected one in [0, 1]`);
  const counts = countClasses(y, train, classes);
  const raw = counts.map((count) => (count === 0 ? 0 : (train.length / (classes * count)) ** ratio));
  const total = raw.reduce((sum, weight, k) => sum + weight * counts[k]!, 0);
  return raw.map((weight) => (weight * train.length) / total);
}

/** @param parts rows whose weights are multiplied by their class weight */
function reweighted(rows: FitRows, weights: Float64Array, parts: readonly Int32Array[]): FitRows {
  const own = rows.weights.slice();
  for (const part of parts) for (const row of part) own[row] = own[row]! * weights[rows.y[row]!]!;
  return { ...rows, weights: own };
}

/** Draws without replacement as many rows of each class as the rarest has, ascending. */
function undersampled(y: Float64Array, train: Int32Array, classes: number, seed: string): Int32Array {
  const fewest = Math.min(...countClasses(y, train, classes).filter((count) => count > 0));
  const rng = createRng(`${seed}/undersample`);
  const left = countClasses(y, train, classes);
  const wanted = new Float64Array(classes).fill(fewest);
  // Knuth's algorithm S, class by class in one pass.
  return train.filter((row) => {
    const k = y[row]!;
    const isTaken = left[k]! * rng.uniform() < wanted[k]!;
    left[k]!--;
    if (isTaken) wanted[k]!--;
    return isTaken;
  });
}
