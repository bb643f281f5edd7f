import { createRng } from '../../rng.ts';
import type { Rng } from '../../ports.ts';
import { nextAbove, nextBelow } from '../onnx/float32.ts';
import type { TreeEnsemble } from '../onnx/tree_ensemble.ts';
import { answersPerRow, openOwnModel, type OwnModel } from '../own_model.ts';
import { PASS_ROWS } from './pack.ts';

/** Maximum distance of an answer from onnxruntime's. */
export const CROSS_CHECK_TOLERANCE = 1e-6;
/** More than half of the values of a column are exactly at a threshold: 300 thresholds are tested. */
const RANDOM_ROWS = 600;
/** Rows per call: every way through the kernel, one row to full passes with each number of vectors left over. */
const CALLS = [1, 2, 7, PASS_ROWS, PASS_ROWS + 1, 3 * PASS_ROWS + 5, 4, 8, 2 * PASS_ROWS, 11];

/** Compared rows and the largest difference; Infinity where only one answer is a number. */
export interface CrossCheckResult {
  readonly rows: number;
  readonly largestDifference: number;
}

/** What was found, in words. */
export function checkNote({ rows, largestDifference }: CrossCheckResult): string {
  return `${largestDifference === 0 ? 'equal to' : `within ${largestDifference} of`} onnxruntime on ${rows} rows`;
}

/** Why onnxruntime scores a model whose answers differ. */
export function differenceNote({ largestDifference }: CrossCheckResult): string {
  return `our own answers differ by up to ${largestDifference}`;
}

/**
 * Rows that test every node at its limits: values exactly at thresholds and their float32 neighbors, between and far
 * from them, missing, infinite and both zeros. The same seed, the same rows: [rows × columns].
 */
export function checkRows({ columns, trees }: TreeEnsemble, seed: string): Float32Array {
  const rng = createRng(seed);
  const thresholds = Array.from({ length: columns }, (): number[] => []);
  for (const { feature, threshold } of trees)
    feature.forEach((column, node) => {
      if (column >= 0) thresholds[column]!.push(threshold[node]!);
    });
  for (const own of thresholds) shuffle(rng, own);
  const cursors = new Int32Array(columns);
  const uniform = [NaN, Infinity, -Infinity, 0, -0, 3.4028234663852886e38, -1.401298464324817e-45];
  const rows = [
    ...uniform.map((value) => new Array<number>(columns).fill(value)),
    ...Array.from({ length: RANDOM_ROWS }, () => thresholds.map((own, column) => hardValue(rng, own, cursors, column))),
  ];
  return Float32Array.from(rows.flat());
}

/** Rows at the limits of the nodes of each of a model's ensembles of trees; without trees rows of all sizes. */
export function hardRows(
  { columns, ensembles }: { readonly columns: number; readonly ensembles: readonly TreeEnsemble[] },
  seed: string,
): Float32Array[] {
  const tested = ensembles.length > 0 ? ensembles : [{ columns, baseScore: 0, trees: [] }];
  return tested.map((ensemble, i) => checkRows(ensemble, i === 0 ? seed : `${seed}/${i}`));
}

/** Fisher and Yates's. */
function shuffle(rng: Rng, values: number[]): void {
  for (let i = values.length - 1; i > 0; i--) {
    const other = rng.integer(i + 1);
    [values[i], values[other]] = [values[other]!, values[i]!];
  }
}

/** @param cursors per column the threshold whose turn it is: each one has its turn before one has two */
function hardValue(rng: Rng, thresholds: readonly number[], cursors: Int32Array, column: number): number {
  const kind = rng.uniform();
  if (kind < 0.06) return NaN;
  if (kind < 0.1) return rng.uniform() < 0.5 ? Infinity : -Infinity;
  if (kind < 0.13) return rng.uniform() < 0.5 ? 0 : -0;
  if (kind < 0.2 || thresholds.length === 0) return rng.normal() * 10 ** (rng.integer(13) - 6);
  if (kind >= 0.4) return thresholds[cursors[column]!++ % thresholds.length]!;
  const threshold = thresholds[rng.integer(thresholds.length)]!;
  if (kind < 0.25) return nextAbove(threshold);
  if (kind < 0.3) return nextBelow(threshold);
  const other = thresholds[rng.integer(thresholds.length)]!;
  return threshold + (other - threshold) * rng.uniform();
}

/**
 * Compares the answers of our own code with those of onnxruntime, row by row, through every way of the kernel.
 * @param features [rows × columns]
 * @param answers onnxruntime's, [rows × answers of the model], by row
 */
export function checkAnswers(
  model: OwnModel,
  columns: number,
  features: Float32Array,
  answers: Float32Array,
): CrossCheckResult {
  const score = openOwnModel(model, Math.max(...CALLS));
  const width = answersPerRow(model);
  const rows = answers.length / width;
  let largestDifference = 0;
  for (let row = 0, call = 0; row < rows; call++) {
    const count = Math.min(CALLS[call % CALLS.length]!, rows - row);
    const own = score(features.subarray(row * columns, (row + count) * columns), count);
    for (let i = 0; i < count * width; i++)
      largestDifference = Math.max(largestDifference, difference(own[i]!, answers[row * width + i]!));
    row += count;
  }
  return { rows, largestDifference };
}

function difference(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  const distance = Math.abs(a - b);
  return Number.isNaN(distance) ? Infinity : distance;
}
