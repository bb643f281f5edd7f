import { sigmoid } from '../../../shared/elementary.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { solve } from '../calibrate/linear_solve.ts';
import type { DatasetRows } from '../dataset/dataset.ts';
import type { Entrant, FittedEntrant } from './entrant.ts';

/** Weight of the squared coefficients beside the mean log loss. */
const RIDGE = 1e-4;
/** Newton's method is done when no coefficient moves by more than this. */
const TOLERANCE = 1e-8;
const MAX_STEPS = 50;
/** Standardized values further out count as this: a linear model follows a single outlier as far as it goes. */
const CLIP = 5;
const MIN_CURVATURE = 1e-9;

/** Per column: what is subtracted from a value, and what it is then divided by. */
interface Scaling {
  readonly mean: Float64Array;
  /** Infinity for a column without variation, which then counts as 0. */
  readonly deviation: Float64Array;
}

/**
 * Ridge logistic regression on columns that are standardized by the training rows; a missing value counts as the mean.
 * Newton's method (iteratively reweighted least squares; McCullagh & Nelder 1989, ch. 2.5) from zero: the same rows
 * give the same bits.
 */
export const LOGISTIC: Entrant = {
  name: 'logistic',
  complexity: 1,
  fit: (rows, subset) => Promise.resolve(fitLogistic(rows, subset)),
};

export interface LogisticModel extends FittedEntrant {
  /** Of the standardized columns, [columns]. */
  readonly coefficients: Float64Array;
  readonly intercept: number;
}

export function fitLogistic(rows: Pick<DatasetRows, 'x' | 'y' | 'weights'>, subset: Int32Array): LogisticModel {
  const { columns } = rows.x;
  const scaling = scalingOf(rows, subset);
  // The last coefficient is the intercept, which is not penalized.
  const size = columns + 1;
  const coefficients = new Float64Array(size);
  const z = new Float64Array(size);
  for (let step = 0; step < MAX_STEPS; step++) {
    const gradient = new Float64Array(size);
    const hessian = Array.from({ length: size }, () => new Float64Array(size));
    let total = 0;
    for (const row of subset) {
      standardize(rows.x, row, scaling, z);
      const weight = rows.weights[row]!;
      const p = sigmoid(dot(coefficients, z));
      const residual = weight * (p - rows.y[row]!);
      const curvature = weight * Math.max(p * (1 - p), MIN_CURVATURE);
      total += weight;
      for (let i = 0; i < size; i++) {
        gradient[i]! += residual * z[i]!;
        const scaled = curvature * z[i]!;
        const ofRow = hessian[i]!;
        for (let j = 0; j <= i; j++) ofRow[j]! += scaled * z[j]!;
      }
    }
    for (let i = 0; i < columns; i++) {
      gradient[i]! += total * RIDGE * coefficients[i]!;
      hessian[i]![i]! += total * RIDGE;
    }
    for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) hessian[j]![i] = hessian[i]![j]!;
    const change = solve(hessian, gradient);
    let largest = 0;
    for (let i = 0; i < size; i++) {
      coefficients[i]! -= change[i]!;
      largest = Math.max(largest, Math.abs(change[i]!));
    }
    if (largest < TOLERANCE) break;
  }
  return {
    coefficients: coefficients.subarray(0, columns),
    intercept: coefficients[columns]!,
    probabilities(x) {
      const answers = new Float64Array(x.rows);
      for (let row = 0; row < x.rows; row++) {
        standardize(x, row, scaling, z);
        answers[row] = sigmoid(dot(coefficients, z));
      }
      return answers;
    },
  };
}

/** Weighted mean and standard deviation of the known values of each column. */
function scalingOf({ x, weights }: Pick<DatasetRows, 'x' | 'weights'>, subset: Int32Array): Scaling {
  const { columns, values } = x;
  const mean = new Float64Array(columns);
  const deviation = new Float64Array(columns).fill(Infinity);
  for (let column = 0; column < columns; column++) {
    let total = 0;
    let sum = 0;
    for (const row of subset) {
      const value = values[row * columns + column]!;
      if (Number.isNaN(value)) continue;
      total += weights[row]!;
      sum += weights[row]! * value;
    }
    if (total === 0) continue;
    mean[column] = sum / total;
    let squares = 0;
    for (const row of subset) {
      const value = values[row * columns + column]!;
      if (!Number.isNaN(value)) squares += weights[row]! * (value - mean[column]!) ** 2;
    }
    if (squares > 0) deviation[column] = Math.sqrt(squares / total);
  }
  return { mean, deviation };
}

/** Writes a row into `z`, and 1 behind it for the intercept. */
function standardize({ columns, values }: Matrix, row: number, { mean, deviation }: Scaling, z: Float64Array): void {
  for (let column = 0; column < columns; column++) {
    const value = (values[row * columns + column]! - mean[column]!) / deviation[column]!;
    z[column] = Number.isNaN(value) ? 0 : Math.min(Math.max(value, -CLIP), CLIP);
  }
  z[columns] = 1;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
