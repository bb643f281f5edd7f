/** Answers to rows that no member has learned from. */
export interface AnsweredRows {
  /** Probabilities, one array [rows] per member. */
  readonly answers: readonly Float64Array[];
  /** In [0, 1], [rows]. */
  readonly labels: Float64Array;
  /** ≥ 0, [rows]. */
  readonly weights: Float64Array;
}
