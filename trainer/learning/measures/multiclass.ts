import { ln } from '../../../shared/elementary.ts';

/**
 * Predictions of several classes.
 * `probabilities[row * classes + k]` is that of class k; labels are 0 … classes − 1.
 */
export interface ClassAnswers {
  readonly classes: number;
  /** [rows × classes] */
  readonly probabilities: ArrayLike<number>;
  /** [rows] */
  readonly labels: ArrayLike<number>;
}

/**
 * Mean negative log-likelihood of the true class in nats; probabilities are kept 1e-15 away from 0 and 1. NaN without
 * rows.
 * @throws RangeError when shapes differ or a label is not a class.
 */
export function multiclassLogLoss(answers: ClassAnswers): number {
  return classLosses(answers).reduce((sum, loss) => sum + loss, 0) / answers.labels.length;
}

/** The same of each row, [rows]. @throws RangeError as `multiclassLogLoss` */
export function classLosses(answers: ClassAnswers): Float64Array {
  check(answers);
  const { classes, probabilities, labels } = answers;
  return Float64Array.from(
    labels,
    (label, row) => -ln(Math.min(Math.max(probabilities[row * classes + label]!, 1e-15), 1 - 1e-15)),
  );
}

/** The most probable class of each row, the lowest of equals: [rows]. @throws RangeError when a probability is NaN */
export function likeliestClasses(probabilities: ArrayLike<number>, classes: number): Int32Array {
  return Int32Array.from({ length: probabilities.length / classes }, (_, row) => {
    let best = 0;
    for (let k = 0; k < classes; k++) {
      const p = probabilities[row * classes + k]!;
      if (p !== p) throw new RangeError(`probability ${k} of row ${row} is NaN`);
      if (p > probabilities[row * classes + best]!) best = k;
    }
    return best;
  });
}

function check({ classes, probabilities, labels }: ClassAnswers): void {
  const rows = labels.length;
  if (probabilities.length !== rows * classes)
    throw new RangeError(`${probabilities.length} probabilities for ${rows} rows of ${classes} classes`);
  for (let row = 0; row < rows; row++) {
    const label = labels[row]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw new RangeError(`label ${label} of row ${row} is not a class in 0…${classes - 1}`);
  }
}
