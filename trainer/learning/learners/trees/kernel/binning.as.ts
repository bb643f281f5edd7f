import {
  ACTIVE,
  ACTIVE_SLOTS,
  COLUMN_BINS,
  EDGES,
  EDGE_COUNTS,
  GROUP,
  GROUP_BINS,
  MAX_BINS,
  MISSING_BIN,
  ROWS,
  ROW_BINS,
  ROW_STRIDE,
  SAMPLE,
  SAMPLE_ROWS,
  SCRATCH,
  SCRATCH_BYTES,
  SLOTS,
  SLOT_COLUMNS,
  WIDTH,
  X,
} from './layout';

const RADIX: u32 = 2048;

/**
 * Finds the edges of eight columns and bins all their rows. Scratch: 8 columns of floats, two arrays of keys, three
 * tables of digits.
 */
export function binGroup(group: u32, thread: u32): void {
  const stride = load<u32>(ROW_STRIDE);
  const first = group * GROUP;
  const slots = load<u32>(SLOTS);
  const count = min<u32>(GROUP, slots - first);
  const floats = load<u32>(SCRATCH) + thread * load<u32>(SCRATCH_BYTES);
  const keys = floats + stride * 4 * GROUP;
  layOutColumns(first, count, floats, stride);
  for (let i: u32 = 0; i < count; i++) {
    const slot = first + i;
    const column = floats + i * stride * 4;
    const edges = load<u32>(EDGES) + slot * 1024;
    const found = findEdges(column, keys, edges);
    store<u32>(load<u32>(EDGE_COUNTS) + slot * 4, found);
    for (let e = found; e < 256; e++) store<f32>(edges + e * 4, Infinity);
    binColumn(column, edges, load<u32>(COLUMN_BINS) + slot * stride);
  }
}

/** Row by row, since a line of memory holds neighbors of a row and not of a column. */
function layOutColumns(first: u32, count: u32, floats: u32, stride: u32): void {
  const rowBytes = load<u32>(WIDTH) * 4;
  const columns = load<u32>(SLOT_COLUMNS) + first * 4;
  let row = load<u32>(X);
  const end = row + load<u32>(ROWS) * rowBytes;
  for (let to = floats; row < end; row += rowBytes, to += 4) {
    for (let i: u32 = 0, at = to; i < count; i++, at += stride * 4) {
      store<f32>(at, load<f32>(row + (load<u32>(columns + i * 4) << 2)));
    }
  }
}

/** Edges of one column from its sampled rows; returns how many. The rule is that of `findEdges` in binning.ts. */
function findEdges(column: u32, keys: u32, edges: u32): u32 {
  const sampleRows = load<u32>(SAMPLE_ROWS);
  const sample = load<u32>(SAMPLE);
  let known: u32 = 0;
  for (let i: u32 = 0; i < sampleRows; i++) {
    const row = sample == 0 ? i : load<u32>(sample + i * 4);
    const x = load<f32>(column + row * 4) + 0; // −0 becomes 0.
    if (x != x) continue;
    store<u32>(keys + known * 4, toKey(x));
    known++;
  }
  if (known == 0) return 0;
  const other = keys + sampleRows * 4;
  const sorted = sort(keys, other, known, other + sampleRows * 4);

  // Distinct values and their counts, over what has been read already.
  const counts = sorted == keys ? other : keys;
  let distinct: u32 = 0;
  let last = load<u32>(sorted);
  let run: u32 = 1;
  for (let i: u32 = 1; i < known; i++) {
    const key = load<u32>(sorted + i * 4);
    if (key == last) {
      run++;
      continue;
    }
    store<u32>(sorted + distinct * 4, last);
    store<u32>(counts + distinct * 4, run);
    distinct++;
    last = key;
    run = 1;
  }
  store<u32>(sorted + distinct * 4, last);
  store<u32>(counts + distinct * 4, run);
  distinct++;
  return cut(sorted, counts, distinct, known, edges);
}

function cut(values: u32, counts: u32, distinct: u32, known: u32, edges: u32): u32 {
  const maxBins = load<u32>(MAX_BINS);
  if (distinct <= maxBins) {
    for (let k: u32 = 0; k + 1 < distinct; k++) store<f32>(edges + k * 4, edgeAfter(values, k));
    return distinct - 1;
  }
  const mean = (known as f64) / (maxBins as f64);
  let sharedRows: f64 = known;
  let sharedBins: f64 = maxBins;
  for (let k: u32 = 0; k < distinct; k++) {
    const count: f64 = load<u32>(counts + k * 4);
    if (count >= mean) {
      sharedRows -= count;
      sharedBins -= 1;
    }
  }
  let filled: f64 = 0;
  let found: u32 = 0;
  for (let k: u32 = 0; k + 1 < distinct && found < maxBins - 1; k++) {
    const count: f64 = load<u32>(counts + k * 4);
    const alone = count >= mean;
    filled += count;
    if (!alone) sharedRows -= count;
    const target = sharedBins > 0 ? (sharedRows + (alone ? 0 : filled)) / sharedBins : Infinity;
    if (alone || filled >= target || (load<u32>(counts + k * 4 + 4) as f64) >= mean) {
      store<f32>(edges + found * 4, edgeAfter(values, k));
      found++;
      if (!alone) sharedBins -= 1;
      filled = 0;
    }
  }
  return found;
}

/** Bits whose unsigned order is that of the numbers. */
function toKey(x: f32): u32 {
  const bits = reinterpret<u32>(x);
  return bits ^ ((((bits as i32) >> 31) as u32) | 0x80000000);
}

function toFloat(key: u32): f32 {
  return reinterpret<f32>((key as i32) < 0 ? key ^ 0x80000000 : ~key);
}

function edgeAfter(values: u32, k: u32): f32 {
  return between(toFloat(load<u32>(values + k * 4)), toFloat(load<u32>(values + k * 4 + 4)));
}

/** `float32Between` of binning.ts. */
function between(lower: f32, upper: f32): f32 {
  const middle = (lower as f64) / 2 + (upper as f64) / 2;
  let threshold = middle as f32;
  if ((threshold as f64) > middle) threshold = below(threshold);
  return threshold >= lower && threshold < upper && abs(threshold) < Infinity ? threshold : lower;
}

function below(x: f32): f32 {
  const bits = reinterpret<i32>(x);
  if (x == 0) return reinterpret<f32>(0x80000001);
  return reinterpret<f32>(bits + (x > 0 ? -1 : 1));
}

/** Radix sort in three digits of 11, 11 and 10 bits; returns which of the two arrays holds the result. */
function sort(keys: u32, other: u32, count: u32, tables: u32): u32 {
  memory.fill(tables, 0, RADIX * 12);
  for (let i: u32 = 0; i < count; i++) {
    const key = load<u32>(keys + i * 4);
    tally(tables + ((key & 2047) << 2));
    tally(tables + RADIX * 4 + (((key >> 11) & 2047) << 2));
    tally(tables + RADIX * 8 + ((key >> 22) << 2));
  }
  let from = keys;
  let to = other;
  for (let digit: u32 = 0; digit < 3; digit++) {
    const table = tables + digit * RADIX * 4;
    const shift = digit * 11;
    if (load<u32>(table + (((load<u32>(from) >> shift) & 2047) << 2)) == count) continue; // All the same.
    let sum: u32 = 0;
    for (let i: u32 = 0; i < RADIX; i++) {
      const own = load<u32>(table + i * 4);
      store<u32>(table + i * 4, sum);
      sum += own;
    }
    for (let i: u32 = 0; i < count; i++) {
      const key = load<u32>(from + i * 4);
      const place = table + (((key >> shift) & 2047) << 2);
      const at = load<u32>(place);
      store<u32>(to + at * 4, key);
      store<u32>(place, at + 1);
    }
    const swap = from;
    from = to;
    to = swap;
  }
  return from;
}

function tally(at: u32): void {
  store<u32>(at, load<u32>(at) + 1);
}

/** How many edges are below x, by halving without a branch: a mispredicted one costs more than a step. */
function binColumn(column: u32, edges: u32, bins: u32): void {
  const rows = load<u32>(ROWS);
  for (let row: u32 = 0; row < rows; row++) {
    const x = load<f32>(column + row * 4);
    let at = edges;
    at += select<u32>(512, 0, x > load<f32>(at, 508));
    at += select<u32>(256, 0, x > load<f32>(at, 252));
    at += select<u32>(128, 0, x > load<f32>(at, 124));
    at += select<u32>(64, 0, x > load<f32>(at, 60));
    at += select<u32>(32, 0, x > load<f32>(at, 28));
    at += select<u32>(16, 0, x > load<f32>(at, 12));
    at += select<u32>(8, 0, x > load<f32>(at, 4));
    at += select<u32>(4, 0, x > load<f32>(at));
    store<u8>(bins + row, select<u32>((at - edges) >> 2, MISSING_BIN, x == x));
  }
}

/** Puts the bins of eight active columns side by side, 16 rows at a time: for themselves and as part of whole rows. */
export function packGroup(group: u32): void {
  const stride = load<u32>(ROW_STRIDE);
  const first = group * GROUP;
  const count = min<u32>(GROUP, load<u32>(ACTIVE) - first);
  const slots = load<u32>(ACTIVE_SLOTS) + first * 4;
  let to = load<u32>(GROUP_BINS) + group * stride * GROUP;
  const rowBytes = ((load<u32>(ACTIVE) + GROUP - 1) / GROUP) * GROUP;
  let rowAt = load<u32>(ROW_BINS) + first;
  const none = i8x16.splat(0);
  const c0 = columnAt(slots, 0, count, stride);
  const c1 = columnAt(slots, 1, count, stride);
  const c2 = columnAt(slots, 2, count, stride);
  const c3 = columnAt(slots, 3, count, stride);
  const c4 = columnAt(slots, 4, count, stride);
  const c5 = columnAt(slots, 5, count, stride);
  const c6 = columnAt(slots, 6, count, stride);
  const c7 = columnAt(slots, 7, count, stride);
  for (let row: u32 = 0; row < stride; row += 16, to += 128) {
    const a = v128.load(c0 + row);
    const b = count > 1 ? v128.load(c1 + row) : none;
    const c = count > 2 ? v128.load(c2 + row) : none;
    const d = count > 3 ? v128.load(c3 + row) : none;
    const e = count > 4 ? v128.load(c4 + row) : none;
    const f = count > 5 ? v128.load(c5 + row) : none;
    const g = count > 6 ? v128.load(c6 + row) : none;
    const h = count > 7 ? v128.load(c7 + row) : none;
    weave(to, lowBytes(a, b), lowBytes(c, d), lowBytes(e, f), lowBytes(g, h));
    weave(to + 64, highBytes(a, b), highBytes(c, d), highBytes(e, f), highBytes(g, h));
    for (let at = to; at < to + 128; at += 8, rowAt += rowBytes) store<u64>(rowAt, load<u64>(at));
  }
}

function columnAt(slots: u32, i: u32, count: u32, stride: u32): u32 {
  return i < count ? load<u32>(COLUMN_BINS) + load<u32>(slots + i * 4) * stride : 0;
}

/** Eight rows from pairs of columns that are interleaved already. */
function weave(to: u32, ab: v128, cd: v128, ef: v128, gh: v128): void {
  const low0 = i16x8.shuffle(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11);
  const low1 = i16x8.shuffle(ef, gh, 0, 8, 1, 9, 2, 10, 3, 11);
  const high0 = i16x8.shuffle(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15);
  const high1 = i16x8.shuffle(ef, gh, 4, 12, 5, 13, 6, 14, 7, 15);
  v128.store(to, i32x4.shuffle(low0, low1, 0, 4, 1, 5));
  v128.store(to, i32x4.shuffle(low0, low1, 2, 6, 3, 7), 16);
  v128.store(to, i32x4.shuffle(high0, high1, 0, 4, 1, 5), 32);
  v128.store(to, i32x4.shuffle(high0, high1, 2, 6, 3, 7), 48);
}

function lowBytes(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

function highBytes(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
