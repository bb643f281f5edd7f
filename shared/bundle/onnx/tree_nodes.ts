import { attributesOf, type Attributes } from './attributes.ts';
import { nextBelow } from './float32.ts';
import type { OnnxNode } from './schema.ts';
import { emptyTree, type Tree, type TreeEnsemble } from './tree_ensemble.ts';
import { must, Unreadable } from './unreadable.ts';

export const ML_DOMAIN = 'ai.onnx.ml';
export const REGRESSOR = 'TreeEnsembleRegressor';
export const CLASSIFIER = 'TreeEnsembleClassifier';
/** Ten times the classes that `fit` takes: a foreign model must not take the memory of the daemon. */
const MOST_TARGETS = 10_000;

/**
 * The trees of a TreeEnsembleRegressor, or of a binary TreeEnsembleClassifier with LOGISTIC: one ensemble per target.
 * `<`, `>` and `>=` are rewritten as the `<=` of our trees, which changes no row's path.
 * @param manyTargets whether a regressor may have more than one
 * @throws Unreadable when our trees cannot represent them
 */
export function readTrees(node: OnnxNode, columns: number, manyTargets: boolean): TreeEnsemble[] {
  const isClassifier = node.operator === CLASSIFIER;
  const attributes = attributesOf(node);
  const post = attributes.text('post_transform', 'NONE');
  must(post === (isClassifier ? 'LOGISTIC' : 'NONE'), `post_transform "${post}"`);
  const aggregate = attributes.text('aggregate_function', 'SUM');
  must(aggregate === 'SUM', `aggregate_function "${aggregate}"`);
  const targets = isClassifier ? 1 : attributes.integer('n_targets', 1);
  if (isClassifier) {
    // Any other way of writing two classes means something else to onnxruntime.
    const labels = attributes.integers('classlabels_int64s').join();
    must(labels === '0,1', `class labels "${labels}"`);
  } else {
    must(targets === 1 || (targets > 1 && targets <= MOST_TARGETS && manyTargets), `${targets} targets`);
  }
  const base = attributes.floats('base_values');
  must(base.length === 0 || base.length === targets, `${base.length} base values`);

  const trees = readNodes(attributes, columns);
  const prefix = isClassifier ? 'class' : 'target';
  const targetOf = setLeaves(trees, targets, {
    treeIds: attributes.integers(`${prefix}_treeids`),
    nodeIds: attributes.integers(`${prefix}_nodeids`),
    targets: attributes.integers(`${prefix}_ids`),
    weights: attributes.floats(`${prefix}_weights`),
  });
  const treesOf = Array.from({ length: targets }, (): Tree[] => []);
  for (const [treeId, { tree }] of trees) treesOf[targetOf.get(treeId) ?? 0]!.push(tree);
  return treesOf.map((own, target) => ({ columns, baseScore: base[target] ?? 0, trees: own }));
}

/** A tree and the index in its arrays of each of its node ids. */
interface NumberedTree {
  readonly tree: Tree;
  readonly places: ReadonlyMap<number, number>;
  /** 1 at leaves whose value was read. */
  readonly hasValue: Uint8Array;
}

/** Trees by their ids, in the order in which onnxruntime sums them: that of their first nodes. */
function readNodes(attributes: Attributes, columns: number): Map<number, NumberedTree> {
  const treeIds = attributes.integers('nodes_treeids');
  const nodeIds = attributes.integers('nodes_nodeids');
  const featureIds = attributes.integers('nodes_featureids');
  const thresholds = attributes.floats('nodes_values');
  const trueIds = attributes.integers('nodes_truenodeids');
  const falseIds = attributes.integers('nodes_falsenodeids');
  const modes = attributes.texts('nodes_modes');
  const written = attributes.integers('nodes_missing_value_tracks_true');
  const missingTrue = written.length > 0 ? written : treeIds.map(() => 0);
  const cover = attributes.floats('nodes_hitrates');
  for (const list of [nodeIds, featureIds, thresholds, trueIds, falseIds, missingTrue, modes]) {
    must(list.length === treeIds.length, `node lists of ${treeIds.length} and ${list.length} entries`);
  }
  const rowsOf = new Map<number, number[]>();
  treeIds.forEach((treeId, at) => {
    const rows = rowsOf.get(treeId);
    if (rows === undefined) rowsOf.set(treeId, [at]);
    else rows.push(at);
  });
  must(rowsOf.size > 0, 'no trees');

  const trees = new Map<number, NumberedTree>();
  for (const [treeId, rows] of rowsOf) {
    const places = new Map(rows.map((at, place) => [nodeIds[at]!, place]));
    must(places.size === rows.length, `tree ${treeId}: a node id twice`);
    const isCovered = cover.length === treeIds.length;
    const counts = isCovered ? { cover: Float32Array.from(rows, (at) => cover[at]!) } : {};
    const tree: Tree = { ...emptyTree(rows.length), ...counts };
    rows.forEach((at, place) => {
      if (modes[at] === 'LEAF') return;
      const column = featureIds[at]!;
      must(column >= 0 && column < columns, `a split on column ${column} of ${columns}`);
      const ends = [places.get(trueIds[at]!), places.get(falseIds[at]!)] as const;
      must(ends[0] !== undefined && ends[1] !== undefined, `tree ${treeId}: node ${nodeIds[at]} leads nowhere`);
      const { threshold, isTurned } = asAtMost(modes[at]!, thresholds[at]!);
      tree.feature[place] = column;
      tree.threshold[place] = threshold;
      tree.left[place] = ends[isTurned ? 1 : 0]!;
      tree.right[place] = ends[isTurned ? 0 : 1]!;
      tree.missingLeft[place] = (missingTrue[at] === 1) !== isTurned ? 1 : 0;
    });
    must(isOneTree(tree), `tree ${treeId} is none`);
    trees.set(treeId, { tree, places, hasValue: new Uint8Array(rows.length) });
  }
  return trees;
}

/** The question of a node as `x <= threshold`, and whether yes and no change places for it. */
function asAtMost(mode: string, value: number): { threshold: number; isTurned: boolean } {
  must(!Number.isNaN(value), 'a threshold that is no number');
  switch (mode) {
    case 'BRANCH_LEQ':
      return { threshold: value, isTurned: false };
    case 'BRANCH_GT':
      return { threshold: value, isTurned: true };
    case 'BRANCH_LT':
    case 'BRANCH_GTE':
      must(value !== -Infinity, `${mode} at -Infinity`);
      return { threshold: nextBelow(value), isTurned: mode === 'BRANCH_GTE' };
    default:
      throw new Unreadable(`mode "${mode}"`);
  }
}

/** Returns whether every node is reached from the first one in exactly one way: so a walk ends. */
function isOneTree({ feature, left, right }: Tree): boolean {
  const seen = new Uint8Array(feature.length);
  const open = [0];
  let reached = 0;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen[node] === 1) return false;
    seen[node] = 1;
    reached++;
    if (feature[node]! >= 0) open.push(left[node]!, right[node]!);
  }
  return reached === feature.length;
}

/** @returns the target of each tree that has leaf values */
function setLeaves(
  trees: ReadonlyMap<number, NumberedTree>,
  targetCount: number,
  leaves: { treeIds: number[]; nodeIds: number[]; targets: number[]; weights: number[] },
): Map<number, number> {
  const { treeIds, nodeIds, targets, weights } = leaves;
  must(
    [nodeIds, targets, weights].every(({ length }) => length === treeIds.length),
    'leaf lists that differ',
  );
  const targetOf = new Map<number, number>();
  treeIds.forEach((treeId, i) => {
    const numbered = trees.get(treeId);
    const place = numbered?.places.get(nodeIds[i]!);
    must(
      numbered !== undefined && place !== undefined && numbered.tree.feature[place] === -1,
      `a leaf value for node ${nodeIds[i]} of tree ${treeId}`,
    );
    const target = targets[i]!;
    must(target >= 0 && target < targetCount, `a leaf value for target or class ${target}`);
    const own = targetOf.get(treeId) ?? target;
    must(own === target, `tree ${treeId} has leaf values for targets ${own} and ${target}`);
    targetOf.set(treeId, target);
    must(numbered.hasValue[place] === 0, `node ${nodeIds[i]} of tree ${treeId} has two leaf values`);
    numbered.hasValue[place] = 1;
    numbered.tree.value[place] = weights[i]!;
  });
  return targetOf;
}
