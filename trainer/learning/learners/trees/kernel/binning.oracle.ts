const float32 = new Float32Array(1);
const float32Bits = new Int32Array(float32.buffer);

/** The next float32 toward −Infinity. */
function below(x: number): number {
  if (x === 0) return -1.401298464324817e-45;
  float32[0] = x;
  float32Bits[0] = float32Bits[0]! + (x > 0 ? -1 : 1);
  return float32[0];
}

/**
 * A float32 threshold t with lower ≤ t < upper for two float32 numbers lower < upper: their midpoint rounded down, or
 * `lower` itself where there is none (neighbors, infinities). Rounding to nearest could reach `upper`, and rows that
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
