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
 * Histograms of eight columns: the smaller child's from its rows, the larger one's as parent minus smaller; then both
 * are searched for splits while they are near.
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

/** One load reads the bins of a row in all eight columns; lane i adds to the histogram i × 2048 bytes further on. */
function fill(histogram: u32, group: u32, count: u32): void {
  const isRoot = load<u32>(IDENTITY) == 1;
  let bins = load<u32>(isRoot ? GROUP_BINS : COLLECTED_BINS) + group * load<u32>(ROW_STRIDE) * GROUP;
  let gradients = load<u32>(isRoot ? PACKED : COLLECTED);
  const end = bins + load<u32>(COUNT) * 8;
  if (count > 4) {
    for (; bins < end; bins += 8, gradients += 8) {
      const gradient = load<i64>(gradients);
      const low = load<u32>(bins);
      const high = load<u32>(bins, 4);
      const at0 = histogram + ((low << 3) & 0x7f8);
      store<i64>(at0, load<i64>(at0) + gradient);
      const at1 = histogram + ((low >> 5) & 0x7f8);
      store<i64>(at1, load<i64>(at1, 2048) + gradient, 2048);
      const at2 = histogram + ((low >> 13) & 0x7f8);
      store<i64>(at2, load<i64>(at2, 4096) + gradient, 4096);
      const at3 = histogram + ((low >> 21) & 0x7f8);
      store<i64>(at3, load<i64>(at3, 6144) + gradient, 6144);
      const at4 = histogram + ((high << 3) & 0x7f8);
      store<i64>(at4, load<i64>(at4, 8192) + gradient, 8192);
      const at5 = histogram + ((high >> 5) & 0x7f8);
      store<i64>(at5, load<i64>(at5, 10240) + gradient, 10240);
      const at6 = histogram + ((high >> 13) & 0x7f8);
      store<i64>(at6, load<i64>(at6, 12288) + gradient, 12288);
      const at7 = histogram + ((high >> 21) & 0x7f8);
      store<i64>(at7, load<i64>(at7, 14336) + gradient, 14336);
    }
  } else {
    for (; bins < end; bins += 8, gradients += 8) {
      const gradient = load<i64>(gradients);
      const low = load<u32>(bins);
      const at0 = histogram + ((low << 3) & 0x7f8);
      store<i64>(at0, load<i64>(at0) + gradient);
      const at1 = histogram + ((low >> 5) & 0x7f8);
      store<i64>(at1, load<i64>(at1, 2048) + gradient, 2048);
      const at2 = histogram + ((low >> 13) & 0x7f8);
      store<i64>(at2, load<i64>(at2, 4096) + gradient, 4096);
      const at3 = histogram + ((low >> 21) & 0x7f8);
      store<i64>(at3, load<i64>(at3, 6144) + gradient, 6144);
    }
  }
}
