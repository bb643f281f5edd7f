/**
 * Addresses in the memory that kernel.as.ts and memory.ts share; both TypeScript and AssemblyScript read this file, so
 * it is plain numbers. Addresses in bytes. Words are 32 bits, little-endian, unless stated otherwise.
 */

// Synchronization words, one cache line each.
/** 64 bits: number of the phase << 32 | pieces not taken yet. */
export const CLAIM = 64;
export const PHASE = 128;
export const DONE = 192;
/** 1: all threads return. */
export const STOP = 256;
export const SLEEPERS = 320;
export const CONDUCTOR_SLEEPS = 384;

// Parameters of the phase; written by the conductor, stable while a piece of it is in progress.
export const KIND = 448;
export const PIECES = 452;
export const START = 456;
export const COUNT = 460;
/** Class of a multiclass round. */
export const CLASS = 464;
/** Histograms: of the smaller child (or the root) and, where not 0, of the parent, which becomes the larger child's. */
export const SMALL = 468;
export const LARGE = 472;
/** Nodes whose splits are searched; NOBODY = none. */
export const SMALL_NODE = 476;
export const LARGE_NODE = 480;
/** 1: the rows are all rows in their own order. */
export const IDENTITY = 484;
/** The split that rows are parted by. */
export const SPLIT_COLUMN = 488;
export const SPLIT_BIN = 492;
export const SPLIT_MISSING_LEFT = 496;
/** Rows that go left, all pieces together. */
export const LEFT_COUNT = 500;
/** 0: neither child's, 1: the left child's, 2: the right child's gradients are copied into row order. */
export const COLLECT = 504;
/** f32 each: integer steps per unit of gradient and hessian. */
export const GRADIENT_STEPS = 508;
export const HESSIAN_STEPS = 512;
/** Random key of the tree. */
export const KEY = 516;
/** A row is in the tree when its hash is below this share of 2^32; 0 = bootstrap by Poisson weights. */
export const BAG_LIMIT = 520;

// The problem; written once.
export const ROWS = 576;
/** Rows rounded up to a multiple of 16: the distance between columns. */
export const ROW_STRIDE = 580;
export const WIDTH = 584;
export const SLOTS = 588;
export const CLASSES = 592;
export const OBJECTIVE = 596;
export const MAX_BINS = 600;
export const SAMPLE_ROWS = 604;
/** Slots that may split the tree in progress: their number and their list. */
export const ACTIVE = 608;
export const ACTIVE_SLOTS = 612;
/** 32 = gradient above a 32-bit hessian sum; less: gradient above a row count of so many bits. */
export const COUNT_BITS = 616;
export const MIN_DATA = 620;
export const SCRATCH_BYTES = 624;
export const CHUNK_ROWS = 628;
export const STOPPING_ROWS = 632;
export const SAMPLED = 636;

// 64-bit floats.
export const L1 = 640;
export const L2 = 648;
/** Least sum of hessians of a side, in steps. */
export const MIN_HESSIAN = 656;
/** With less on a side it has too few rows for sure. */
export const MIN_SIDE = 664;
/** With so much on both sides they have rows enough for sure. */
export const SURE_SIDE = 672;
export const QUANTILE = 680;
/** Focal loss of a multiclass task; alpha 0 = cross-entropy. */
export const FOCAL_GAMMA = 688;
export const FOCAL_ALPHA = 696;

// Addresses of arrays.
/** f32 [rows][width]; dead after binning. */
export const X = 704;
/** u32 [slots]: the column of x. */
export const SLOT_COLUMNS = 708;
/** u32 [sample rows], or 0 = the first ones. */
export const SAMPLE = 712;
/** f32 [slots][256]. */
export const EDGES = 716;
/** u32 [slots]. */
export const EDGE_COUNTS = 720;
/** u8 [slots][row stride]. */
export const COLUMN_BINS = 724;
/** u8 [groups][row stride][8], a group being eight active columns: for all rows in their own order. */
export const GROUP_BINS = 728;
export const SCRATCH = 732;
/** f64 [classes][row stride]. */
export const SCORES = 736;
/** f64 [row stride]. */
export const TARGETS = 740;
/** f32 [row stride], or 0 = 1 each. */
export const WEIGHTS = 744;
/** f32 [classes][row stride][gradient, hessian]. */
export const GRADIENTS = 748;
/** i64 [row stride]: the rounded gradients of the tree in progress. */
export const PACKED = 752;
/** i64 [row stride]: those of a node's rows, one behind the other. */
export const COLLECTED = 756;
/** u32 [row stride] each. */
export const ORDER = 760;
export const WENT_LEFT = 764;
export const WENT_RIGHT = 768;
/** u32 [pieces of a parting]: rows that go left, and those that do so in earlier pieces. */
export const CHUNK_LEFT = 772;
export const CHUNK_LEFT_BEFORE = 840;
/** f32 [chunks][classes][largest |gradient|, largest hessian, smallest hessian, –]. */
export const CHUNK_LIMITS = 776;
/** 4 words [pieces]: start, end, node, –. */
export const LEAF_PIECES = 780;
/** f64 [pieces][gradient, hessian]. */
export const LEAF_SUMS = 784;
/** i64 [nodes]: the sums of its rows. */
export const NODE_SUMS = 788;
/** 8 words [nodes]: slot or NOBODY, column, threshold f32, bin, missing left, left, right, value f32. */
export const NODES = 792;
/** 8 words [nodes][active]: see split.as.ts. */
export const SPLITS = 796;
/** f32 [rows][width], f64 [classes][rows], f64 [rows], f32 [rows] or 0, f64 [chunks]. */
export const STOPPING_X = 800;
export const STOPPING_SCORES = 804;
export const STOPPING_TARGETS = 808;
export const STOPPING_WEIGHTS = 812;
export const STOPPING_LOSSES = 816;
/** u32 [256]. */
export const COUNTS = 820;
/** i64 [leaves][groups][8][256]. */
export const HISTOGRAMS = 824;
/** u8 [row stride][groups][8]: for rows here and there. */
export const ROW_BINS = 828;
/** u8 [groups][row stride][8]: those of a node's rows, one behind the other. */
export const COLLECTED_BINS = 832;
/** f32 [classes]: what a tree of a forest of classes takes each for; 0 = the targets are numbers. */
export const CLASS_CODES = 836;

export const HEADER_BYTES = 1024;

export const GROUP = 8;
export const HISTOGRAM_BYTES = 2048;
export const MISSING_BIN = 255;
/** Rows of a piece when a node is parted. */
export const PART_ROWS = 2048;
export const NODE_BYTES = 32;
export const SPLIT_BYTES = 32;
export const NOBODY = 0xffffffff;

export const BINARY = 0;
export const MULTICLASS = 1;
export const REGRESSION = 2;
export const QUANTILE_LOSS = 3;
export const FOREST = 4;

export const BIN = 1;
export const PACK = 2;
export const DIFFERENTIATE = 3;
export const ROUND = 4;
export const HISTOGRAM = 5;
export const PART = 6;
export const MOVE = 7;
export const SUM_LEAVES = 8;
export const ADD_LEAVES = 9;
export const WALK_UNSEEN = 10;
export const STOPPING_LOSS = 11;
export const LEAF_QUANTILES = 12;
export const BAG = 13;
