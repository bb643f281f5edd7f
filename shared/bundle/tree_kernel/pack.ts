import type { Sums } from '../onnx/tree_graph.ts';
import type { Tree, TreeEnsemble } from '../onnx/tree_ensemble.ts';

/** Rows the kernel scores in one pass: as many lanes has a column. */
export const PASS_ROWS = 12;
const LEAVES_PER_WORD = 32;
const NODE_BYTES = 12;
const WORD_HEADER_BYTES = 8;
const KIND = { whole: 0, first: 1, later: 2 } as const;

/**
 * An ensemble as tree_kernel.as.ts reads it, one block of bytes at any address that four divides, little-endian. Per
 * word of up to 32 leaves (a larger tree has several, from left to right): kind u16, leaf values u16, bytes of the
 * nodes u32; per node its column in bytes u32, threshold f32, and the leaves u32 that remain for a row that goes right;
 * the leaf values f32. Words of larger trees have 33 of them, the last one 0 for rows whose leaf is in another word.
 *
 * A node that sends missing values left reads a second copy of its column, in which they are −∞.
 */
export interface PackedTrees {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: number;
  readonly columns: number;
  readonly base: number;
  readonly link: 'none' | 'sigmoid';
  readonly sums: Sums;
}

/**
 * @param ensemble thresholds are numbers, infinite ones included, and all nodes of a tree hang together.
 * @param sums type that the leaves of a row are summed in; with float64 the sum is rounded to float32 once
 */
export function packTrees(
  ensemble: TreeEnsemble,
  link: PackedTrees['link'],
  sums: PackedTrees['sums'] = 'float32',
): PackedTrees {
  const { columns, baseScore, trees } = ensemble;
  const layouts = trees.map(layOut);
  const bytes = new Uint8Array(layouts.reduce((sum, layout) => sum + wordsBytes(layout), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [i, tree] of trees.entries()) at = writeWords(view, at, tree, layouts[i]!, columns);
  const words = layouts.reduce((sum, layout) => sum + layout.words.length, 0);
  return { bytes, words, columns, base: baseScore, link, sums };
}

/** A tree with its leaves numbered from left to right. */
interface Layout {
  readonly firstLeaf: Int32Array;
  readonly leavesUnder: Int32Array;
  readonly leafCount: number;
  /** Per word of leaves the nodes that have leaves of it on their left. */
  readonly words: readonly (readonly number[])[];
}

function layOut(tree: Tree): Layout {
  const { feature, left, right } = tree;
  const parentsFirst: number[] = [];
  const open = [0];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    parentsFirst.push(node);
    if (feature[node]! < 0) continue;
    open.push(right[node]!, left[node]!);
  }
  const leavesUnder = new Int32Array(feature.length).fill(1);
  for (let i = parentsFirst.length - 1; i >= 0; i--) {
    const node = parentsFirst[i]!;
    if (feature[node]! >= 0) leavesUnder[node] = leavesUnder[left[node]!]! + leavesUnder[right[node]!]!;
  }
  const leafCount = leavesUnder[0]!;
  const firstLeaf = new Int32Array(feature.length);
  const words = Array.from({ length: Math.ceil(leafCount / LEAVES_PER_WORD) }, (): number[] => []);
  for (const node of parentsFirst) {
    if (feature[node]! < 0) continue;
    const from = firstLeaf[node]!;
    const to = from + leavesUnder[left[node]!]!;
    firstLeaf[left[node]!] = from;
    firstLeaf[right[node]!] = to;
    for (let word = from >>> 5; word <= (to - 1) >>> 5; word++) words[word]!.push(node);
  }
  return { firstLeaf, leavesUnder, leafCount, words };
}

/** Number of leaf values after the nodes of a word. */
function valueCount({ words, leafCount }: Layout): number {
  return words.length === 1 ? leafCount : LEAVES_PER_WORD + 1;
}

function wordsBytes(layout: Layout): number {
  const values = valueCount(layout) * 4;
  return layout.words.reduce((sum, nodes) => sum + WORD_HEADER_BYTES + nodes.length * NODE_BYTES + values, 0);
}

/** The second copies follow all first ones. */
function slotOf(tree: Tree, node: number, columns: number): number {
  return tree.feature[node]! + (tree.missingLeft[node] === 1 ? columns : 0);
}

/** @returns where the next tree begins */
function writeWords(view: DataView, start: number, tree: Tree, layout: Layout, columns: number): number {
  const { firstLeaf, leavesUnder, words } = layout;
  const values = valueCount(layout);
  const leafNodes = [...tree.feature.keys()].filter((node) => tree.feature[node]! < 0);
  let at = start;
  for (const [word, nodes] of words.entries()) {
    const firstOfWord = word * LEAVES_PER_WORD;
    view.setUint16(at, words.length === 1 ? KIND.whole : word === 0 ? KIND.first : KIND.later, true);
    view.setUint16(at + 2, values, true);
    view.setUint32(at + 4, nodes.length * NODE_BYTES, true);
    at += WORD_HEADER_BYTES;
    for (const node of nodes) {
      const from = firstLeaf[node]! - firstOfWord;
      const to = from + leavesUnder[tree.left[node]!]!;
      view.setUint32(at, slotOf(tree, node, columns) * PASS_ROWS * 4, true);
      view.setFloat32(at + 4, tree.threshold[node]!, true);
      view.setUint32(at + 8, ~bitsBetween(Math.max(from, 0), Math.min(to, LEAVES_PER_WORD)) >>> 0, true);
      at += NODE_BYTES;
    }
    for (const node of leafNodes) {
      const place = firstLeaf[node]! - firstOfWord;
      if (place >= 0 && place < LEAVES_PER_WORD) view.setFloat32(at + place * 4, tree.value[node]!, true);
    }
    at += values * 4;
  }
  return at;
}

/** Bits from `from` up to, not including, `to`; 0 ≤ from < to ≤ 32. */
function bitsBetween(from: number, to: number): number {
  const below = to === 32 ? -1 : (1 << to) - 1;
  return below & ~((1 << from) - 1);
}
