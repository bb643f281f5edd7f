import { exp, ln } from '../../../shared/elementary.ts';

export interface Prediction {
  readonly mean: number;
  /** Of the function, without the noise of a measurement. */
  readonly std: number;
}

export interface GaussianProcess {
  predict(point: readonly number[]): Prediction;
}

const LENGTHS = [0.1, 0.2, 0.4, 0.8, 1.6] as const;
/** Variance of the noise as a share of that of the values. */
const NOISES = [1e-4, 1e-2, 1e-1] as const;

/**
 * A Gaussian process through measured values on the unit square (Rasmussen & Williams 2006, ch. 2): Matérn 5/2 kernel
 * with a length per axis. Lengths and noise are those of a small grid with the largest marginal likelihood (ch. 5).
 * @param points [n][2], each in [0, 1]; n ≥ 1
 * @param values [n], finite
 */
export function fitGaussianProcess(points: readonly (readonly number[])[], values: readonly number[]): GaussianProcess {
  const count = points.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0) / count;
  const scale = variance > 0 ? Math.sqrt(variance) : 1;
  const targets = Float64Array.from(values, (value) => (value - mean) / scale);

  let best: { lengths: readonly number[]; factor: Float64Array; solution: Float64Array } | null = null;
  let most = -Infinity;
  for (const first of LENGTHS) {
    for (const second of LENGTHS) {
      const lengths = [first, second];
      for (const noise of NOISES) {
        const factor = cholesky(covariance(points, lengths, noise), count);
        const solution = solveUpper(factor, solveLower(factor, targets));
        let likelihood = 0;
        for (let i = 0; i < count; i++) likelihood -= (targets[i]! * solution[i]!) / 2 + ln(factor[i * count + i]!);
        if (likelihood > most) {
          most = likelihood;
          best = { lengths, factor, solution };
        }
      }
    }
  }
  if (best === null) throw new RangeError('no finite likelihood: a point or value is not a number');
  const { lengths, factor, solution } = best;
  return {
    predict(point) {
      const near = Float64Array.from(points, (other) => matern(point, other, lengths));
      const reduced = solveLower(factor, near);
      let sum = 0;
      let explained = 0;
      for (let i = 0; i < count; i++) {
        sum += near[i]! * solution[i]!;
        explained += reduced[i]! * reduced[i]!;
      }
      return { mean: mean + scale * sum, std: scale * Math.sqrt(Math.max(0, 1 - explained)) };
    },
  };
}

function matern(a: readonly number[], b: readonly number[], lengths: readonly number[]): number {
  let squares = 0;
  for (let axis = 0; axis < lengths.length; axis++) {
    const apart = (a[axis]! - b[axis]!) / lengths[axis]!;
    squares += apart * apart;
  }
  const r = Math.sqrt(5 * squares);
  return (1 + r + (r * r) / 3) * exp(-r);
}

/** [n × n] by rows, the noise on the diagonal. */
function covariance(points: readonly (readonly number[])[], lengths: readonly number[], noise: number): Float64Array {
  const count = points.length;
  const matrix = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) matrix[i * count + j] = matern(points[i]!, points[j]!, lengths);
    matrix[i * count + i] = 1 + noise;
  }
  return matrix;
}

/** L with L·Lᵀ = matrix, replacing its lower half. */
function cholesky(matrix: Float64Array, count: number): Float64Array {
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * count + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * count + k]! * matrix[j * count + k]!;
      matrix[i * count + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * count + j]!;
    }
  }
  return matrix;
}

/** x with L·x = right. */
function solveLower(factor: Float64Array, right: Float64Array): Float64Array {
  const count = right.length;
  const x = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let sum = right[i]!;
    for (let k = 0; k < i; k++) sum -= factor[i * count + k]! * x[k]!;
    x[i] = sum / factor[i * count + i]!;
  }
  return x;
}

/** x with Lᵀ·x = right. */
function solveUpper(factor: Float64Array, right: Float64Array): Float64Array {
  const count = right.length;
  const x = new Float64Array(count);
  for (let i = count - 1; i >= 0; i--) {
    let sum = right[i]!;
    for (let k = i + 1; k < count; k++) sum -= factor[k * count + i]! * x[k]!;
    x[i] = sum / factor[i * count + i]!;
  }
  return x;
}
