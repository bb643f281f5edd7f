import { findSplit } from './split.as';
import {
  ACTIVE,
  ACTIVE_SLOTS,
  COLLECTED,
  COLLECTED_BINS,
  COUNT,
  GROUP,
  GROUP_BINS,
  HISTOGRAM_BYTES,
  IDENTITY,
  LARGE,
  LARGE_NODE,
  NOBODY,
  NODE_SUMS,
  PACKED,
  ROW_STRIDE,
  SMALL,
  SMALL_NODE,
} from './layout';

/**
 * Histograms of eight columns: the smaller child's from its rows, the larger one's as parent minus smaller; then both are searched for
 * splits while they are near.
 */
export function histogramGroup(group: u32): void {
  const first = group * GROUP;
  const count = min<u32>(GROUP, load<u32>(ACTIVE) - first);
  const small = load<u32>(SMALL) + first * HISTOGRAM_BYTES;
  const largeBase = load<u32>(LARGE);
  const large = largeBase == 0 ? 0 : largeBase + first * HISTOGRAM_BYTES;
  const bytes = count * HISTOGRAM_BYTES;
  memory.fill(small, 0, bytes);
  fill(small, group, count);
  if (largeBase != 0) {
    for (let at: u32 = 0; at < bytes; at += 16) {
      v128.store(large + at, i64x2.sub(v128.load(large + at), v128.load(small + at)));
    }
  }
  const smallNode = load<u32>(SMALL_NODE);
  const largeNode = load<u32>(LARGE_NODE);
  // The sums of the root are those of any column.
  if (largeBase == 0 && group == 0) store<i64>(load<u32>(NODE_SUMS) + smallNode * 8, total(small));
  for (let i: u32 = 0; i < count; i++) {
    const slot = load<u32>(load<u32>(ACTIVE_SLOTS) + (first + i) * 4);
    const at = i * HISTOGRAM_BYTES;
    if (smallNode != NOBODY) {
      const sums = largeBase == 0 ? total(small + at) : load<i64>(load<u32>(NODE_SUMS) + smallNode * 8);
      findSplit(small + at, sums, slot, smallNode, first + i);
    }
    if (largeNode != NOBODY) {
      findSplit(large + at, load<i64>(load<u32>(NODE_SUMS) + largeNode * 8), slot, largeNode, first + i);
    }
  }
}

function total(histogram: u32): i64 {
  let sum: i64 = 0;
  for (let at = histogram; at < histogram + HISTOGRAM_BYTES; at += 8) sum += load<i64>(at);
  return sum;
}

/** One load brings the bins of a row in all eight columns; lane i adds to the histogram i × 2048 bytes further on. */
function fill(histogram: u32, group: u32, count: u32): void {
  const isRoot = load<u32>(IDENTITY) == 1;
  let bins = load<u32>(isRoot ? GROUP_BINS : COLLECTED_BINS) + group * load<u32>(ROW_STRIDE) * GROUP;
  let gradients = load<u32>(isRoot ? PACKED : COLLECTED);
  const end = bins + load<u32>(COUNT) * 8;
  if (count > 4) {
    for (; bins < end; bins += 8, gradients += 8) {
      const gradient = load<i64>(gradients);
      add4(histogram, load<u32>(bins), gradient);
      add4(histogram + 4 * HISTOGRAM_BYTES, load<u32>(bins, 4), gradient);
    }
  } else {
    for (; bins < end; bins += 8, gradients += 8) add4(histogram, load<u32>(bins), load<i64>(gradients));
  }
}

// @ts-ignore: decorator
@inline
function add4(histogram: u32, bins: u32, gradient: i64): void {
  const a = histogram + ((bins << 3) & 0x7f8);
  store<i64>(a, load<i64>(a) + gradient);
  const b = histogram + ((bins >> 5) & 0x7f8);
  store<i64>(b, load<i64>(b, 2048) + gradient, 2048);
  const c = histogram + ((bins >> 13) & 0x7f8);
  store<i64>(c, load<i64>(c, 4096) + gradient, 4096);
  const d = histogram + ((bins >> 21) & 0x7f8);
  store<i64>(d, load<i64>(d, 6144) + gradient, 6144);
}
