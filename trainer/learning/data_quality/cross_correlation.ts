/** Values on a grid of equal time steps; NaN = missing. */
export interface Grid {
  /** Epoch seconds of the first element, a multiple of `step`. */
  readonly from: number;
  /** Seconds from one element to the next. */
  readonly step: number;
  readonly values: Float64Array;
}

/** An estimate with its standard error. */
export interface Estimate {
  readonly value: number;
  readonly error: number;
}

/** Fewer blocks of time give no usable standard error. */
const MIN_BLOCKS = 40;
const USUAL_BLOCKS = 60;
/** Elements of a block at least. */
const MIN_BLOCK_SIZE = 16;
/** Lags around a peak, and those beside it that give its baseline. */
const PEAK_HALF_WIDTH = 2;
const BASELINE_REACH = 8;

/**
 * Correlation of a at t with b at t + k, for all lags |k| ≤ reach at once. Each standard error comes from the variation
 * of the products between some sixty blocks of time, so that clusters of large values do not make it too small.
 */
export interface CrossCorrelation {
  /** In steps. */
  readonly reach: number;
  /** Of each lag, −reach first; without the work of a standard error. */
  readonly values: Float64Array;
  /** @param lag in steps; positive: b comes later */
  at(lag: number): Estimate;
  /** Correlation at the lag minus the mean of those 3 to 8 steps beside it: what does not come from slow variation. */
  sharpness(lag: number): Estimate;
  /** Sum of the correlations at the lags `from` … `to`. */
  band(from: number, to: number): Estimate;
  /** Correlation at one lag minus that at another. */
  difference(lag: number, other: number): Estimate;
  /** Blocks of time, the oldest first; together they are the common period but a rest at its end. */
  readonly blocks: number;
  /** Epoch seconds of a block's start; of `blocks`, the end of the last one. */
  startOf(block: number): number;
  /** `count` blocks from `block` on. */
  part(block: number, count: number): PartCorrelation;
}

/** Correlation over a part of the time. It has too few blocks for a standard error. */
export interface PartCorrelation {
  /** Of each lag, −reach first. */
  readonly values: Float64Array;
  /** Share of the part in the squares of both series, 0…1. */
  readonly share: number;
}

/**
 * @param a with mean 0 over its known values
 * @param b likewise, of the same step
 * @returns null when their common period has fewer than 40 blocks of 16 steps, or one of them is constant
 */
export function crossCorrelate(a: Grid, b: Grid, reach: number): CrossCorrelation | null {
  const { step } = a;
  const from = Math.max(a.from, b.from);
  const to = Math.min(a.from + a.values.length * step, b.from + b.values.length * step);
  const length = Math.floor((to - from) / step);
  const size = Math.max(MIN_BLOCK_SIZE, blockSize(Math.floor(length / USUAL_BLOCKS), reach));
  const blocks = Math.floor(length / size);
  if (blocks < MIN_BLOCKS) return null;
  const known = {
    a: withoutMissing(a.values.subarray((from - a.from) / step)),
    b: withoutMissing(b.values.subarray((from - b.from) / step)),
  };
  const sums = blockSums(known.a, known.b, { blocks, size, reach });
  return sums === null ? null : estimates(sums, { reach, from, blockSeconds: size * step });
}

/** Up to half as long as wanted, where that halves the transform. */
function blockSize(wanted: number, reach: number): number {
  const shorter = powerOfTwo(wanted + 2 * reach) / 2 - 2 * reach;
  return shorter >= wanted / 2 ? shorter : wanted;
}

function withoutMissing(values: Float64Array): Float64Array {
  return values.map((value) => (Number.isNaN(value) ? 0 : value));
}

/** Sums over blocks of time, as shares of the whole. */
interface BlockSums {
  /** Of products at each lag −reach…reach, divided by the norm of both series: their sum is the correlation. */
  readonly products: readonly Float64Array[];
  /** Mean share of a block in the squares of both series. */
  readonly shares: Float64Array;
}

interface Layout {
  readonly blocks: number;
  readonly size: number;
  readonly reach: number;
}

/** @returns null when one of the series is constant */
function blockSums(a: Float64Array, b: Float64Array, { blocks, size, reach }: Layout): BlockSums | null {
  const squares = (values: Float64Array): Float64Array => {
    const sums = new Float64Array(blocks);
    for (let i = 0; i < blocks * size; i++) sums[Math.floor(i / size)]! += values[i]! * values[i]!;
    return sums;
  };
  const total = (sums: Float64Array): number => sums.reduce((sum, own) => sum + own, 0);
  const squaresA = squares(a);
  const squaresB = squares(b);
  const totalA = total(squaresA);
  const totalB = total(squaresB);
  if (!(totalA > 0 && totalB > 0)) return null;
  const norm = Math.sqrt(totalA * totalB);
  const n = powerOfTwo(size + 2 * reach);
  const transform = fourierTransform(n);
  const re = new Float64Array(n);
  const im = new Float64Array(n);
  const products: Float64Array[] = [];
  for (let block = 0; block < blocks; block++) {
    const start = block * size;
    re.fill(0);
    im.fill(0);
    re.set(a.subarray(start, start + size));
    const before = Math.max(0, start - reach);
    im.set(b.subarray(before, start + size + reach), before - (start - reach));
    const sums = correlateReal(transform, re, im, 2 * reach + 1);
    products.push(sums.map((sum) => sum / norm));
  }
  const shares = squaresA.map((own, block) => (own / totalA + squaresB[block]! / totalB) / 2);
  return { products, shares };
}

interface Blocks {
  readonly reach: number;
  /** Epoch seconds of the first one's start. */
  readonly from: number;
  readonly blockSeconds: number;
}

function estimates({ products, shares }: BlockSums, { reach, from, blockSeconds }: Blocks): CrossCorrelation {
  const blocks = products.length;
  /** A weighted sum of lags: its value is the sum over blocks, its error that of a ratio of sums over blocks. */
  const estimate = (of: (sums: Float64Array) => number): Estimate => {
    const own = products.map(of);
    const value = own.reduce((sum, part) => sum + part, 0);
    const squared = own.reduce((sum, part, block) => sum + (part - value * shares[block]!) ** 2, 0);
    return { value, error: Math.sqrt((squared * blocks) / (blocks - 1)) };
  };
  const values = new Float64Array(2 * reach + 1);
  for (const sums of products) sums.forEach((sum, lag) => (values[lag]! += sum));
  return {
    reach,
    values,
    at: (lag) => estimate((sums) => sums[reach + lag]!),
    sharpness: (lag) => estimate((sums) => aboveNeighbors(sums, reach + lag)),
    band: (from, to) =>
      estimate((sums) => sums.subarray(reach + from, reach + to + 1).reduce((sum, own) => sum + own, 0)),
    difference: (lag, other) => estimate((sums) => sums[reach + lag]! - sums[reach + other]!),
    blocks,
    startOf: (block) => from + block * blockSeconds,
    part(block, count) {
      const part = new Float64Array(2 * reach + 1);
      for (const sums of products.slice(block, block + count)) sums.forEach((sum, lag) => (part[lag]! += sum));
      const share = shares.subarray(block, block + count).reduce((sum, own) => sum + own, 0);
      return { values: part.map((sum) => (share > 0 ? sum / share : 0)), share };
    },
  };
}

/** An element minus the mean of those 3 to 8 places beside it. */
export function aboveNeighbors(values: Float64Array, at: number): number {
  let baseline = 0;
  let count = 0;
  for (let beside = PEAK_HALF_WIDTH + 1; beside <= BASELINE_REACH; beside++) {
    if (at >= beside) {
      baseline += values[at - beside]!;
      count++;
    }
    if (at + beside < values.length) {
      baseline += values[at + beside]!;
      count++;
    }
  }
  return values[at]! - baseline / count;
}

type Transform = (re: Float64Array, im: Float64Array) => void;

/** Σ a(i) · b(i + j) for j in 0…lags − 1, of a = `re` and b = `im`, which it overwrites. */
function correlateReal(transform: Transform, re: Float64Array, im: Float64Array, lags: number): Float64Array {
  const n = re.length;
  transform(re, im);
  // The transforms A and B of two real sequences in one, Z = A + iB. Wanted is A* · B, and of it the conjugate, since
  // the inverse of a transform with a real result is the transform of its conjugate over n.
  const outRe = new Float64Array(n);
  const outIm = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    const mirrored = (n - k) & (n - 1);
    const aRe = (re[k]! + re[mirrored]!) / 2;
    const aIm = (im[k]! - im[mirrored]!) / 2;
    const bRe = (im[k]! + im[mirrored]!) / 2;
    const bIm = (re[mirrored]! - re[k]!) / 2;
    outRe[k] = aRe * bRe + aIm * bIm;
    outIm[k] = aIm * bRe - aRe * bIm;
  }
  transform(outRe, outIm);
  return outRe.subarray(0, lags).map((sum) => sum / n);
}

function powerOfTwo(atLeast: number): number {
  let n = 1;
  while (n < atLeast) n *= 2;
  return n;
}

/** Discrete Fourier transform of n = 2^m elements, in place (Cooley & Tukey 1965). */
function fourierTransform(n: number): Transform {
  const cosines = new Float64Array(n / 2);
  const sines = new Float64Array(n / 2);
  for (let i = 0; i < n / 2; i++) {
    cosines[i] = Math.cos((2 * Math.PI * i) / n);
    sines[i] = -Math.sin((2 * Math.PI * i) / n);
  }
  const reversed = new Uint32Array(n);
  for (let i = 1; i < n; i++) reversed[i] = (reversed[i >> 1]! >> 1) | (i & 1 ? n >> 1 : 0);
  return (re, im) => {
    for (let i = 0; i < n; i++) {
      const j = reversed[i]!;
      if (j <= i) continue;
      [re[i], re[j]] = [re[j]!, re[i]!];
      [im[i], im[j]] = [im[j]!, im[i]!];
    }
    for (let half = 1; half < n; half *= 2) {
      const stride = n / (2 * half);
      for (let start = 0; start < n; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const cosine = cosines[k * stride]!;
          const sine = sines[k * stride]!;
          const upper = start + k;
          const lower = upper + half;
          const turnedRe = re[lower]! * cosine - im[lower]! * sine;
          const turnedIm = re[lower]! * sine + im[lower]! * cosine;
          re[lower] = re[upper]! - turnedRe;
          im[lower] = im[upper]! - turnedIm;
          re[upper] = re[upper]! + turnedRe;
          im[upper] = im[upper]! + turnedIm;
        }
      }
    }
  };
}
