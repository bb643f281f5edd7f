import { ln } from '../../shared/elementary.ts';

/**
 * Answers to a question with several classes.
 * `probabilities[row * classes + k]` is the one of class k, labels are 0 … classes − 1.
 */
export interface ClassAnswers {
  readonly classes: number;
  /** [rows × classes] */
  readonly probabilities: ArrayLike<number>;
  /** [rows] */
  readonly labels: ArrayLike<number>;
  /** [rows] ≥ 0; 1 each when absent. */
  readonly weights?: ArrayLike<number> | null;
}

export interface MulticlassMetrics {
  readonly rows: number;
  readonly log_loss: number | null;
  readonly accuracy: number | null;
  /** Mean of the shares of each class that are found, over the classes that have weight. */
  readonly balanced_accuracy: number | null;
  /** Mean F1 of each class against the others, over the classes that have weight. */
  readonly macro_f1: number | null;
  /** Weight of the rows of class i (row of the table) that were called k (column). */
  readonly confusion: readonly (readonly number[])[];
}

/**
 * Mean negative log-likelihood of the true class in nats; probabilities are kept 1e-15 away from 0 and 1. NaN without
 * rows.
 * @throws RangeError when shapes differ or a label is no class.
 */
export function multiclassLogLoss(answers: ClassAnswers): number {
  check(answers);
  const { classes, probabilities, labels, weights } = answers;
  let sum = 0;
  let total = 0;
  for (let row = 0; row < labels.length; row++) {
    const weight = weights ? weights[row]! : 1;
    const p = probabilities[row * classes + labels[row]!]!;
    sum -= weight * ln(Math.min(Math.max(p, 1e-15), 1 - 1e-15));
    total += weight;
  }
  return sum / total;
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

/** Sums of weights: [true class][class that was called]. @throws RangeError as `multiclassLogLoss`. */
export function multiclassConfusion(answers: ClassAnswers): number[][] {
  check(answers);
  const { classes, probabilities, labels, weights } = answers;
  const called = likeliestClasses(probabilities, classes);
  const table = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let row = 0; row < labels.length; row++) table[labels[row]!]![called[row]!]! += weights ? weights[row]! : 1;
  return table;
}

/** All measures; null where there is no row with weight. @throws RangeError as `multiclassLogLoss`. */
export function multiclassMetrics(answers: ClassAnswers): MulticlassMetrics {
  const table = multiclassConfusion(answers);
  const rowSums = table.map((row) => row.reduce((sum, weight) => sum + weight, 0));
  const columnSums = table.map((_, k) => table.reduce((sum, row) => sum + row[k]!, 0));
  const total = rowSums.reduce((sum, weight) => sum + weight, 0);
  const seen = [...table.keys()].filter((k) => rowSums[k]! > 0);
  const meanOverSeen = (of: (k: number) => number): number => seen.reduce((sum, k) => sum + of(k), 0) / seen.length;
  const rows = answers.labels.length;
  if (total === 0)
    return { rows, log_loss: null, accuracy: null, balanced_accuracy: null, macro_f1: null, confusion: table };
  return {
    rows,
    log_loss: multiclassLogLoss(answers),
    accuracy: table.reduce((sum, row, k) => sum + row[k]!, 0) / total,
    balanced_accuracy: meanOverSeen((k) => table[k]![k]! / rowSums[k]!),
    macro_f1: meanOverSeen((k) => (2 * table[k]![k]!) / (rowSums[k]! + columnSums[k]!)),
    confusion: table,
  };
}

function check({ classes, probabilities, labels, weights }: ClassAnswers): void {
  const rows = labels.length;
  if (probabilities.length !== rows * classes)
    throw new RangeError(`${probabilities.length} probabilities for ${rows} rows of ${classes} classes`);
  if (weights && weights.length !== rows) throw new RangeError(`${weights.length} weights for ${rows} rows`);
  for (let row = 0; row < rows; row++) {
    const label = labels[row]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw new RangeError(`label ${label} of row ${row} is not a class in 0…${classes - 1}`);
  }
}
