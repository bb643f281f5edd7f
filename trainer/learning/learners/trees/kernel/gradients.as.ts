import { exp, exp4, ln } from './elementary.as';
import {
  BAG_LIMIT,
  BINARY,
  CHUNK_LEFT,
  CHUNK_LIMITS,
  CHUNK_ROWS,
  CLASS,
  CLASSES,
  CLASS_CODES,
  COUNT_BITS,
  FOCAL_ALPHA,
  FOCAL_GAMMA,
  FOREST,
  GRADIENTS,
  GRADIENT_STEPS,
  HESSIAN_STEPS,
  KEY,
  MULTICLASS,
  OBJECTIVE,
  PACKED,
  PART_ROWS,
  QUANTILE,
  QUANTILE_LOSS,
  ROWS,
  ROW_STRIDE,
  SCORES,
  TARGETS,
  WEIGHTS,
  WENT_LEFT,
  WENT_RIGHT,
} from './layout';

/**
 * Gradients and hessians of one chunk of rows, and their limits. Rows behind the last one get zeros and count for no
 * limit.
 */
export function differentiate(chunk: u32): void {
  const objective = load<u32>(OBJECTIVE);
  const chunkRows = load<u32>(CHUNK_ROWS);
  const from = chunk * chunkRows;
  const to = min<u32>(from + chunkRows, load<u32>(ROWS));
  if (objective == MULTICLASS) {
    differentiateClasses(chunk, from, to);
    return;
  }
  const scores = load<u32>(SCORES);
  const targets = load<u32>(TARGETS);
  const gradients = load<u32>(GRADIENTS);
  const weights = load<u32>(WEIGHTS);
  const quantile = load<f64>(QUANTILE) as f32;
  const codes = load<u32>(CLASS_CODES);
  const bootstraps = objective == FOREST && load<u32>(BAG_LIMIT) == 0;
  let largestGradient = f32x4.splat(0);
  let largestHessian = f32x4.splat(0);
  let smallestHessian = f32x4.splat(Infinity);
  const one = f32x4.splat(1);
  for (let row = from; row < to; row += 4) {
    const at = row * 8;
    const y0 = v128.load(targets + at);
    const y1 = v128.load(targets + at, 16);
    let g: v128;
    let h = one;
    if (objective == BINARY) {
      const s = narrow(v128.load(scores + at), v128.load(scores + at, 16));
      const y = narrow(y0, y1);
      // The smaller of the two probabilities is e / (1 + e): nothing cancels when the answer is nearly certain.
      const e = exp4(f32x4.neg(f32x4.abs(s)));
      const large = f32x4.div(one, f32x4.add(one, e));
      const small = f32x4.mul(e, large);
      const isPositive = f32x4.gt(s, f32x4.splat(0));
      g = v128.bitselect(f32x4.sub(f32x4.sub(one, y), small), f32x4.sub(small, y), isPositive);
      h = f32x4.mul(small, large);
    } else if (codes != 0) {
      g = f32x4.neg(codesOf(codes, targets + at));
    } else {
      g = narrow(f64x2.sub(v128.load(scores + at), y0), f64x2.sub(v128.load(scores + at, 16), y1));
      if (objective == QUANTILE_LOSS) {
        const isAbove = f32x4.ge(g, f32x4.splat(0));
        g = v128.bitselect(f32x4.splat(1 - quantile), f32x4.splat(-quantile), isAbove);
      }
    }
    let weight = weightsOf(weights, row, to);
    if (bootstraps) weight = f32x4.mul(weight, copiesOf(row));
    g = f32x4.mul(g, weight);
    h = f32x4.mul(h, weight);
    storeBoth(gradients + at, g, h);
    largestGradient = f32x4.pmax(largestGradient, f32x4.abs(g));
    largestHessian = f32x4.pmax(largestHessian, h);
    smallestHessian = f32x4.pmin(smallestHessian, positiveOrInfinite(h));
  }
  const limits = load<u32>(CHUNK_LIMITS) + chunk * 16;
  store<f32>(limits, largestOf(largestGradient));
  store<f32>(limits, largestOf(largestHessian), 4);
  store<f32>(limits, smallestOf(smallestHessian), 8);
}

/**
 * Softmax: gradient p − [y = k], hessian K/(K−1)·p·(1−p) as LightGBM has it. With e_k = exp(s_k − largest), 1 − p_k is
 * the sum of the other e by that of all. For the largest, whose e is 1, the others are added up by themselves: nothing
 * cancels when the answer is nearly certain.
 */
function differentiateClasses(chunk: u32, from: u32, to: u32): void {
  const stride = load<u32>(ROW_STRIDE) * 8;
  const classes = load<u32>(CLASSES);
  const scores = load<u32>(SCORES);
  const targets = load<u32>(TARGETS);
  const weights = load<u32>(WEIGHTS);
  const factor = f32x4.splat((classes as f32) / ((classes as f32) - 1));
  const end = scores + classes * stride;
  const one = f32x4.splat(1);
  const isFocal = load<f64>(FOCAL_ALPHA) > 0;
  const limits = load<u32>(CHUNK_LIMITS) + chunk * classes * 16;
  for (let k: u32 = 0; k < classes; k++) v128.store(limits + k * 16, f32x4(0, 0, Infinity, 0));
  for (let row = from; row < to; row += 4) {
    const at = row * 8;
    let top = f32x4.splat(-Infinity);
    for (let own = scores + at; own < end; own += stride) top = f32x4.pmax(top, scoresAt(own));
    let below = f32x4.splat(0);
    let largest = f32x4.splat(0);
    for (let own = scores + at; own < end; own += stride) {
      const e = exp4(f32x4.sub(scoresAt(own), top));
      const isLargest = f32x4.eq(e, one);
      below = f32x4.add(below, v128.andnot(e, isLargest));
      largest = f32x4.add(largest, v128.and(e, isLargest));
    }
    const sum = f32x4.add(below, largest);
    let weight = weightsOf(weights, row, to);
    const y = narrow(v128.load(targets + at), v128.load(targets + at, 16));
    if (isFocal) {
      let p = one;
      let others = f32x4.splat(0);
      for (let k: u32 = 0, own = scores + at; k < classes; k++, own += stride) {
        const e = exp4(f32x4.sub(scoresAt(own), top));
        const rest = v128.bitselect(f32x4.add(below, f32x4.sub(largest, one)), f32x4.sub(sum, e), f32x4.eq(e, one));
        const isTrue = f32x4.eq(y, f32x4.splat(k as f32));
        p = v128.bitselect(f32x4.div(e, sum), p, isTrue);
        others = v128.bitselect(f32x4.div(rest, sum), others, isTrue);
      }
      weight = f32x4.mul(weight, focalFactors(p, others));
    }
    let gradients = load<u32>(GRADIENTS) + at;
    let limit = limits;
    for (let k: u32 = 0, own = scores + at; k < classes; k++, own += stride, gradients += stride, limit += 16) {
      const e = exp4(f32x4.sub(scoresAt(own), top));
      const rest = v128.bitselect(f32x4.add(below, f32x4.sub(largest, one)), f32x4.sub(sum, e), f32x4.eq(e, one));
      const p = f32x4.div(e, sum);
      const others = f32x4.div(rest, sum);
      const g = f32x4.mul(v128.bitselect(f32x4.neg(others), p, f32x4.eq(y, f32x4.splat(k as f32))), weight);
      const h = f32x4.mul(f32x4.mul(factor, f32x4.mul(p, others)), weight);
      storeBoth(gradients, g, h);
      store<f32>(limit, max<f32>(load<f32>(limit), largestOf(f32x4.abs(g))));
      store<f32>(limit, max<f32>(load<f32>(limit, 4), largestOf(h)), 4);
      store<f32>(limit, min<f32>(load<f32>(limit, 8), smallestOf(positiveOrInfinite(h))), 8);
    }
  }
}

/**
 * The gradient of the focal loss −α·(1 − p)^γ·ln p by the logits is that of cross-entropy times
 * α·((1 − p)^γ − γ·p·(1 − p)^(γ−1)·ln p), p being the probability of the true class. The hessian is scaled alike, which
 * keeps it positive.
 */
function focalFactors(p: v128, others: v128): v128 {
  return f32x4(
    focalFactor(f32x4.extract_lane(p, 0), f32x4.extract_lane(others, 0)),
    focalFactor(f32x4.extract_lane(p, 1), f32x4.extract_lane(others, 1)),
    focalFactor(f32x4.extract_lane(p, 2), f32x4.extract_lane(others, 2)),
    focalFactor(f32x4.extract_lane(p, 3), f32x4.extract_lane(others, 3)),
  );
}

function focalFactor(p32: f32, others: f32): f32 {
  const gamma = load<f64>(FOCAL_GAMMA);
  const alpha = load<f64>(FOCAL_ALPHA);
  const p = max<f64>(p32 as f64, 1e-30);
  const q = max<f64>(others as f64, 1e-30);
  const power = exp(gamma * ln(q));
  return (alpha * (power - (gamma * p * power * ln(p)) / q)) as f32;
}

function scoresAt(at: u32): v128 {
  return narrow(v128.load(at), v128.load(at, 16));
}

/** Four float64 as float32. */
function narrow(a: v128, b: v128): v128 {
  return i64x2.shuffle(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2);
}

/** What the classes of four rows are taken for. */
function codesOf(codes: u32, targets: u32): v128 {
  return f32x4(
    codeOf(codes, targets),
    codeOf(codes, targets + 8),
    codeOf(codes, targets + 16),
    codeOf(codes, targets + 24),
  );
}

function codeOf(codes: u32, target: u32): f32 {
  return load<f32>(codes + ((load<f64>(target) as u32) << 2));
}

/** Weights of four rows; 0 behind the last one. */
function weightsOf(weights: u32, row: u32, to: u32): v128 {
  const weight = weights == 0 ? f32x4.splat(1) : v128.load(weights + row * 4);
  if (row + 4 <= to) return weight;
  const left = i32x4.splat(to - row);
  return v128.and(weight, i32x4.lt_s(i32x4(0, 1, 2, 3), left));
}

function positiveOrInfinite(h: v128): v128 {
  return v128.bitselect(h, f32x4.splat(Infinity), f32x4.gt(h, f32x4.splat(0)));
}

function storeBoth(at: u32, g: v128, h: v128): void {
  v128.store(at, i32x4.shuffle(g, h, 0, 4, 1, 5));
  v128.store(at, i32x4.shuffle(g, h, 2, 6, 3, 7), 16);
}

function largestOf(v: v128): f32 {
  const pairs = f32x4.pmax(v, i32x4.shuffle(v, v, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

function smallestOf(v: v128): f32 {
  return -largestOf(f32x4.neg(v));
}

/** A row's random number in this tree: a mixer of 32 bits (Wellons' lowbias32). */
function hash(row: u32): u32 {
  let x = row * 0x9e3779b1 + load<u32>(KEY);
  x = (x ^ (x >> 16)) * 0x7feb352d;
  x = (x ^ (x >> 15)) * 0x846ca68b;
  return x ^ (x >> 16);
}

/** How often four rows are in the bootstrap sample: Poisson(1), the limit of drawing with replacement. */
function copiesOf(row: u32): v128 {
  return f32x4(poisson(row), poisson(row + 1), poisson(row + 2), poisson(row + 3));
}

function poisson(row: u32): f32 {
  const u = (hash(row) as f64) / 4294967296;
  let copies: f32 = 0;
  // P(0) = 1/e, then P(k) = P(k − 1) / k.
  let share: f64 = 0.36787944117144233;
  let below = share;
  while (u >= below && copies < 12) {
    copies += 1;
    share /= copies as f64;
    below += share;
  }
  return copies;
}

/** Parts a chunk of all rows into those that are in the tree's sample and the rest. */
export function bag(chunk: u32): void {
  const from = chunk * PART_ROWS;
  const to = min<u32>(from + PART_ROWS, load<u32>(ROWS));
  const limit = load<u32>(BAG_LIMIT);
  const wentLeft = load<u32>(WENT_LEFT);
  const wentRight = load<u32>(WENT_RIGHT);
  let left = from;
  let right = from;
  for (let row = from; row < to; row++) {
    const isIn = limit == 0 ? poisson(row) > 0 : hash(row) < limit;
    store<u32>(wentLeft + left * 4, row);
    store<u32>(wentRight + right * 4, row);
    left += isIn as u32;
    right += !isIn as u32;
  }
  store<u32>(load<u32>(CHUNK_LEFT) + chunk * 4, left - from);
}

/**
 * Rounds the gradients of one class to integers, one 64-bit number per row: gradient above the hessian, or above the
 * bit that counts the row. Sums of them are exact, whatever their order.
 */
export function round(chunk: u32): void {
  const chunkRows = load<u32>(CHUNK_ROWS);
  const stride = load<u32>(ROW_STRIDE);
  const from = chunk * chunkRows;
  const to = min<u32>(from + chunkRows, stride);
  const gradients = load<u32>(GRADIENTS) + load<u32>(CLASS) * stride * 8;
  const packed = load<u32>(PACKED);
  const countBits = load<u32>(COUNT_BITS);
  const gSteps = load<f32>(GRADIENT_STEPS);
  const hSteps = load<f32>(HESSIAN_STEPS);
  const steps = f32x4(hSteps, gSteps, hSteps, gSteps);
  // A hessian is at least one step, so that no leaf divides by zero and no bin with rows looks empty.
  const least = i32x4(1, i32.MIN_VALUE, 1, i32.MIN_VALUE);
  const one = i64x2.splat(1);
  for (let at = from * 8; at < to * 8; at += 16) {
    const both = v128.load(gradients + at);
    const swapped = i32x4.shuffle(both, both, 1, 0, 3, 2);
    const rounded = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(swapped, steps)));
    if (countBits == 32) {
      v128.store(packed + at, i32x4.max_s(rounded, least));
    } else {
      const g = i64x2.extend_low_i32x4_s(i32x4.shuffle(rounded, rounded, 1, 3, 1, 3));
      v128.store(packed + at, i64x2.add(i64x2.shl(g, countBits), one));
    }
  }
}
