import { byRow, classMargins } from '../contract/class_rescaled.ts';
import { rescaledLogits } from '../contract/rescaled.ts';

/** Answers to rows that no member has learned from. */
export interface AnsweredRows {
  /** Answers per row: 1 for a probability, else those of the classes. */
  readonly width: number;
  /** Probabilities, one array [rows × width] by row per member. */
  readonly answers: readonly Float64Array[];
  /** In [0, 1], or a class from 0 to width − 1: [rows]. */
  readonly labels: Float64Array;
  /** ≥ 0, [rows]. */
  readonly weights: Float64Array;
}

/** Logits of probabilities, or the logarithms of those of classes. */
export function logitsOf(answers: Float64Array, width: number): Float64Array {
  return width === 1 ? rescaledLogits(answers, null) : byRow(classMargins(answers, width, null));
}
