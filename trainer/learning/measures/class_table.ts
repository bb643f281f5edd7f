import { likeliestClasses, type ClassAnswers } from './multiclass.ts';
import { meanOf } from '../../../shared/statistics.ts';

/** What a model answers of each class, as the most probable one. Arrays without another note: [classes]. */
export interface ClassTable {
  /** Number of rows of each class (outer) that were answered as each class (inner). */
  readonly confusion: readonly (readonly number[])[];
  readonly accuracy: number;
  /** Mean of the recalls of the classes that occur (scikit-learn's `balanced_accuracy_score`). */
  readonly balanced_accuracy: number;
  /** Of the answers of a class, those that are right; null where it is never answered. */
  readonly precision: readonly (number | null)[];
  /** Of the rows of a class, those that are answered as it; null where it does not occur. */
  readonly recall: readonly (number | null)[];
  /** 0 where a class is neither answered nor occurs. */
  readonly f1: readonly number[];
  /**
   * Means over the classes that occur or are answered; a precision or recall that does not exist counts as 0, as in
   * scikit-learn with `zero_division=0`.
   */
  readonly macro_precision: number;
  readonly macro_recall: number;
  readonly macro_f1: number;
  /** Share of the rows of each class, and of the answers. */
  readonly class_shares: readonly number[];
  readonly answer_shares: readonly number[];
}

/** @throws RangeError without rows, or when a probability is NaN or a label is no class */
export function classTable({ classes, probabilities, labels }: ClassAnswers): ClassTable {
  const rows = labels.length;
  if (rows === 0) throw new RangeError('no rows');
  const answers = likeliestClasses(probabilities, classes);
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let row = 0; row < rows; row++) {
    const own = confusion[labels[row]!];
    if (own === undefined) throw new RangeError(`label ${labels[row]} of row ${row} is not a class`);
    own[answers[row]!]!++;
  }
  const names = Array.from({ length: classes }, (_, k) => k);
  const hits = names.map((k) => confusion[k]![k]!);
  const occurs = confusion.map(sumOf);
  const answered = names.map((k) => sumOf(confusion.map((own) => own[k]!)));
  const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
  const precision = names.map((k) => share(hits[k]!, answered[k]!));
  const recall = names.map((k) => share(hits[k]!, occurs[k]!));
  const f1 = names.map((k) => share(2 * hits[k]!, occurs[k]! + answered[k]!) ?? 0);
  const there = names.filter((k) => occurs[k]! + answered[k]! > 0);
  const macro = (of: readonly (number | null)[]): number => meanOf(there.map((k) => of[k] ?? 0));
  return {
    confusion,
    accuracy: sumOf(hits) / rows,
    balanced_accuracy: meanOf(recall.filter((own) => own !== null)),
    precision,
    recall,
    f1,
    macro_precision: macro(precision),
    macro_recall: macro(recall),
    macro_f1: macro(f1),
    class_shares: occurs.map((own) => own / rows),
    answer_shares: answered.map((own) => own / rows),
  };
}

/** Share of each class among the labels, [classes]; zeros without labels. */
export function classShares(labels: ArrayLike<number>, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (let row = 0; row < labels.length; row++) counts[labels[row]!]!++;
  return counts.map((count) => (labels.length === 0 ? 0 : count / labels.length));
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
