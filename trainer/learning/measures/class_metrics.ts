import { auc, expectedCalibrationError } from './metrics.ts';
import { multiclassLogLoss, type ClassAnswers } from './multiclass.ts';

/** Measures of probabilities of several classes. Arrays: [classes]. */
export interface ClassMetrics {
  readonly rows: number;
  readonly log_loss: number;
  /** Mean squared distance of all probabilities from the true class, 0…2 (Brier 1950). */
  readonly brier: number;
  /** Each class against the rest; null where all or no rows are of it. */
  readonly auc: readonly (number | null)[];
  /** Mean of the expected calibration errors of the classes, ten bins (Kull et al. 2019). */
  readonly class_wise_ece: number;
  readonly ece: readonly number[];
  readonly mean_probability: readonly number[];
  readonly base_rate: readonly number[];
}

/** @throws RangeError as `multiclassLogLoss`, or when there is no row */
export function classMetrics(answers: ClassAnswers): ClassMetrics {
  const { classes, probabilities, labels } = answers;
  const rows = labels.length;
  if (rows === 0) throw new RangeError('no rows');
  const log_loss = multiclassLogLoss(answers);
  let brier = 0;
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < classes; k++) brier += (probabilities[row * classes + k]! - (labels[row] === k ? 1 : 0)) ** 2;
  const perClass = Array.from({ length: classes }, (_, k) => {
    const p = Float64Array.from({ length: rows }, (_, row) => probabilities[row * classes + k]!);
    const y = Float64Array.from({ length: rows }, (_, row) => (labels[row] === k ? 1 : 0));
    return { p, y, auc: auc(p, y), ece: expectedCalibrationError(p, y) };
  });
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / rows;
  return {
    rows,
    log_loss,
    brier: brier / rows,
    auc: perClass.map((own) => own.auc),
    class_wise_ece: perClass.reduce((sum, { ece }) => sum + ece, 0) / classes,
    ece: perClass.map(({ ece }) => ece),
    mean_probability: perClass.map(({ p }) => mean(p)),
    base_rate: perClass.map(({ y }) => mean(y)),
  };
}

/** Mean and its standard error over blocks; null without a value, and the error of fewer than two. */
export function meanAndError(values: readonly (number | null)[]): {
  mean: number | null;
  standard_error: number | null;
} {
  const known = values.filter((value) => value !== null);
  const n = known.length;
  if (n === 0) return { mean: null, standard_error: null };
  const mean = known.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, standard_error: null };
  const variance = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, standard_error: Math.sqrt(variance / n) };
}
