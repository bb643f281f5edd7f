import { MISSING_BIN, type BinnedMatrix } from './binning.ts';

/**
 * A histogram holds two float64 numbers per bin and slot, `[slot][bin][2]`: the sum of gradients, and the sum of
 * hessians with the row count packed below it (`hessian * countRange + count`). All are integers below 2^53, so sums are
 * exact: they do not depend on the order of rows, and a sibling is parent minus child without rounding.
 */
export const BIN_STRIDE = 2;
export const SLOT_STRIDE = (MISSING_BIN + 1) * BIN_STRIDE;

/** Integer gradients of one boosting round; `[rows][2]` in the histogram's two-number form. */
export interface Gradients {
  readonly packed: Float64Array;
  /** What one unit of the integer gradient or hessian is worth. */
  gradientUnit: number;
  hessianUnit: number;
  /** A power of two above the number of rows. */
  readonly countRange: number;
}

export function createGradients(rows: number): Gradients {
  return {
    packed: new Float64Array(rows * 2),
    gradientUnit: 1,
    hessianUnit: 1,
    countRange: 2 ** Math.ceil(Math.log2(rows + 1)),
  };
}

/**
 * Rounds gradients and hessians to integers, as finely as exact sums over all rows allow (at most 30 bits; for 200,000
 * rows 30 and 16 bits). A hessian is at least one unit, so that no leaf divides by zero.
 */
export function quantise(target: Gradients, gradients: Float64Array, hessians: Float64Array): void {
  const { packed, countRange } = target;
  let gradientMax = 0;
  let hessianMax = 0;
  for (let row = 0; row < gradients.length; row++) {
    const size = Math.abs(gradients[row]!);
    if (size > gradientMax) gradientMax = size;
    if (hessians[row]! > hessianMax) hessianMax = hessians[row]!;
  }
  const gradientSteps = Math.min(2 ** 30, 2 ** 52 / countRange);
  const hessianSteps = Math.min(2 ** 30, Math.floor(2 ** 52 / countRange / countRange));
  target.gradientUnit = (gradientMax || 1) / gradientSteps;
  target.hessianUnit = (hessianMax || 1) / hessianSteps;
  const gradientScale = gradientSteps / (gradientMax || 1);
  const hessianScale = hessianSteps / (hessianMax || 1);
  for (let row = 0; row < gradients.length; row++) {
    packed[2 * row] = Math.floor(gradients[row]! * gradientScale + 0.5);
    const hessian = Math.max(1, Math.floor(hessians[row]! * hessianScale + 0.5));
    packed[2 * row + 1] = hessian * countRange + 1;
  }
}

/**
 * Fills the histogram of a leaf (rows `order[start…end)`) for the given slots. `scratch` holds 2 numbers per row.
 * Four columns share each load of a row number and its gradients; that halves the time of one column at a time.
 */
export function fillHistogram(
  histogram: Float64Array,
  data: BinnedMatrix,
  slots: Int32Array,
  order: Int32Array,
  start: number,
  end: number,
  gradients: Gradients,
  scratch: Float64Array,
): void {
  histogram.fill(0);
  const { packed } = gradients;
  for (let i = start, to = 0; i < end; i++, to += 2) {
    const from = 2 * order[i]!;
    scratch[to] = packed[from]!;
    scratch[to + 1] = packed[from + 1]!;
  }
  let s = 0;
  for (; s + 4 <= slots.length; s += 4) {
    addFourColumns(histogram, data, slots[s]!, slots[s + 1]!, slots[s + 2]!, slots[s + 3]!, order, start, end, scratch);
  }
  for (; s < slots.length; s++) addColumn(histogram, data, slots[s]!, order, start, end, scratch);
}

function addFourColumns(
  histogram: Float64Array,
  { bins, rows }: BinnedMatrix,
  a: number,
  b: number,
  c: number,
  d: number,
  order: Int32Array,
  start: number,
  end: number,
  scratch: Float64Array,
): void {
  const [columnA, columnB, columnC, columnD] = [a * rows, b * rows, c * rows, d * rows];
  const [baseA, baseB, baseC, baseD] = [a * SLOT_STRIDE, b * SLOT_STRIDE, c * SLOT_STRIDE, d * SLOT_STRIDE];
  for (let i = start, from = 0; i < end; i++, from += 2) {
    const row = order[i]!;
    const gradient = scratch[from]!;
    const hessian = scratch[from + 1]!;
    const toA = baseA + bins[columnA + row]! * BIN_STRIDE;
    const toB = baseB + bins[columnB + row]! * BIN_STRIDE;
    const toC = baseC + bins[columnC + row]! * BIN_STRIDE;
    const toD = baseD + bins[columnD + row]! * BIN_STRIDE;
    histogram[toA] = histogram[toA]! + gradient;
    histogram[toA + 1] = histogram[toA + 1]! + hessian;
    histogram[toB] = histogram[toB]! + gradient;
    histogram[toB + 1] = histogram[toB + 1]! + hessian;
    histogram[toC] = histogram[toC]! + gradient;
    histogram[toC + 1] = histogram[toC + 1]! + hessian;
    histogram[toD] = histogram[toD]! + gradient;
    histogram[toD + 1] = histogram[toD + 1]! + hessian;
  }
}

function addColumn(
  histogram: Float64Array,
  { bins, rows }: BinnedMatrix,
  slot: number,
  order: Int32Array,
  start: number,
  end: number,
  scratch: Float64Array,
): void {
  const column = slot * rows;
  const base = slot * SLOT_STRIDE;
  for (let i = start, from = 0; i < end; i++, from += 2) {
    const to = base + bins[column + order[i]!]! * BIN_STRIDE;
    histogram[to] = histogram[to]! + scratch[from]!;
    histogram[to + 1] = histogram[to + 1]! + scratch[from + 1]!;
  }
}

/** Turns the parent's histogram into the sibling's: parent − child, exact. */
export function subtractHistogram(parent: Float64Array, child: Float64Array): void {
  for (let i = 0; i < parent.length; i++) parent[i] = parent[i]! - child[i]!;
}
