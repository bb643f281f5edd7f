import type { Tree, TreeEnsemble } from '../onnx/tree_ensemble.ts';

/** Rows the kernel scores in one pass: as many lanes has a column. */
export const PASS_ROWS = 12;
const LEAVES_PER_WORD = 32;
const NODE_BYTES = 12;
const WORD_HEADER_BYTES = 8;
const WALKED_TOGETHER = 8;
const GROUP_WORDS = 1 + WALKED_TOGETHER;
const WALKED_NODE_WORDS = 4;
const KIND = { whole: 0, first: 1, later: 2 } as const;

/**
 * An ensemble as tree_kernel.as.ts reads it, one block of bytes at any address that four divides, little-endian:
 *
 * - Per word of up to 32 leaves (a larger tree has several, from left to right): kind u16, leaf values u16, bytes of
 *   the nodes u32; per node its column in bytes u32, threshold f32, and the leaves u32 that remain for a row that goes
 *   right; the leaf values f32. Words of larger trees have 33 of them, the last one 0 for rows whose leaf is in another
 *   word.
 * - Per group of eight trees: steps to the deepest leaf u32, the roots u32.
 * - Per node: its column in bytes u32, threshold f32, left and right child u32. A leaf has its value for a threshold
 *   and is its own child.
 *
 * A node that sends missing values left reads a second copy of its column, in which they are −∞.
 */
export interface PackedTrees {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: number;
  readonly groups: number;
  readonly groupsAt: number;
  readonly walkedNodesAt: number;
  readonly columns: number;
  readonly base: number;
  readonly link: 'none' | 'sigmoid';
}

/** @param ensemble thresholds are numbers, infinite ones included, and all nodes of a tree hang together. */
export function packTrees(ensemble: TreeEnsemble, link: 'none' | 'sigmoid'): PackedTrees {
  const { columns, baseScore, trees } = ensemble;
  const layouts = trees.map(layOut);
  const groups = Math.ceil(trees.length / WALKED_TOGETHER);
  const groupsAt = layouts.reduce((sum, layout) => sum + wordsBytes(layout), 0);
  const walkedNodesAt = groupsAt + groups * GROUP_WORDS * 4;
  // One more than there are: the leaf of value 0 that fills the last group.
  const walkedNodes = trees.reduce((sum, tree) => sum + tree.feature.length, 1);
  const bytes = new Uint8Array(walkedNodesAt + walkedNodes * WALKED_NODE_WORDS * 4);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [i, tree] of trees.entries()) at = writeWords(view, at, tree, layouts[i]!, columns);
  const roots = writeWalkedNodes(view, walkedNodesAt, trees, columns);
  const depths = layouts.map(({ depth }) => depth);
  writeGroups(view, groupsAt, roots, depths);
  const words = layouts.reduce((sum, layout) => sum + layout.words.length, 0);
  return { bytes, words, groups, groupsAt, walkedNodesAt, columns, base: baseScore, link };
}

/** A tree with its leaves numbered from left to right. */
interface Layout {
  readonly firstLeaf: Int32Array;
  readonly leavesUnder: Int32Array;
  readonly leafCount: number;
  readonly depth: number;
  /** Per word of leaves the nodes that have leaves of it on their left. */
  readonly words: readonly (readonly number[])[];
}

function layOut(tree: Tree): Layout {
  const { feature, left, right } = tree;
  const parentsFirst: number[] = [];
  const depths = new Int32Array(feature.length);
  const open = [0];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    parentsFirst.push(node);
    if (feature[node]! < 0) continue;
    for (const child of [right[node]!, left[node]!]) {
      depths[child] = depths[node]! + 1;
      open.push(child);
    }
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
  return { firstLeaf, leavesUnder, leafCount, depth: depths.reduce((most, depth) => Math.max(most, depth), 0), words };
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

/** @returns the root of each tree, and last the leaf of value 0, in bytes from the first node */
function writeWalkedNodes(view: DataView, start: number, trees: readonly Tree[], columns: number): number[] {
  const roots: number[] = [];
  let at = start;
  for (const tree of trees) {
    const root = at - start;
    roots.push(root);
    for (let node = 0; node < tree.feature.length; node++) {
      const isLeaf = tree.feature[node]! < 0;
      const place = (of: number): number => root + of * WALKED_NODE_WORDS * 4;
      view.setUint32(at, isLeaf ? 0 : slotOf(tree, node, columns) * 4, true);
      view.setFloat32(at + 4, isLeaf ? tree.value[node]! : tree.threshold[node]!, true);
      view.setUint32(at + 8, place(isLeaf ? node : tree.left[node]!), true);
      view.setUint32(at + 12, place(isLeaf ? node : tree.right[node]!), true);
      at += WALKED_NODE_WORDS * 4;
    }
  }
  const nothing = at - start;
  view.setUint32(at + 8, nothing, true);
  view.setUint32(at + 12, nothing, true);
  return [...roots, nothing];
}

function writeGroups(view: DataView, start: number, roots: readonly number[], depths: readonly number[]): void {
  let at = start;
  for (let first = 0; first < depths.length; first += WALKED_TOGETHER) {
    view.setUint32(at, Math.max(...depths.slice(first, first + WALKED_TOGETHER)), true);
    for (let i = 0; i < WALKED_TOGETHER; i++) {
      view.setUint32(at + 4 + i * 4, roots[first + i] ?? roots.at(-1)!, true);
    }
    at += GROUP_WORDS * 4;
  }
}
