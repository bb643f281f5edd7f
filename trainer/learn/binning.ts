import type { Matrix } from '../../shared/bundle/onnx/tree_ensemble.ts';

/** The bin of missing values in every column. Value bins count up from 0, so there are at most 255 of them. */
export const MISSING_BIN = 255;

/** A matrix with its values replaced by bin numbers, by column: `bins[slot * rows + row]`. */
export interface BinnedMatrix {
  readonly rows: number;
  /** The matrix columns that were binned, ascending; a "slot" is an index into this list. */
  readonly columns: Int32Array;
  readonly bins: Uint8Array;
  /** Per slot, `edges[b]` is the float32 threshold between bin b and b + 1: bin(x) = how many edges are below x. */
  readonly edges: readonly Float32Array[];
}

const float32 = new Float32Array(1);
const float32Bits = new Int32Array(float32.buffer);

/** The next float32 towards −Infinity. */
function below(x: number): number {
  if (x === 0) return -1.401298464324817e-45;
  float32[0] = x;
  float32Bits[0] = float32Bits[0]! + (x > 0 ? -1 : 1);
  return float32[0];
}

/**
 * A float32 threshold t with lower ≤ t < upper for two float32 numbers lower < upper: their midpoint rounded down, or
 * `lower` itself where there is none (neighbours, infinities). Rounding to nearest could reach `upper`, and rows that
 * tie with it would change sides between training and the float32 graph.
 */
export function float32Between(lower: number, upper: number): number {
  const middle = lower / 2 + upper / 2;
  let threshold = Math.fround(middle);
  if (threshold > middle) threshold = below(threshold);
  return threshold >= lower && threshold < upper && Number.isFinite(threshold) ? threshold : lower;
}

/**
 * Thresholds that cut ascending float32 values (no NaN) into at most `maxBins` bins of about equal row counts: one bin
 * per distinct value where they suffice; otherwise values too frequent to share get a bin of their own, the rest fill
 * up to the mean of what is left (the greedy rule of LightGBM, Ke et al. 2017).
 */
export function findEdges(sorted: Float32Array, maxBins: number): Float32Array {
  const starts: number[] = [];
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) starts.push(i);
  const distinct = starts.length;
  const count = (k: number): number => (k + 1 < distinct ? starts[k + 1]! : sorted.length) - starts[k]!;
  const edgeAfter = (k: number): number => float32Between(sorted[starts[k]!]!, sorted[starts[k + 1]!]!);

  const edges: number[] = [];
  if (distinct <= maxBins) {
    for (let k = 0; k + 1 < distinct; k++) edges.push(edgeAfter(k));
    return Float32Array.from(edges);
  }

  const mean = sorted.length / maxBins;
  let sharedRows = sorted.length;
  let sharedBins = maxBins;
  for (let k = 0; k < distinct; k++) {
    if (count(k) >= mean) {
      sharedRows -= count(k);
      sharedBins--;
    }
  }
  let filled = 0;
  for (let k = 0; k + 1 < distinct && edges.length < maxBins - 1; k++) {
    const alone = count(k) >= mean;
    filled += count(k);
    if (!alone) sharedRows -= count(k);
    const target = sharedBins > 0 ? (sharedRows + (alone ? 0 : filled)) / sharedBins : Infinity;
    if (alone || filled >= target || count(k + 1) >= mean) {
      edges.push(edgeAfter(k));
      if (!alone) sharedBins--;
      filled = 0;
    }
  }
  return Float32Array.from(edges);
}

/** How many edges are below x: its bin. Branch-free in x, because a mispredicted branch costs more than a step. */
function findBin(padded: Float32Array, x: number): number {
  let bin = 0;
  for (let step = 128; step >= 1; step >>= 1) bin += x > padded[bin + step - 1]! ? step : 0;
  return bin;
}

/**
 * Bins the given columns of a matrix; `rows` (or all rows when null) decide where the edges lie.
 * Work: one sort and `rows` binary searches per column.
 */
export function binMatrix(x: Matrix, columns: Int32Array, maxBins: number, rows: Int32Array | null): BinnedMatrix {
  const { values, columns: width } = x;
  const bins = new Uint8Array(columns.length * x.rows);
  const edges: Float32Array[] = [];
  const known = new Float32Array(rows === null ? x.rows : rows.length);
  const padded = new Float32Array(255);
  for (let slot = 0; slot < columns.length; slot++) {
    const column = columns[slot]!;
    let count = 0;
    for (let i = 0; i < known.length; i++) {
      const value = values[(rows === null ? i : rows[i]!) * width + column]!;
      if (value === value) known[count++] = value;
    }
    const found = findEdges(known.subarray(0, count).sort(), maxBins);
    edges.push(found);
    padded.fill(Infinity).set(found);
    const base = slot * x.rows;
    for (let row = 0; row < x.rows; row++) {
      const value = values[row * width + column]!;
      bins[base + row] = value === value ? findBin(padded, value) : MISSING_BIN;
    }
  }
  return { rows: x.rows, columns, bins, edges };
}
