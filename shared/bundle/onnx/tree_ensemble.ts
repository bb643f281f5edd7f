import { sigmoid, softmaxRows } from '../../elementary.ts';

/** Numbers by row: `values[row * columns + column]`. NaN is a missing value; infinities are values. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
  /** Absent: models get each row alone. */
  readonly past?: PastRows;
}

/** The sequence of rows that ends at each row of a matrix: parts of one table, which many matrices share. */
export interface PastRows {
  /** Rows of a sequence, the row itself included, at least 2. */
  readonly bars: number;
  /** [rows of the table × columns of the matrix]; rows of a subject that follow each other do so here. */
  readonly table: Float32Array;
  /** Row of the table that each row of the matrix is, at least `bars` − 1: [rows of the matrix] */
  readonly last: Int32Array;
}

/**
 * One regression tree in flat arrays, one entry per node; node 0 is the root. At an inner node a row goes left when
 * `x[feature] <= threshold`, or when the value is missing and `missingLeft` is 1.
 */
export interface Tree {
  /** −1 marks a leaf. */
  readonly feature: Int32Array;
  readonly threshold: Float32Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly missingLeft: Uint8Array;
  /** The value a leaf adds to the score, in logits; 0 at inner nodes. */
  readonly value: Float32Array;
  /** Training rows that pass each node, plus one per leaf below it, so that none is 0; see `withCover`. */
  readonly cover?: Float32Array;
}

/** A tree of leaves without a value: the caller sets its splits. */
export function emptyTree(nodes: number): Tree {
  return {
    feature: new Int32Array(nodes).fill(-1),
    threshold: new Float32Array(nodes),
    left: new Int32Array(nodes),
    right: new Int32Array(nodes),
    missingLeft: new Uint8Array(nodes),
    value: new Float32Array(nodes),
  };
}

/** The score of a row is `baseScore` plus its leaf of every tree, in logits; its probability is the sigmoid of that. */
export interface TreeEnsemble {
  readonly columns: number;
  /** In logits, a float32 number. */
  readonly baseScore: number;
  readonly trees: readonly Tree[];
}

/** Map from raw scores to answers: a probability, shares of one, or the identity. */
export type Link = 'sigmoid' | 'softmax' | 'identity';

/**
 * Result of a learner: one ensemble per answer (one per class with softmax, else one or, for a forest of classes, one
 * per class).
 */
export interface TreeModel {
  readonly link: Link;
  readonly ensembles: readonly TreeEnsemble[];
}

/** Index of the leaf a row falls into; `offset` is where the row begins in `values`. */
export function findLeaf(tree: Tree, values: Float32Array, offset: number): number {
  const { feature, threshold, left, right, missingLeft } = tree;
  let node = 0;
  let column = feature[0]!;
  while (column >= 0) {
    const x = values[offset + column]!;
    // A missing value compares false with everything, so only the second condition applies to it.
    const goesLeft = x <= threshold[node]! || (x !== x && missingLeft[node] === 1);
    node = goesLeft ? left[node]! : right[node]!;
    column = feature[node]!;
  }
  return node;
}

/**
 * Scores in logits, [rows], float64 sums in tree order.
 * @throws RangeError when the matrix has another number of columns than the ensemble.
 */
export function predictLogits(ensemble: TreeEnsemble, x: Matrix): Float64Array {
  if (x.columns !== ensemble.columns) {
    throw new RangeError(`the ensemble was trained on ${ensemble.columns} columns, the matrix has ${x.columns}`);
  }
  const scores = new Float64Array(x.rows).fill(ensemble.baseScore);
  for (const tree of ensemble.trees) {
    for (let row = 0; row < x.rows; row++) {
      scores[row] = scores[row]! + tree.value[findLeaf(tree, x.values, row * x.columns)]!;
    }
  }
  return scores;
}

/** Probabilities, [rows]. The reference for what the ONNX graph computes in float32. @throws RangeError as above. */
export function predict(ensemble: TreeEnsemble, x: Matrix): Float64Array {
  return predictLogits(ensemble, x).map(sigmoid);
}

/**
 * The answers of a model, [rows × ensembles] by row, in float64: the reference for what its ONNX graph computes.
 * @throws RangeError when the matrix has another number of columns than an ensemble, or a sigmoid has several
 * ensembles.
 */
export function predictModel({ link, ensembles }: TreeModel, x: Matrix): Float64Array {
  const width = ensembles.length;
  if (link === 'sigmoid' && width !== 1) throw new RangeError(`${width} ensembles behind one sigmoid`);
  const answers = new Float64Array(x.rows * width);
  ensembles.forEach((ensemble, target) => {
    const scores = predictLogits(ensemble, x);
    for (let row = 0; row < x.rows; row++) answers[row * width + target] = scores[row]!;
  });
  if (link === 'sigmoid') return answers.map(sigmoid);
  return link === 'softmax' ? softmaxRows(answers, width) : answers;
}
