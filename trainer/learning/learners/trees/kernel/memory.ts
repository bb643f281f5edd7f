import * as at from './layout.ts';
import type { LearnerParams } from '../learner.ts';
import type { Plan } from './plan.ts';
import type { Reserve, SharedMemory } from './webassembly.ts';

/**
 * Rows of a piece of work: some 20 µs of it. Part of what the result is made of (float sums end with their piece), so
 * never a setting.
 */
export const CHUNK_ROWS = 4096;
/** Rows of a leaf that are summed in one go. */
export const LEAF_PIECE_ROWS = 8192;

const OBJECTIVES = {
  binary: at.BINARY,
  multiclass: at.MULTICLASS,
  regression: at.REGRESSION,
  quantile: at.QUANTILE_LOSS,
  forest: at.FOREST,
} as const;

/** The words of a memory by their address. */
export interface Words {
  get(address: number): number;
  set(address: number, value: number): void;
  setFloat32(address: number, value: number): void;
  setFloat64(address: number, value: number): void;
}

export function wordsOf(memory: SharedMemory): Words {
  const view = new DataView(memory.buffer);
  return {
    get: (address) => view.getUint32(address, true),
    set: (address, value) => view.setUint32(address, value, true),
    setFloat32: (address, value) => view.setFloat32(address, value, true),
    setFloat64: (address, value) => view.setFloat64(address, value, true),
  };
}

/** Computes the destination of the rows of each piece of a partition; returns how many go left. */
export function placeParts(buffer: SharedArrayBuffer, words: Words, pieces: number): number {
  const left = new Uint32Array(buffer, words.get(at.CHUNK_LEFT), pieces);
  const before = new Uint32Array(buffer, words.get(at.CHUNK_LEFT_BEFORE), pieces);
  let sum = 0;
  for (let piece = 0; piece < pieces; piece++) {
    before[piece] = sum;
    sum += left[piece]!;
  }
  words.set(at.LEFT_COUNT, sum);
  return sum;
}

/** Columns that a tree may split on: all, or a share of them. */
export function activeColumns({ columns, params }: Plan): number {
  return Math.max(1, Math.round(params.columnFraction * columns.length));
}

/** Gives out addresses one behind the other, each at the start of a cache line. */
function allocator(start: number): { take(bytes: number): number; end(): number } {
  let next = start;
  const align = (address: number): number => Math.ceil(address / 64) * 64;
  return {
    take(bytes) {
      const address = align(next);
      next = address + bytes;
      return address;
    },
    end: () => align(next),
  };
}

/** Nodes of a tree at most. */
export function nodeCapacity({ leaves }: Pick<LearnerParams, 'leaves'>): number {
  return 2 * leaves - 1;
}

/** How many of each a fit has. */
function sizesOf(plan: Plan) {
  const { rows, params, columns, sample } = plan;
  const stride = Math.ceil(rows / 16) * 16;
  const active = activeColumns(plan);
  const sampleRows = sample?.length ?? rows;
  return {
    slots: columns.length,
    stride,
    chunks: Math.ceil(stride / CHUNK_ROWS),
    active,
    groups: Math.ceil(active / at.GROUP),
    nodes: nodeCapacity(params),
    leafPieces: params.leaves + Math.ceil(rows / LEAF_PIECE_ROWS),
    sampleRows,
    scratchBytes: Math.ceil((stride * 4 * at.GROUP + sampleRows * 8 + 3 * 2048 * 4) / 64) * 64,
  };
}

type Sizes = ReturnType<typeof sizesOf>;
/** Gives a field of the header the address of so many bytes. */
type Give = (field: number, bytes: number) => void;

/** Data present from binning to the last tree. */
function giveWhole(give: Give, { objective, hasWeights, width, classes, stopping }: Plan, sizes: Sizes): void {
  const { slots, stride } = sizes;
  give(at.SLOT_COLUMNS, slots * 4);
  give(at.ACTIVE_SLOTS, slots * 4);
  give(at.EDGES, slots * 256 * 4);
  give(at.EDGE_COUNTS, slots * 4);
  give(at.COUNTS, 256 * 4);
  give(at.CLASS_CODES, objective.kind === 'forest' && objective.target === 'class' ? objective.classes * 4 : 0);
  give(at.COLUMN_BINS, slots * stride);
  give(at.TARGETS, stride * 8);
  give(at.WEIGHTS, hasWeights ? stride * 4 : 0);
  if (stopping === null) return;
  give(at.STOPPING_X, stopping.rows * width * 4);
  give(at.STOPPING_SCORES, stopping.rows * classes * 8);
  give(at.STOPPING_TARGETS, stopping.rows * 8);
  give(at.STOPPING_WEIGHTS, stopping.hasWeights ? stopping.rows * 4 : 0);
  give(at.STOPPING_LOSSES, Math.ceil(stopping.rows / CHUNK_ROWS) * 8);
}

/** Data for binning alone. */
function giveBinning(give: Give, { rows, width, sample, threads }: Plan, { sampleRows, scratchBytes }: Sizes): void {
  give(at.X, rows * width * 4);
  give(at.SAMPLE, sample === null ? 0 : sampleRows * 4);
  give(at.SCRATCH, scratchBytes * threads);
}

/** Data for growing trees. */
function giveBoosting(give: Give, { rows, classes, params }: Plan, sizes: Sizes): void {
  const { groups, stride, chunks, leafPieces, nodes, active } = sizes;
  give(at.GROUP_BINS, groups * stride * at.GROUP);
  give(at.ROW_BINS, groups * stride * at.GROUP);
  give(at.COLLECTED_BINS, groups * stride * at.GROUP);
  give(at.SCORES, classes * stride * 8);
  give(at.GRADIENTS, classes * stride * 8);
  give(at.PACKED, stride * 8);
  give(at.COLLECTED, stride * 8);
  for (const field of [at.ORDER, at.WENT_LEFT, at.WENT_RIGHT]) give(field, stride * 4);
  for (const field of [at.CHUNK_LEFT, at.CHUNK_LEFT_BEFORE]) give(field, Math.ceil(rows / at.PART_ROWS) * 4);
  give(at.CHUNK_LIMITS, chunks * classes * 16);
  give(at.LEAF_PIECES, leafPieces * 16);
  give(at.LEAF_SUMS, leafPieces * 16);
  give(at.NODE_SUMS, nodes * 8);
  give(at.NODES, nodes * at.NODE_BYTES);
  give(at.SPLITS, nodes * active * at.SPLIT_BYTES);
  // Lanes of a group without a column add up somewhere too.
  give(at.HISTOGRAMS, params.leaves * groups * at.GROUP * at.HISTOGRAM_BYTES);
}

function writeHeader(words: Words, plan: Plan, sizes: Sizes): void {
  const { rows, width, classes, params, objective, stopping } = plan;
  words.set(at.ROWS, rows);
  words.set(at.ROW_STRIDE, sizes.stride);
  words.set(at.WIDTH, width);
  words.set(at.SLOTS, sizes.slots);
  words.set(at.CLASSES, classes);
  words.set(at.OBJECTIVE, OBJECTIVES[objective.kind]);
  words.set(at.MAX_BINS, params.maxBins);
  words.set(at.SAMPLE_ROWS, sizes.sampleRows);
  words.set(at.ACTIVE, sizes.active);
  words.set(at.MIN_DATA, params.minDataInLeaf);
  words.set(at.SCRATCH_BYTES, sizes.scratchBytes);
  words.set(at.CHUNK_ROWS, CHUNK_ROWS);
  words.set(at.STOPPING_ROWS, stopping?.rows ?? 0);
  words.setFloat64(at.QUANTILE, objective.kind === 'quantile' ? objective.quantile : 0);
  const focal = objective.kind === 'multiclass' ? objective.focal : undefined;
  words.setFloat64(at.FOCAL_GAMMA, focal?.gamma ?? 0);
  words.setFloat64(at.FOCAL_ALPHA, focal?.alpha ?? 0);
}

/**
 * Reserves memory for a fit and writes its header. Data for binning alone shares its addresses with later data.
 *
 * Bytes: per row and column 5 while binning, 4 afterward; per row 8 + 32 per thread while binning, 36 + 16 per class
 * afterward (+ 4 with weights); per leaf 2048 per column; 4 per row and column of the stopping table. 4 GB are some 18
 * million rows of 30 columns.
 * @throws MinutehandError LEARNER_MEMORY when 32-bit addresses do not suffice
 */
export function layOut(plan: Plan, reserve: Reserve): SharedMemory {
  const { columns, sample } = plan;
  const sizes = sizesOf(plan);
  const addresses = new Map<number, number>();
  const giveFrom =
    (from: ReturnType<typeof allocator>): Give =>
    (field, bytes) =>
      addresses.set(field, bytes === 0 ? 0 : from.take(bytes));
  const whole = allocator(at.HEADER_BYTES);
  giveWhole(giveFrom(whole), plan, sizes);
  const binning = allocator(whole.end());
  giveBinning(giveFrom(binning), plan, sizes);
  const boosting = allocator(whole.end());
  giveBoosting(giveFrom(boosting), plan, sizes);

  // A vector may be loaded where the last array ends.
  const memory = reserve(Math.max(binning.end(), boosting.end()) + 64);
  const words = wordsOf(memory);
  for (const [field, address] of addresses) words.set(field, address);
  writeHeader(words, plan, sizes);
  const { buffer } = memory;
  new Uint32Array(buffer, words.get(at.SLOT_COLUMNS), columns.length).set(columns);
  if (sample !== null) new Uint32Array(buffer, words.get(at.SAMPLE), sample.length).set(sample);
  return memory;
}
