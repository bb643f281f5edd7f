import { MinutehandError } from '../../../../shared/errors.ts';
import type { FitRows } from './fit_rows.ts';
import type { Task } from './task.ts';

/** A task of classes. */
export type ClassTask = Extract<Task, { readonly kind: 'multiclass' }>;

/**
 * The weight of the rows of each class, [classes].
 * @throws RangeError for fewer than two classes, or a target that is none of them
 */
export function weightByClass(
  { y, weights }: Pick<FitRows, 'y' | 'weights'>,
  subset: Int32Array,
  classes: number,
): Float64Array {
  if (!(Number.isInteger(classes) && classes >= 2)) throw new RangeError(`${classes} classes, expected 2 or more`);
  const of = new Float64Array(classes);
  for (const row of subset) {
    const label = y[row]!;
    if (!(Number.isInteger(label) && label >= 0 && label < classes))
      throw new RangeError(`the target ${label} of row ${row}, expected a class from 0 to ${classes - 1}`);
    of[label]! += weights[row]!;
  }
  return of;
}

/** @throws MinutehandError LEARNER_TASK for a learner that does not learn by the focal loss of a task */
export function refuseFocalLoss(name: string, task: Task): void {
  if (task.kind !== 'multiclass' || task.focal === undefined) return;
  throw new MinutehandError('LEARNER_TASK', {
    seen: `${name}, with focal loss as its task`,
    next: 'Use the engine gbdt, or another balance of classes.',
  });
}
