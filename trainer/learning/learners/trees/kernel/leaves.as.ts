import { exp, exp2, ln, ln2 } from './elementary.as';
import {
  BINARY,
  CHUNK_ROWS,
  CLASS,
  CLASSES,
  COLLECTED,
  COLUMN_BINS,
  GRADIENTS,
  LEAF_PIECES,
  LEAF_SUMS,
  MISSING_BIN,
  MULTICLASS,
  NOBODY,
  NODES,
  NODE_BYTES,
  OBJECTIVE,
  ORDER,
  QUANTILE,
  QUANTILE_LOSS,
  ROWS,
  ROW_STRIDE,
  SAMPLED,
  SCORES,
  STOPPING_LOSSES,
  STOPPING_ROWS,
  STOPPING_SCORES,
  STOPPING_TARGETS,
  STOPPING_WEIGHTS,
  STOPPING_X,
  TARGETS,
  WEIGHTS,
  WENT_LEFT,
  WIDTH,
} from './layout';

/** Unrounded gradients and hessians of a piece of a leaf, summed in float64 in the order of its rows. */
export function sumLeafPiece(piece: u32): void {
  const record = load<u32>(LEAF_PIECES) + piece * 16;
  const gradients = load<u32>(GRADIENTS) + load<u32>(CLASS) * load<u32>(ROW_STRIDE) * 8;
  const order = load<u32>(ORDER);
  const end = order + load<u32>(record, 4) * 4;
  let sums = f64x2.splat(0);
  for (let at = order + load<u32>(record) * 4; at < end; at += 4) {
    sums = f64x2.add(sums, f64x2.promote_low_f32x4(v128.load64_zero(gradients + (load<u32>(at) << 3))));
  }
  v128.store(load<u32>(LEAF_SUMS) + piece * 16, sums);
}

/** Adds a leaf's value to the scores of a piece of its rows. */
export function addLeafPiece(piece: u32): void {
  const record = load<u32>(LEAF_PIECES) + piece * 16;
  const scores = load<u32>(SCORES) + load<u32>(CLASS) * load<u32>(ROW_STRIDE) * 8;
  const value = load<f32>(load<u32>(NODES) + load<u32>(record, 8) * NODE_BYTES, 28) as f64;
  const order = load<u32>(ORDER);
  const end = order + load<u32>(record, 4) * 4;
  for (let at = order + load<u32>(record) * 4; at < end; at += 4) {
    const score = scores + (load<u32>(at) << 3);
    store<f64>(score, load<f64>(score) + value);
  }
}

/** Adds the tree to the scores of a chunk of the rows that it was not grown on, by their bins. */
export function walkUnseen(chunk: u32): void {
  const chunkRows = load<u32>(CHUNK_ROWS);
  const stride = load<u32>(ROW_STRIDE);
  const from = load<u32>(SAMPLED) + chunk * chunkRows;
  const to = min<u32>(from + chunkRows, load<u32>(ROWS));
  const bins = load<u32>(COLUMN_BINS);
  const nodes = load<u32>(NODES);
  const order = load<u32>(ORDER);
  const scores = load<u32>(SCORES) + load<u32>(CLASS) * stride * 8;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    const at = order + i * 4;
    const row0 = load<u32>(at);
    const row1 = load<u32>(at, 4);
    const row2 = load<u32>(at, 8);
    const row3 = load<u32>(at, 12);
    let node0 = nodes;
    let node1 = nodes;
    let node2 = nodes;
    let node3 = nodes;
    // A slot is far below NOBODY: all bits of all four are set at four leaves only.
    while ((load<u32>(node0) & load<u32>(node1) & load<u32>(node2) & load<u32>(node3)) != NOBODY) {
      node0 = nextByBin(node0, nodes, bins + row0, stride);
      node1 = nextByBin(node1, nodes, bins + row1, stride);
      node2 = nextByBin(node2, nodes, bins + row2, stride);
      node3 = nextByBin(node3, nodes, bins + row3, stride);
    }
    addValue(scores + row0 * 8, node0);
    addValue(scores + row1 * 8, node1);
    addValue(scores + row2 * 8, node2);
    addValue(scores + row3 * 8, node3);
  }
  for (; i < to; i++) {
    const row = load<u32>(order + i * 4);
    let node = nodes;
    while (load<u32>(node) != NOBODY) node = nextByBin(node, nodes, bins + row, stride);
    addValue(scores + row * 8, node);
  }
}

/** Adds the value of a leaf to a score. */
function addValue(score: u32, leaf: u32): void {
  store<f64>(score, load<f64>(score) + (load<f32>(leaf, 28) as f64));
}

/**
 * The next node of a row by its bins; a leaf is its own. Without branches, so that four rows walk beside one another
 * instead of waiting for the loads of one.
 * @param bins of the row in the first slot; those of the next one are a stride behind
 */
function nextByBin(node: u32, nodes: u32, bins: u32, stride: u32): u32 {
  const slot = load<u32>(node);
  const isLeaf = slot == NOBODY;
  const bin = load<u8>(bins + select<u32>(0, slot, isLeaf) * stride) as u32;
  const isLeft = select<bool>(load<u32>(node, 16) == 1, bin <= load<u32>(node, 12), bin == MISSING_BIN);
  return select<u32>(node, nodes + load<u32>(node + ((!isLeft as u32) << 2), 20) * NODE_BYTES, isLeaf);
}

/** `nextByBin` of a row by its values, as the exported graph compares them. @param x of the row */
function nextByValue(node: u32, nodes: u32, x: u32): u32 {
  const isLeaf = load<u32>(node) == NOBODY;
  const value = load<f32>(x + (select<u32>(0, load<u32>(node, 4), isLeaf) << 2));
  const isLeft = select<bool>(load<u32>(node, 16) == 1, value <= load<f32>(node, 8), value != value);
  return select<u32>(node, nodes + load<u32>(node + ((!isLeft as u32) << 2), 20) * NODE_BYTES, isLeaf);
}

/**
 * Adds the tree to the scores of a chunk of the stopping table, as the exported graph would; the last class adds up the
 * chunk's loss.
 */
export function stoppingLoss(chunk: u32): void {
  const chunkRows = load<u32>(CHUNK_ROWS);
  const rows = load<u32>(STOPPING_ROWS);
  const from = chunk * chunkRows;
  const to = min<u32>(from + chunkRows, rows);
  const width = load<u32>(WIDTH);
  const k = load<u32>(CLASS);
  const nodes = load<u32>(NODES);
  const scores = load<u32>(STOPPING_SCORES) + k * rows * 8;
  const rowBytes = width * 4;
  let x = load<u32>(STOPPING_X) + from * rowBytes;
  let row = from;
  for (; row + 4 <= to; row += 4, x += 4 * rowBytes) {
    let node0 = nodes;
    let node1 = nodes;
    let node2 = nodes;
    let node3 = nodes;
    while ((load<u32>(node0) & load<u32>(node1) & load<u32>(node2) & load<u32>(node3)) != NOBODY) {
      node0 = nextByValue(node0, nodes, x);
      node1 = nextByValue(node1, nodes, x + rowBytes);
      node2 = nextByValue(node2, nodes, x + 2 * rowBytes);
      node3 = nextByValue(node3, nodes, x + 3 * rowBytes);
    }
    const score = scores + row * 8;
    addValue(score, node0);
    addValue(score + 8, node1);
    addValue(score + 16, node2);
    addValue(score + 24, node3);
  }
  for (; row < to; row++, x += rowBytes) {
    let node = nodes;
    while (load<u32>(node) != NOBODY) node = nextByValue(node, nodes, x);
    addValue(scores + row * 8, node);
  }
  if (k + 1 < load<u32>(CLASSES)) return;
  const targets = load<u32>(STOPPING_TARGETS);
  const weights = load<u32>(STOPPING_WEIGHTS);
  let sum: f64 = 0;
  row = from;
  if (load<u32>(OBJECTIVE) == BINARY) {
    const own = load<u32>(STOPPING_SCORES);
    for (; row + 2 <= to; row += 2) {
      const losses = binaryLosses(v128.load(own + row * 8), v128.load(targets + row * 8));
      sum += weightOf(weights, row) * f64x2.extract_lane(losses, 0);
      sum += weightOf(weights, row + 1) * f64x2.extract_lane(losses, 1);
    }
  }
  for (; row < to; row++) sum += weightOf(weights, row) * lossOf(row, load<f64>(targets + row * 8));
  store<f64>(load<u32>(STOPPING_LOSSES) + chunk * 8, sum);
}

function weightOf(weights: u32, row: u32): f64 {
  return weights == 0 ? 1 : (load<f32>(weights + row * 4) as f64);
}

/** `lossOf` of two rows of a binary task: most of the time of a round of small trees, one after the other. */
function binaryLosses(s: v128, y: v128): v128 {
  const zero = f64x2.splat(0);
  const softened = ln2(f64x2.add(f64x2.splat(1), exp2(f64x2.neg(f64x2.abs(s)))));
  return f64x2.sub(f64x2.add(f64x2.max(s, zero), softened), f64x2.mul(y, s));
}

function lossOf(row: u32, y: f64): f64 {
  const objective = load<u32>(OBJECTIVE);
  const scores = load<u32>(STOPPING_SCORES);
  const s = load<f64>(scores + row * 8);
  // −ln of the probability given to the target.
  if (objective == BINARY) return max<f64>(s, 0) + ln(1 + exp(-abs(s))) - y * s;
  if (objective == MULTICLASS) {
    const rows = load<u32>(STOPPING_ROWS);
    const end = scores + load<u32>(CLASSES) * rows * 8;
    let top = s;
    for (let at = scores; at < end; at += rows * 8) top = max<f64>(top, load<f64>(at + row * 8));
    let sum: f64 = 0;
    for (let at = scores; at < end; at += rows * 8) sum += exp(load<f64>(at + row * 8) - top);
    return top + ln(sum) - load<f64>(scores + ((y as u32) * rows + row) * 8);
  }
  const rest = y - s;
  if (objective == QUANTILE_LOSS) return rest * (load<f64>(QUANTILE) - (rest < 0 ? 1 : 0));
  return rest * rest;
}

/**
 * The weighted quantile of a leaf's residuals: the smallest one with at least the requested share of the weight at or
 * below it, which minimizes the pinball loss. A selection by thirds (Dijkstra's flag) around a middle element; piece =
 * whole leaf.
 */
export function leafQuantile(piece: u32): void {
  const record = load<u32>(LEAF_PIECES) + piece * 16;
  const order = load<u32>(ORDER);
  const scores = load<u32>(SCORES);
  const targets = load<u32>(TARGETS);
  const weights = load<u32>(WEIGHTS);
  const start = load<u32>(record);
  const end = load<u32>(record, 4);
  // Residual f64 and weight f32, in arrays that hold nothing while trees are finished.
  const values = load<u32>(COLLECTED) + start * 8;
  const shares = load<u32>(WENT_LEFT) + start * 4;
  let total: f64 = 0;
  for (let i = start, n: u32 = 0; i < end; i++, n++) {
    const row = load<u32>(order + i * 4);
    const weight: f32 = weights == 0 ? 1 : load<f32>(weights + row * 4);
    store<f64>(values + n * 8, load<f64>(targets + row * 8) - load<f64>(scores + row * 8));
    store<f32>(shares + n * 4, weight);
    total += weight as f64;
  }
  const wanted = total * load<f64>(QUANTILE);
  const answer = select3(values, shares, end - start, wanted);
  store<f64>(load<u32>(LEAF_SUMS) + piece * 16, answer);
}

function select3(values: u32, shares: u32, count: u32, wanted: f64): f64 {
  let low: u32 = 0;
  let high = count; // The answer is in [low, high).
  let before: f64 = 0; // Weight of the values below low.
  while (high - low > 1) {
    const pivot = middleOf(
      load<f64>(values + low * 8),
      load<f64>(values + ((low + high) >> 1) * 8),
      load<f64>(values + (high - 1) * 8),
    );
    let less = low;
    let i = low;
    let more = high;
    let weightLess: f64 = 0;
    let weightEqual: f64 = 0;
    while (i < more) {
      const value = load<f64>(values + i * 8);
      if (value < pivot) {
        weightLess += load<f32>(shares + i * 4) as f64;
        swap(values, shares, i, less);
        less++;
        i++;
      } else if (value > pivot) {
        more--;
        swap(values, shares, i, more);
      } else {
        weightEqual += load<f32>(shares + i * 4) as f64;
        i++;
      }
    }
    if (before + weightLess >= wanted && less > low) {
      high = less;
    } else if (before + weightLess + weightEqual >= wanted || more == high) {
      return pivot;
    } else {
      before += weightLess + weightEqual;
      low = more;
    }
  }
  return load<f64>(values + low * 8);
}

function middleOf(a: f64, b: f64, c: f64): f64 {
  return max<f64>(min<f64>(a, b), min<f64>(max<f64>(a, b), c));
}

function swap(values: u32, shares: u32, i: u32, j: u32): void {
  const value = load<f64>(values + i * 8);
  const share = load<f32>(shares + i * 4);
  store<f64>(values + i * 8, load<f64>(values + j * 8));
  store<f32>(shares + i * 4, load<f32>(shares + j * 4));
  store<f64>(values + j * 8, value);
  store<f32>(shares + j * 4, share);
}
