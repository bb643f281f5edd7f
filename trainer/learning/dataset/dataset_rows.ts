import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';

/** Labeled rows of one model, ordered by pair, then time. Element i of every array belongs to row i of `x`. */
export interface LabeledRows {
  readonly x: Matrix;
  readonly y: Float64Array;
  /** Epoch seconds at which the features were known: the bar's close. */
  readonly time: Float64Array;
  /** Epoch seconds at which the label was known. */
  readonly labelEnd: Float64Array;
  /** Index into `histories`. */
  readonly pair: Int32Array;
}

/** Rows with the overlap of their labels. */
export interface DatasetRows extends LabeledRows {
  /** Sample weights by the uniqueness of each row's label among these rows: see `sampleWeights`. */
  readonly weights: Float64Array;
  /** Effective number of independent rows: the sum of their uniqueness. */
  readonly effectiveRows: number;
}
