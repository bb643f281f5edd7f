import {
  ACTIVE,
  CHUNK_LEFT,
  CHUNK_LEFT_BEFORE,
  COLLECT,
  COLLECTED,
  COLLECTED_BINS,
  COLUMN_BINS,
  COUNT,
  GROUP,
  IDENTITY,
  LEFT_COUNT,
  ORDER,
  PACKED,
  PART_ROWS,
  ROW_BINS,
  ROW_STRIDE,
  SPLIT_BIN,
  SPLIT_COLUMN,
  SPLIT_MISSING_LEFT,
  START,
  WENT_LEFT,
  WENT_RIGHT,
} from './layout';

/**
 * Parts a chunk of a node's rows, both sides in their old order. Every row is written to both places and only one of
 * the two moves on: a branch would be a coin toss.
 */
export function part(chunk: u32): void {
  const start = load<u32>(START);
  const from = start + chunk * PART_ROWS;
  const to = min<u32>(from + PART_ROWS, start + load<u32>(COUNT));
  const wentLeft = load<u32>(WENT_LEFT) + from * 4;
  store<u32>(load<u32>(CHUNK_LEFT) + chunk * 4, partRows(from, to, wentLeft, load<u32>(WENT_RIGHT) + from * 4));
}

/** The same for a node of few rows by one thread; returns how many went left. */
export function partAlone(): u32 {
  const start = load<u32>(START);
  const count = load<u32>(COUNT);
  const order = load<u32>(ORDER) + start * 4;
  const wentRight = load<u32>(WENT_RIGHT);
  const left = partRows(start, start + count, order, wentRight);
  memory.copy(order + left * 4, wentRight, (count - left) * 4);
  return left;
}

function partRows(from: u32, to: u32, left: u32, right: u32): u32 {
  const bins = load<u32>(COLUMN_BINS) + load<u32>(SPLIT_COLUMN) * load<u32>(ROW_STRIDE);
  // The missing bin, 255, is one more than no bin: rotated by one it precedes bin 0.
  const turn = load<u32>(SPLIT_MISSING_LEFT);
  const limit = load<u32>(SPLIT_BIN) + turn;
  const start = left;
  if (load<u32>(IDENTITY) == 1) {
    for (let row = from; row < to; row++) {
      const isLeft = (((load<u8>(bins + row) as u32) + turn) & 255) <= limit;
      store<u32>(left, row);
      store<u32>(right, row);
      left += (isLeft as u32) << 2;
      right += (!isLeft as u32) << 2;
    }
    return (left - start) >> 2;
  }
  let at = load<u32>(ORDER) + from * 4;
  const end = load<u32>(ORDER) + to * 4;
  for (; at < end; at += 4) {
    const row = load<u32>(at);
    const isLeft = (((load<u8>(bins + row) as u32) + turn) & 255) <= limit;
    store<u32>(left, row);
    store<u32>(right, row);
    left += (isLeft as u32) << 2;
    right += (!isLeft as u32) << 2;
  }
  return (left - start) >> 2;
}

/**
 * Moves the partitioned rows of a chunk to their destination, and the gradients of the child selected by COLLECT into
 * the order of its rows.
 */
export function move(chunk: u32): void {
  const start = load<u32>(START);
  const from = start + chunk * PART_ROWS;
  const to = min<u32>(from + PART_ROWS, start + load<u32>(COUNT));
  const left = load<u32>(load<u32>(CHUNK_LEFT) + chunk * 4);
  const right = to - from - left;
  const leftBefore = load<u32>(load<u32>(CHUNK_LEFT_BEFORE) + chunk * 4);
  const rightBefore = chunk * PART_ROWS - leftBefore;
  const order = load<u32>(ORDER) + start * 4;
  const toLeft = order + leftBefore * 4;
  const toRight = order + (load<u32>(LEFT_COUNT) + rightBefore) * 4;
  memory.copy(toLeft, load<u32>(WENT_LEFT) + from * 4, left * 4);
  memory.copy(toRight, load<u32>(WENT_RIGHT) + from * 4, right * 4);
  const side = load<u32>(COLLECT);
  if (side == 1) collect(toLeft, left, leftBefore);
  else if (side == 2) collect(toRight, right, rightBefore);
}

/**
 * Copies the rounded gradients and bins of `count` rows listed at `rows` contiguously to position `to` on. Random
 * access to rows is bound by memory latency, so each row is read once, with no other work in between.
 */
export function collect(rows: u32, count: u32, to: u32): void {
  const packed = load<u32>(PACKED);
  const rowBins = load<u32>(ROW_BINS);
  const groups = (load<u32>(ACTIVE) + GROUP - 1) / GROUP;
  const rowBytes = groups * GROUP;
  const stride = load<u32>(ROW_STRIDE) * GROUP;
  let at = load<u32>(COLLECTED) + to * 8;
  let binsAt = load<u32>(COLLECTED_BINS) + to * 8;
  const end = rows + count * 4;
  if (groups == 4) {
    for (; rows < end; rows += 4, at += 8, binsAt += 8) {
      const row = load<u32>(rows);
      store<i64>(at, load<i64>(packed + (row << 3)));
      const from = rowBins + (row << 5);
      store<u64>(binsAt, load<u64>(from));
      store<u64>(binsAt + stride, load<u64>(from, 8));
      store<u64>(binsAt + 2 * stride, load<u64>(from, 16));
      store<u64>(binsAt + 3 * stride, load<u64>(from, 24));
    }
    return;
  }
  for (; rows < end; rows += 4, at += 8, binsAt += 8) {
    const row = load<u32>(rows);
    store<i64>(at, load<i64>(packed + (row << 3)));
    let from = rowBins + row * rowBytes;
    const rowEnd = from + rowBytes;
    for (let place = binsAt; from < rowEnd; from += 8, place += stride) store<u64>(place, load<u64>(from));
  }
}
