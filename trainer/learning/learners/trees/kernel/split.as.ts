import {
  ACTIVE,
  COLUMN_BINS,
  COUNTS,
  COUNT_BITS,
  EDGE_COUNTS,
  L1,
  L2,
  MIN_DATA,
  MIN_HESSIAN,
  MIN_SIDE,
  MISSING_BIN,
  NODE_SUMS,
  ORDER,
  ROW_STRIDE,
  SPLITS,
  SPLIT_BYTES,
  SURE_SIDE,
} from './layout';

/**
 * Improvement of a split: S(G_l)²/(H_l+λ) + S(G_r)²/(H_r+λ) − S(G)²/(H+λ) with S(G) = max(|G| − α, 0) (Friedman 2001;
 * Chen & Guestrin 2016, eq. 7, without ½). The first two terms share one denominator: one division for two. Ties go to
 * the lowest bin, then to missing on the right.
 *
 * The record of a node and column, 32 bytes: improvement f64; of the split, once it has been resolved: sums of the left
 * side i64, bin, missing goes left, 1 = it has been resolved, the node misses some values.
 */
function recordOf(node: u32, position: u32): u32 {
  return load<u32>(SPLITS) + (node * load<u32>(ACTIVE) + position) * SPLIT_BYTES;
}

/** With missing rows there is one more split than between value bins: every value left, missing right. */
function candidatesOf(slot: u32, missing: i64): u32 {
  return load<u32>(load<u32>(EDGE_COUNTS) + slot * 4) + (missing != 0 ? 1 : 0);
}

/**
 * How much the best split of a node on one column improves, at most: whether its sides have rows enough is known once
 * it is resolved.
 */
export function findSplit(histogram: u32, sums: i64, slot: u32, node: u32, position: u32): void {
  const record = recordOf(node, position);
  const missing = load<i64>(histogram, MISSING_BIN * 8);
  let best = scan(histogram, sums, 0, candidatesOf(slot, missing));
  if (missing != 0) best = max<f64>(best, scan(histogram, sums, missing, candidatesOf(slot, 0)));
  store<f64>(record, best - scoreOf(sums));
  store<u32>(record, 0, 24);
}

/**
 * The largest score, two candidates at a time: after bin b and after b + 1. An extra one at the end has no rows on its
 * right.
 */
function scan(histogram: u32, sums: i64, start: i64, candidates: u32): f64 {
  const l2 = f64x2.splat(load<f64>(L2));
  const least = f64x2.splat(load<f64>(MIN_SIDE));
  const gradient = f64x2.splat(gradientOf(sums));
  const hessian = f64x2.splat(hessianOf(sums));
  const zero = f64x2.splat(0);
  const end = histogram + candidates * 8;
  const countBits = load<u32>(COUNT_BITS);
  let running = i64x2.splat(start);
  let best = zero;
  if (countBits == 32 && load<f64>(L1) == 0) {
    for (let at = histogram; at < end; at += 16) {
      const entries = v128.load(at);
      running = i64x2.add(running, i64x2.add(entries, i64x2.shuffle(zero, entries, 0, 2)));
      const g = f64x2.convert_low_i32x4_s(i32x4.shuffle(running, running, 1, 3, 1, 3));
      const h = f64x2.convert_low_i32x4_s(i32x4.shuffle(running, running, 0, 2, 0, 2));
      running = i64x2.shuffle(running, running, 1, 1);
      const rightG = f64x2.sub(gradient, g);
      const rightH = f64x2.sub(hessian, h);
      const leftD = f64x2.add(h, l2);
      const rightD = f64x2.add(rightH, l2);
      const left = f64x2.mul(f64x2.mul(g, g), rightD);
      const right = f64x2.mul(f64x2.mul(rightG, rightG), leftD);
      const score = f64x2.div(f64x2.add(left, right), f64x2.mul(leftD, rightD));
      best = f64x2.pmax(best, v128.and(score, v128.and(f64x2.ge(h, least), f64x2.ge(rightH, least))));
    }
  } else {
    const l1 = f64x2.splat(load<f64>(L1));
    const mask = i64x2.splat(((1 as i64) << countBits) - 1);
    for (let at = histogram; at < end; at += 16) {
      const entries = v128.load(at);
      running = i64x2.add(running, i64x2.add(entries, i64x2.shuffle(zero, entries, 0, 2)));
      const high = i64x2.shr_s(running, countBits);
      const g = f64x2.replace_lane(
        f64x2.splat(i64x2.extract_lane(high, 0) as f64),
        1,
        i64x2.extract_lane(high, 1) as f64,
      );
      const low = v128.and(running, mask);
      const h = f64x2.convert_low_i32x4_s(i32x4.shuffle(low, low, 0, 2, 0, 2));
      running = i64x2.shuffle(running, running, 1, 1);
      const leftSize = f64x2.pmax(f64x2.sub(f64x2.abs(g), l1), zero);
      const rightSize = f64x2.pmax(f64x2.sub(f64x2.abs(f64x2.sub(gradient, g)), l1), zero);
      const rightH = f64x2.sub(hessian, h);
      const leftD = f64x2.add(h, l2);
      const rightD = f64x2.add(rightH, l2);
      const left = f64x2.mul(f64x2.mul(leftSize, leftSize), rightD);
      const right = f64x2.mul(f64x2.mul(rightSize, rightSize), leftD);
      const score = f64x2.div(f64x2.add(left, right), f64x2.mul(leftD, rightD));
      best = f64x2.pmax(best, v128.and(score, v128.and(f64x2.ge(h, least), f64x2.ge(rightH, least))));
    }
  }
  return max<f64>(f64x2.extract_lane(best, 0), f64x2.extract_lane(best, 1));
}

function gradientOf(sums: i64): f64 {
  return (sums >> load<u32>(COUNT_BITS)) as f64;
}

function hessianOf(sums: i64): f64 {
  return (sums & (((1 as i64) << load<u32>(COUNT_BITS)) - 1)) as f64;
}

function shrunk(gradient: f64): f64 {
  return max<f64>(abs(gradient) - load<f64>(L1), 0);
}

function scoreOf(sums: i64): f64 {
  const size = shrunk(gradientOf(sums));
  return (size * size) / (hessianOf(sums) + load<f64>(L2));
}

/**
 * Determines the best split of a column. Histograms have only hessians, which bound a count of rows without giving it:
 * where the split is between the bounds, the rows are counted and the column is searched again.
 * @param start the node's rows in the order of the tree
 */
export function resolveSplit(histogram: u32, slot: u32, node: u32, position: u32, start: u32, rows: u32): void {
  const record = recordOf(node, position);
  const sums = load<i64>(load<u32>(NODE_SUMS) + node * 8);
  const sure = load<f64>(SURE_SIDE);
  search(record, histogram, slot, sums, 0, rows);
  const left = load<i64>(record, 8);
  if (hessianOf(left) < sure || hessianOf(sums - left) < sure) {
    count(slot, start, rows);
    search(record, histogram, slot, sums, load<u32>(COUNTS), rows);
  }
  store<f64>(record, load<f64>(record) - scoreOf(sums));
  store<u32>(record, 1, 24);
  store<u32>(record, (load<i64>(histogram, MISSING_BIN * 8) != 0) as u32, 28);
}

function count(slot: u32, start: u32, rows: u32): void {
  const counts = load<u32>(COUNTS);
  memory.fill(counts, 0, 1024);
  const column = load<u32>(COLUMN_BINS) + slot * load<u32>(ROW_STRIDE);
  const order = load<u32>(ORDER) + start * 4;
  for (let at = order; at < order + rows * 4; at += 4) {
    const place = counts + ((load<u8>(column + load<u32>(at)) as u32) << 2);
    store<u32>(place, load<u32>(place) + 1);
  }
}

/** `scan` one by one, the winner kept in the record. @param counts 0 = unknown */
function search(record: u32, histogram: u32, slot: u32, sums: i64, counts: u32, rows: u32): void {
  const missing = load<i64>(histogram, MISSING_BIN * 8);
  store<f64>(record, 0);
  store<u32>(record, 0xffffffff, 16);
  store<u32>(record, 0, 20);
  searchSide(record, histogram, sums, counts, rows, 0, 0, candidatesOf(slot, missing), 0);
  if (missing == 0) return;
  const missed = counts == 0 ? 0 : load<u32>(counts, MISSING_BIN * 4);
  searchSide(record, histogram, sums, counts, rows, missing, missed, candidatesOf(slot, 0), 1);
}

function searchSide(
  record: u32,
  histogram: u32,
  sums: i64,
  counts: u32,
  rows: u32,
  running: i64,
  left: u32,
  candidates: u32,
  missingLeft: u32,
): void {
  const l2 = load<f64>(L2);
  const least = counts == 0 ? load<f64>(MIN_SIDE) : load<f64>(MIN_HESSIAN);
  const leastRows: u32 = counts == 0 ? 0 : load<u32>(MIN_DATA);
  const gradient = gradientOf(sums);
  const hessian = hessianOf(sums);
  for (let bin: u32 = 0; bin < candidates; bin++) {
    running += load<i64>(histogram + bin * 8);
    if (counts != 0) left += load<u32>(counts + bin * 4);
    const h = hessianOf(running);
    const rightH = hessian - h;
    if (h < least || rightH < least || left < leastRows || rows - left < leastRows) continue;
    const g = gradientOf(running);
    const leftSize = shrunk(g);
    const rightSize = shrunk(gradient - g);
    const leftD = h + l2;
    const rightD = rightH + l2;
    const score = (leftSize * leftSize * rightD + rightSize * rightSize * leftD) / (leftD * rightD);
    const best = load<f64>(record);
    if (score > best || (score == best && bin < load<u32>(record, 16))) {
      store<f64>(record, score);
      store<i64>(record, running, 8);
      store<u32>(record, bin, 16);
      store<u32>(record, missingLeft, 20);
    }
  }
}
