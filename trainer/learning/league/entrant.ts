import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { DatasetRows } from '../dataset/dataset.ts';

/** A fitted entrant: the probability of each row of a matrix. */
export interface FittedEntrant {
  probabilities(x: Matrix): Float64Array;
}

/** One way to learn AI1. Every entrant gets the same rows of the same splits. */
export interface Entrant {
  readonly name: string;
  /** Order of simplicity: a smaller number is simpler. */
  readonly complexity: number;
  /** @param subset rows of the table to learn from, in ascending order */
  fit(rows: DatasetRows, subset: Int32Array): Promise<FittedEntrant>;
}
