/**
 * AssemblyScript, compiled to tree_kernel.wasm by `npm run kernels`. Scores boosted trees from the layout that pack.ts
 * writes and documents. The method is QuickScorer (Lucchese et al. 2015): a tree is not walked; all of its nodes are
 * evaluated, each false condition masks out the leaves on its left, and the lowest remaining leaf is the leaf of the
 * row. So there is no branch to mispredict, four rows are evaluated at once, and memory is read in order: after a
 * pause, when the tables have left the caches, even a single row takes a third of the time of walking the trees. The
 * rows of a pass are column by column in `lanes`.
 */

/** Rows of a pass: three vectors of four keep sums, masks and temporaries of all rows in registers. */
const PASS: u32 = 12;
const LANE_BYTES: u32 = 48;
const NODE_BYTES: u32 = 12;
const MODEL_BYTES: u32 = 20;
const TREE_HEADER_BYTES: u32 = 8;

/** Flags of a model: its answer is the sigmoid of the sum; leaves are summed in float64. */
const SIGMOID: u32 = 1;
const SUMS_64: u32 = 2;

/** A tree of up to 32 leaves; the first, and a later, word of 32 leaves of a larger one. */
const WHOLE: u32 = 0;
const FIRST: u32 = 1;

/**
 * @param models address of one record of 5 words per model: words of leaves, their address, base (f32), flags,
 * address of the answers
 * @param features row by row
 * @param lanes room for `columns` × 2 × 12 numbers
 */
export function score(models: u32, modelCount: u32, features: u32, columns: u32, lanes: u32, rows: u32): void {
  const end = models + modelCount * MODEL_BYTES;
  let row: u32 = 0;
  while (row < rows) {
    const left = rows - row;
    const from = features + row * columns * 4;
    const offset = row * 4;
    const count = left < PASS ? left : PASS;
    layOutPass(from, columns, lanes, count);
    for (let model = models; model < end; model += MODEL_BYTES) {
      if ((load<u32>(model, 12) & SUMS_64) != 0) {
        for (let first: u32 = 0; first < count; first += 4) pass4Exact(model, lanes + first * 4, offset + first * 4);
      } else if (count > 8) pass12(model, lanes, offset);
      else if (count > 4) pass8(model, lanes, offset);
      else pass4(model, lanes, offset);
    }
    row += count;
  }
}

/**
 * Up to 12 rows column by column, then the same with −∞ for what is missing. Lanes without a row keep what they had.
 */
function layOutPass(from: u32, columns: u32, lanes: u32, count: u32): void {
  const rowBytes = columns * 4;
  for (let row: u32 = 0; row < count; row++) {
    let lane = lanes + row * 4;
    const end = from + rowBytes;
    for (; from < end; from += 4, lane += LANE_BYTES) store<f32>(lane, load<f32>(from));
  }
  const lowest = f32x4.splat(-Infinity);
  const second = columns * LANE_BYTES;
  const end = lanes + second;
  for (; lanes < end; lanes += 16) {
    const x = v128.load(lanes);
    v128.store(lanes + second, v128.bitselect(x, lowest, f32x4.eq(x, x)));
  }
}

function leafAt(leaves: u32, mask: i32): f32 {
  return load<f32>(leaves + ((ctz(mask) as u32) << 2));
}

/** The values of the lowest leaves left in four masks; a mask of none takes the entry behind the 32nd. */
function leafValues(leaves: u32, masks: v128): v128 {
  let values = f32x4.splat(leafAt(leaves, i32x4.extract_lane(masks, 0)));
  values = f32x4.replace_lane(values, 1, leafAt(leaves, i32x4.extract_lane(masks, 1)));
  values = f32x4.replace_lane(values, 2, leafAt(leaves, i32x4.extract_lane(masks, 2)));
  return f32x4.replace_lane(values, 3, leafAt(leaves, i32x4.extract_lane(masks, 3)));
}

function pass12(model: u32, lanes: u32, offset: u32): void {
  const words = load<u32>(model);
  let at = load<u32>(model, 4);
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let sum2 = f32x4.splat(0);
  let found0 = i32x4.splat(0);
  let found1 = i32x4.splat(0);
  let found2 = i32x4.splat(0);
  const none = i32x4.splat(0);
  for (let word: u32 = 0; word < words; word++) {
    const kind = load<u16>(at);
    const nodes = at + TREE_HEADER_BYTES;
    const leaves = nodes + load<u32>(at, 4);
    let mask0 = i32x4.splat(-1);
    let mask1 = i32x4.splat(-1);
    let mask2 = i32x4.splat(-1);
    for (let node = nodes; node < leaves; node += NODE_BYTES) {
      const x = lanes + load<u32>(node);
      const threshold = v128.load32_splat(node, 4);
      const kept = v128.load32_splat(node, 8);
      mask0 = v128.and(mask0, v128.or(f32x4.le(v128.load(x), threshold), kept));
      mask1 = v128.and(mask1, v128.or(f32x4.le(v128.load(x, 16), threshold), kept));
      mask2 = v128.and(mask2, v128.or(f32x4.le(v128.load(x, 32), threshold), kept));
    }
    if (kind != WHOLE) {
      if (kind == FIRST) {
        found0 = none;
        found1 = none;
        found2 = none;
      }
      mask0 = v128.andnot(mask0, found0);
      mask1 = v128.andnot(mask1, found1);
      mask2 = v128.andnot(mask2, found2);
      found0 = v128.or(found0, i32x4.ne(mask0, none));
      found1 = v128.or(found1, i32x4.ne(mask1, none));
      found2 = v128.or(found2, i32x4.ne(mask2, none));
    }
    sum0 = f32x4.add(sum0, leafValues(leaves, mask0));
    sum1 = f32x4.add(sum1, leafValues(leaves, mask1));
    sum2 = f32x4.add(sum2, leafValues(leaves, mask2));
    at = leaves + ((load<u16>(at, 2) as u32) << 2);
  }
  finish(model, offset, sum0);
  finish(model, offset + 16, sum1);
  finish(model, offset + 32, sum2);
}

function pass8(model: u32, lanes: u32, offset: u32): void {
  const words = load<u32>(model);
  let at = load<u32>(model, 4);
  let sum0 = f32x4.splat(0);
  let sum1 = f32x4.splat(0);
  let found0 = i32x4.splat(0);
  let found1 = i32x4.splat(0);
  const none = i32x4.splat(0);
  for (let word: u32 = 0; word < words; word++) {
    const kind = load<u16>(at);
    const nodes = at + TREE_HEADER_BYTES;
    const leaves = nodes + load<u32>(at, 4);
    let mask0 = i32x4.splat(-1);
    let mask1 = i32x4.splat(-1);
    for (let node = nodes; node < leaves; node += NODE_BYTES) {
      const x = lanes + load<u32>(node);
      const threshold = v128.load32_splat(node, 4);
      const kept = v128.load32_splat(node, 8);
      mask0 = v128.and(mask0, v128.or(f32x4.le(v128.load(x), threshold), kept));
      mask1 = v128.and(mask1, v128.or(f32x4.le(v128.load(x, 16), threshold), kept));
    }
    if (kind != WHOLE) {
      if (kind == FIRST) {
        found0 = none;
        found1 = none;
      }
      mask0 = v128.andnot(mask0, found0);
      mask1 = v128.andnot(mask1, found1);
      found0 = v128.or(found0, i32x4.ne(mask0, none));
      found1 = v128.or(found1, i32x4.ne(mask1, none));
    }
    sum0 = f32x4.add(sum0, leafValues(leaves, mask0));
    sum1 = f32x4.add(sum1, leafValues(leaves, mask1));
    at = leaves + ((load<u16>(at, 2) as u32) << 2);
  }
  finish(model, offset, sum0);
  finish(model, offset + 16, sum1);
}

function pass4(model: u32, lanes: u32, offset: u32): void {
  const words = load<u32>(model);
  let at = load<u32>(model, 4);
  let sum = f32x4.splat(0);
  let found = i32x4.splat(0);
  const none = i32x4.splat(0);
  for (let word: u32 = 0; word < words; word++) {
    const kind = load<u16>(at);
    const nodes = at + TREE_HEADER_BYTES;
    const leaves = nodes + load<u32>(at, 4);
    let mask = i32x4.splat(-1);
    for (let node = nodes; node < leaves; node += NODE_BYTES) {
      const x = lanes + load<u32>(node);
      mask = v128.and(mask, v128.or(f32x4.le(v128.load(x), v128.load32_splat(node, 4)), v128.load32_splat(node, 8)));
    }
    if (kind != WHOLE) {
      if (kind == FIRST) found = none;
      mask = v128.andnot(mask, found);
      found = v128.or(found, i32x4.ne(mask, none));
    }
    sum = f32x4.add(sum, leafValues(leaves, mask));
    at = leaves + ((load<u16>(at, 2) as u32) << 2);
  }
  finish(model, offset, sum);
}

/** Four rows whose leaves are summed in float64, the base last, and rounded once: as onnxruntime does behind a Cast. */
function pass4Exact(model: u32, lanes: u32, offset: u32): void {
  const words = load<u32>(model);
  let at = load<u32>(model, 4);
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let found = i32x4.splat(0);
  const none = i32x4.splat(0);
  for (let word: u32 = 0; word < words; word++) {
    const kind = load<u16>(at);
    const nodes = at + TREE_HEADER_BYTES;
    const leaves = nodes + load<u32>(at, 4);
    let mask = i32x4.splat(-1);
    for (let node = nodes; node < leaves; node += NODE_BYTES) {
      const x = lanes + load<u32>(node);
      mask = v128.and(mask, v128.or(f32x4.le(v128.load(x), v128.load32_splat(node, 4)), v128.load32_splat(node, 8)));
    }
    if (kind != WHOLE) {
      if (kind == FIRST) found = none;
      mask = v128.andnot(mask, found);
      found = v128.or(found, i32x4.ne(mask, none));
    }
    const values = leafValues(leaves, mask);
    low = f64x2.add(low, f64x2.promote_low_f32x4(values));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<f32>(values, values, 2, 3, 2, 3)));
    at = leaves + ((load<u16>(at, 2) as u32) << 2);
  }
  const base = load<f32>(model, 8) as f64;
  const answers = load<u32>(model, 16) + offset;
  answerOne(model, answers, (f64x2.extract_lane(low, 0) + base) as f32);
  answerOne(model, answers + 4, (f64x2.extract_lane(low, 1) + base) as f32);
  answerOne(model, answers + 8, (f64x2.extract_lane(high, 0) + base) as f32);
  answerOne(model, answers + 12, (f64x2.extract_lane(high, 1) + base) as f32);
}

/** The answers of four rows from their sums: the base is added last, as onnxruntime does. */
function finish(model: u32, offset: u32, sums: v128): void {
  const answers = load<u32>(model, 16) + offset;
  const base = load<f32>(model, 8);
  answerOne(model, answers, f32x4.extract_lane(sums, 0) + base);
  answerOne(model, answers + 4, f32x4.extract_lane(sums, 1) + base);
  answerOne(model, answers + 8, f32x4.extract_lane(sums, 2) + base);
  answerOne(model, answers + 12, f32x4.extract_lane(sums, 3) + base);
}

function answerOne(model: u32, answer: u32, sum: f32): void {
  store<f32>(answer, (load<u32>(model, 12) & SIGMOID) != 0 ? sigmoid(sum) : sum);
}

/** a·b + c rounded once (but for one case in some hundred millions): a product of two float32 is exact in float64. */
function fused(a: f32, b: f32, c: f32): f32 {
  return ((a as f64) * (b as f64) + (c as f64)) as f32;
}

/**
 * 1 / (1 + e^−x) by the rational function that Eigen (generic_logistic, float32) and onnxruntime's MLAS use, operation
 * by operation with fused products, so that answers equal onnxruntime's to the bit on processors with FMA. NaN stays
 * NaN.
 */
function sigmoid(logit: f32): f32 {
  const x: f32 = logit < -18 ? -18 : logit > 18 ? 18 : logit;
  const square: f32 = x * x;
  let p = fused(square, 4.37031012579801e-11, 1.15627324459942e-7);
  p = fused(p, square, 6.08574864600143e-5);
  p = fused(p, square, 8.51377133304701e-3);
  p = fused(p, square, 2.48287947061529e-1);
  p = p * x;
  let q = fused(square, 6.10247389755681e-13, 5.76102136993427e-9);
  q = fused(q, square, 6.2910678501704e-6);
  q = fused(q, square, 1.70198817374094e-3);
  q = fused(q, square, 1.16817656904453e-1);
  q = fused(q, square, 9.9315192102318e-1);
  const y: f32 = p / q + 0.5;
  return y < 0 ? 0 : y > 1 ? 1 : y;
}
