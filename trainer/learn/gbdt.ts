import { MinutehandError } from '../../shared/errors.ts';
import { ln, sigmoid } from '../../shared/elementary.ts';
import { createRng } from '../../shared/rng.ts';
import type { Rng } from '../../shared/ports.ts';
import { findLeaf, type Matrix, type Tree, type TreeEnsemble } from '../../shared/bundle/onnx/tree_ensemble.ts';
import { binMatrix } from './binning.ts';
import { createGradients, quantise } from './histogram.ts';
import { createTreeGrower, findBinnedLeaf } from './tree.ts';

export type { Matrix, TreeEnsemble } from '../../shared/bundle/onnx/tree_ensemble.ts';
export { predict } from '../../shared/bundle/onnx/tree_ensemble.ts';

export interface GbdtParams {
  /** Trees at most. */
  readonly rounds: number;
  readonly learningRate: number;
  /** Leaves per tree at most. */
  readonly leaves: number;
  readonly minDataInLeaf: number;
  /** Ridge penalty on leaf values (λ). */
  readonly l2: number;
  /** A split must gain more than this (loss units, without the factor ½). */
  readonly minGain: number;
  /** Value bins per column, 2…255; missing values have one more. */
  readonly maxBins: number;
  /** Share of the rows each tree sees, (0, 1]. */
  readonly rowFraction: number;
  /** Share of the columns each tree may split on, (0, 1]; never less than one column. */
  readonly columnFraction: number;
  readonly seed: string | number;
  /** Columns allowed to split; all when absent. */
  readonly columns?: readonly number[];
}

export const GBDT_DEFAULTS: GbdtParams = {
  rounds: 200,
  learningRate: 0.05,
  leaves: 31,
  minDataInLeaf: 100,
  l2: 1,
  minGain: 0,
  maxBins: 255,
  rowFraction: 1,
  columnFraction: 1,
  seed: 0,
};

export interface LabelledMatrix {
  readonly x: Matrix;
  /** Targets in [0, 1], [rows]. */
  readonly y: Float64Array;
  /** Row weights ≥ 0, [rows]; 1 each when absent. */
  readonly weights?: Float64Array | null;
}

export interface GbdtOptions {
  /** Rows that measure the log loss after each round; the trees after the best round are dropped. */
  readonly validation?: LabelledMatrix;
  /** Stop when the validation loss has not improved for so many rounds. */
  readonly earlyStoppingRounds?: number;
  readonly onRound?: (round: number, rounds: number) => void;
}

/** More rows would leave the integer hessians fewer than eight bits. */
const MAX_ROWS = 2 ** 22 - 1;

/**
 * Leaf-wise gradient boosting on histograms for cross-entropy with targets in [0, 1], second order (gradient p − y,
 * hessian p(1 − p); Friedman 2001, Chen & Guestrin 2016, Ke et al. 2017). The same data, parameters and seed give
 * the same bytes on any machine: gradients are rounded to integers, their sums are exact, exp and ln are our own.
 *
 * @param x [rows, columns], NaN = missing. Splits are tests on these float32 values.
 * @param y [rows] in [0, 1].
 * @param weights [rows] ≥ 0, or null. A row of weight 0 is as if it were not there.
 * @throws MinutehandError DATA_TOO_SHORT when no row has weight; RangeError when shapes, targets, weights or
 * parameters are not as stated.
 */
export function trainGbdt(
  x: Matrix,
  y: Float64Array,
  weights: Float64Array | null,
  params: GbdtParams,
  options: GbdtOptions = {},
): TreeEnsemble {
  checkParams(x, params);
  checkRows({ x, y, weights });
  const { validation } = options;
  if (validation) {
    checkRows(validation);
    if (validation.x.columns !== x.columns) throw new RangeError('validation and training differ in columns');
  }

  const weighted: number[] | null = weights?.includes(0) ? [] : null;
  if (weighted) for (let row = 0; row < x.rows; row++) if (weights![row]! > 0) weighted.push(row);
  const allRows = weighted ? Int32Array.from(weighted) : Int32Array.from({ length: x.rows }, (_, row) => row);
  if (allRows.length === 0)
    throw new MinutehandError('DATA_TOO_SHORT', { seen: 'no row with a weight', expected: 'at least one' });
  const columns = allowedColumns(x, params);
  const data = binMatrix(x, columns, params.maxBins, weighted ? allRows : null);
  const allSlots = Int32Array.from(columns, (_, slot) => slot);

  const rng = createRng(params.seed);
  const grower = createTreeGrower(data);
  const sampleSize = Math.max(1, Math.round(params.rowFraction * allRows.length));
  const slotCount = Math.max(1, Math.round(params.columnFraction * allSlots.length));
  const isSampled = sampleSize < allRows.length || slotCount < allSlots.length;

  const baseScore = logitOfMean(y, weights);
  const scores = new Float64Array(x.rows).fill(baseScore);
  const gradients = new Float64Array(x.rows);
  const hessians = new Float64Array(x.rows);
  const quantised = createGradients(x.rows);
  const watch = validation ? watchLoss(validation, baseScore) : null;
  const trees: Tree[] = [];

  for (let round = 0; round < params.rounds; round++) {
    for (let row = 0; row < x.rows; row++) {
      const p = sigmoid(scores[row]!);
      const weight = weights === null ? 1 : weights[row]!;
      gradients[row] = weight * (p - y[row]!);
      hessians[row] = weight * p * (1 - p);
    }
    quantise(quantised, gradients, hessians);

    sample(allRows, sampleSize, rng, grower.order);
    const slots = new Int32Array(slotCount);
    sample(allSlots, slotCount, rng, slots);
    const grown = grower.grow(sampleSize, slots, quantised, params);
    const { tree } = grown;
    if (tree.feature.length > 1) {
      trees.push(tree);
      if (sampleSize === allRows.length) {
        for (const { node, start, end } of grown.leaves) {
          const value = tree.value[node]!;
          for (let i = start; i < end; i++) scores[grower.order[i]!] = scores[grower.order[i]!]! + value;
        }
      } else {
        for (const row of allRows) scores[row] = scores[row]! + tree.value[findBinnedLeaf(grown, data, row)]!;
      }
      watch?.add(tree, trees.length);
    }
    options.onRound?.(round + 1, params.rounds);
    // Without sampling, a round that finds no split is followed by rounds that find none.
    if (tree.feature.length === 1 && !isSampled) break;
    if (watch && options.earlyStoppingRounds !== undefined) {
      if (round + 1 - watch.bestRound(round + 1) >= options.earlyStoppingRounds) break;
    }
  }
  return { columns: x.columns, baseScore, trees: watch ? trees.slice(0, watch.bestTrees()) : trees };
}

/** The validation loss, tree by tree. */
function watchLoss(
  { x, y, weights }: LabelledMatrix,
  baseScore: number,
): { add(tree: Tree, trees: number): void; bestTrees(): number; bestRound(round: number): number } {
  const scores = new Float64Array(x.rows).fill(baseScore);
  // −ln of the probability given to the target: ln(1 + e^s) − y·s, written so that nothing overflows.
  const loss = (): number => {
    let sum = 0;
    for (let row = 0; row < x.rows; row++) {
      const s = scores[row]!;
      const softplus = s > 0 ? s - ln(sigmoid(s)) : -ln(sigmoid(-s));
      sum += (weights ? weights[row]! : 1) * (softplus - y[row]! * s);
    }
    return sum;
  };
  let best = loss();
  let bestTrees = 0;
  let bestRound = 0;
  let improved = false;
  return {
    add(tree, trees) {
      for (let row = 0; row < x.rows; row++) {
        scores[row] = scores[row]! + tree.value[findLeaf(tree, x.values, row * x.columns)]!;
      }
      const now = loss();
      if (now < best) {
        best = now;
        bestTrees = trees;
        improved = true;
      }
    },
    bestTrees: () => bestTrees,
    bestRound(round) {
      if (improved) bestRound = round;
      improved = false;
      return bestRound;
    },
  };
}

/** `size` of the items, each set equally likely, in their order (Knuth, TAOCP 3.4.2, algorithm S), into `to`. */
function sample(items: Int32Array, size: number, rng: Rng, to: Int32Array): void {
  if (size === items.length) {
    to.set(items);
    return;
  }
  let taken = 0;
  for (let i = 0; taken < size; i++) {
    if ((items.length - i) * rng.uniform() < size - taken) to[taken++] = items[i]!;
  }
}

/** Log-odds of the weighted mean target as a float32, kept away from the infinities of a mean of 0 or 1. */
function logitOfMean(y: Float64Array, weights: Float64Array | null): number {
  let sum = 0;
  let total = 0;
  for (let row = 0; row < y.length; row++) {
    const weight = weights === null ? 1 : weights[row]!;
    sum += weight * y[row]!;
    total += weight;
  }
  const mean = Math.min(Math.max(sum / total, 1e-6), 1 - 1e-6);
  return Math.fround(ln(mean / (1 - mean)));
}

function allowedColumns(x: Matrix, params: GbdtParams): Int32Array {
  if (params.columns === undefined) return Int32Array.from({ length: x.columns }, (_, column) => column);
  for (const column of params.columns) {
    if (!Number.isInteger(column) || column < 0 || column >= x.columns) {
      throw new RangeError(`column ${column} is not one of 0…${x.columns - 1}`);
    }
  }
  if (params.columns.length === 0) throw new RangeError('no column is allowed to split');
  return Int32Array.from(new Set(params.columns)).sort();
}

function checkParams(x: Matrix, params: GbdtParams): void {
  const mustBe = (name: keyof GbdtParams, holds: boolean, expected: string): void => {
    if (!holds) throw new RangeError(`${name} is ${String(params[name])}, expected ${expected}`);
  };
  const isCount = (value: number, least: number): boolean => Number.isInteger(value) && value >= least;
  mustBe('rounds', isCount(params.rounds, 0), 'an integer ≥ 0');
  mustBe('leaves', isCount(params.leaves, 2), 'an integer ≥ 2');
  mustBe('minDataInLeaf', isCount(params.minDataInLeaf, 1), 'an integer ≥ 1');
  mustBe('maxBins', isCount(params.maxBins, 2) && params.maxBins <= 255, 'an integer in 2…255');
  mustBe('learningRate', params.learningRate > 0 && params.learningRate <= 1, 'a number in (0, 1]');
  mustBe('l2', params.l2 >= 0 && Number.isFinite(params.l2), 'a number ≥ 0');
  mustBe('minGain', params.minGain >= 0, 'a number ≥ 0');
  mustBe('rowFraction', params.rowFraction > 0 && params.rowFraction <= 1, 'a number in (0, 1]');
  mustBe('columnFraction', params.columnFraction > 0 && params.columnFraction <= 1, 'a number in (0, 1]');
  if (x.rows > MAX_ROWS) throw new RangeError(`${x.rows} rows, expected at most ${MAX_ROWS}`);
}

function checkRows({ x, y, weights }: LabelledMatrix): void {
  if (x.values.length !== x.rows * x.columns || y.length !== x.rows || (weights && weights.length !== x.rows)) {
    throw new RangeError(`shapes differ: ${x.rows}×${x.columns} with ${x.values.length} values, ${y.length} targets`);
  }
  for (let row = 0; row < x.rows; row++) {
    if (!(y[row]! >= 0 && y[row]! <= 1)) throw new RangeError(`target ${y[row]} of row ${row} is not in [0, 1]`);
    if (weights && !(weights[row]! >= 0 && weights[row]! < Infinity)) {
      throw new RangeError(`weight ${weights[row]} of row ${row} is not a number ≥ 0`);
    }
  }
}
