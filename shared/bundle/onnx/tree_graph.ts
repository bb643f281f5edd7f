import { MinutehandError } from '../../errors.ts';
import { nextBelow } from './float32.ts';
import { decodeModel, ELEMENT_FLOAT32, ELEMENT_FLOAT64, type OnnxModel, type OnnxNode } from './schema.ts';
import { emptyTree, type Link, type Tree, type TreeEnsemble, type TreeModel } from './tree_ensemble.ts';

export const ML_DOMAIN = 'ai.onnx.ml';
export const REGRESSOR = 'TreeEnsembleRegressor';
const CLASSIFIER = 'TreeEnsembleClassifier';

/** A graph that is nothing but trees, a sum, and perhaps a sigmoid. */
export interface TreeGraph {
  readonly ensemble: TreeEnsemble;
  /** Transformation of the sum: none, or the probability of which it is the logit. */
  readonly link: 'none' | 'sigmoid';
  readonly metadata: Record<string, string>;
}

/**
 * Reads a TreeEnsembleRegressor of one target, with or without a Sigmoid after it, or a binary TreeEnsembleClassifier
 * with LOGISTIC (ONNX operators of ai.onnx.ml 1 to 3). `<`, `>` and `>=` are rewritten as the `<=` of our trees, which
 * changes no row's path.
 * @throws MinutehandError MODEL_LOAD when the bytes are no ONNX file or a graph of another kind; it names what was
 * seen.
 */
export function decodeTreeGraph(bytes: Uint8Array): TreeGraph {
  return decode(bytes, (model) => {
    const { ensembles, link, metadata } = readGraph(model, PLAIN);
    return { ensemble: ensembles[0]!, link: link === 'sigmoid' ? link : 'none', metadata };
  });
}

/**
 * Reads the output of `encodeTreeModel`, and everything that `decodeTreeGraph` reads: the model (an ensemble of no
 * trees is returned with one tree of one empty leaf) and the metadata.
 * @throws MinutehandError MODEL_LOAD as `decodeTreeGraph`
 */
export function decodeTreeModel(bytes: Uint8Array): { model: TreeModel; metadata: Record<string, string> } {
  return decode(bytes, (graph) => {
    const { ensembles, link, metadata } = readGraph(graph, ANY);
    return { model: { link, ensembles }, metadata };
  });
}

function decode<T>(bytes: Uint8Array, read: (model: OnnxModel) => T): T {
  try {
    return read(decodeModel(bytes));
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const seen = cause instanceof Unreadable ? text : `${bytes.length} bytes that are not ONNX (${text})`;
    throw new MinutehandError('MODEL_LOAD', { seen, expected: `an ONNX file with one ${REGRESSOR}`, cause });
  }
}

/** Operators allowed around the trees, and the allowed numbers of answers. */
interface Accepted {
  readonly before: readonly string[];
  readonly behind: readonly string[];
  readonly manyTargets: boolean;
}

/** The subset of graphs that the WASM scorer computes. */
const PLAIN: Accepted = { before: [], behind: ['Sigmoid'], manyTargets: false };
const ANY: Accepted = { before: ['Cast'], behind: ['Sigmoid', 'Softmax'], manyTargets: true };

/** A construct that our trees cannot represent. */
class Unreadable extends Error {}

function must(holds: boolean, seen: string): asserts holds {
  if (!holds) throw new Unreadable(seen);
}

interface ReadGraph {
  readonly ensembles: readonly TreeEnsemble[];
  readonly link: Link;
  readonly metadata: Record<string, string>;
}

function readGraph({ graph, metadata }: OnnxModel, accepted: Accepted): ReadGraph {
  must((graph?.nodes ?? []).length > 0, 'no operators');
  const isCast = accepted.before.includes(graph.nodes[0]!.operator) && graph.nodes.length > 1;
  const cast = isCast ? graph.nodes[0]! : undefined;
  const [trees, behind, ...more] = graph.nodes.slice(isCast ? 1 : 0) as [OnnxNode, OnnxNode?, ...OnnxNode[]];
  const operators = graph.nodes.map((node) => node.operator).join(', ');
  const isKnown = behind === undefined || accepted.behind.includes(behind.operator);
  must(more.length === 0 && isKnown, `operators "${operators}"`);
  must(trees.domain === ML_DOMAIN, `operators "${operators}"`);

  must(graph.inputs.length === 1, `${graph.inputs.length} inputs`);
  const tensor = graph.inputs[0]!.type?.tensor;
  const dimensions = tensor?.shape?.dimensions ?? [];
  const columns = dimensions[1]?.size ?? 0;
  must(dimensions.length === 2 && columns > 0, 'an input of unknown width');
  must(tensor.elementType === ELEMENT_FLOAT32, `an input of element type ${tensor.elementType}`);
  if (cast !== undefined) {
    const to = attributesOf(cast).integer('to', 0);
    must(to === ELEMENT_FLOAT64, `a Cast to element type ${to}`);
    must(cast.outputs[0] === trees.inputs[0], 'a Cast of something else');
  }

  const isClassifier = trees.operator === CLASSIFIER;
  must(isClassifier || trees.operator === REGRESSOR, `operators "${operators}"`);
  must(!isClassifier || (behind === undefined && cast === undefined), `operators "${operators}"`);
  if (behind !== undefined) must(behind.inputs[0] === trees.outputs[0], `a ${behind.operator} of something else`);
  const answer = behind?.outputs[0] ?? trees.outputs[isClassifier ? 1 : 0];
  must(
    graph.outputs.some(({ name }) => name === answer),
    `outputs ${graph.outputs.map(({ name }) => name).join()}`,
  );
  const ensembles = readTrees(trees, columns, isClassifier, accepted);
  if (behind?.operator === 'Sigmoid') must(ensembles.length === 1, `${ensembles.length} targets before a Sigmoid`);
  if (behind?.operator === 'Softmax') {
    const axis = attributesOf(behind).integer('axis', -1);
    must(axis === 1 || axis === -1, `a Softmax over axis ${axis}`);
  }
  return {
    ensembles,
    link: behind?.operator === 'Softmax' ? 'softmax' : isClassifier || behind !== undefined ? 'sigmoid' : 'identity',
    metadata: Object.fromEntries(metadata.map(({ key, value }) => [key, value])),
  };
}

interface Attributes {
  integers(name: string): number[];
  integer(name: string, otherwise: number): number;
  floats(name: string): number[];
  texts(name: string): string[];
  text(name: string, otherwise: string): string;
}

function attributesOf(node: OnnxNode): Attributes {
  const byName = new Map((node.attributes ?? []).map((attribute) => [attribute.name, attribute]));
  const decoder = new TextDecoder();
  const decoded = new Map<Uint8Array, string>();
  const decode = (text: Uint8Array): string => {
    const known = decoded.get(text) ?? decoder.decode(text);
    decoded.set(text, known);
    return known;
  };
  return {
    integers: (name) => byName.get(name)?.integers ?? [],
    integer: (name, otherwise) => byName.get(name)?.integer ?? otherwise,
    floats: (name) => byName.get(name)?.floats ?? [],
    texts: (name) => (byName.get(name)?.texts ?? []).map(decode),
    text: (name, otherwise) => (byName.has(name) ? decode(byName.get(name)!.text!) : otherwise),
  };
}

/** One ensemble per target. */
function readTrees(node: OnnxNode, columns: number, isClassifier: boolean, { manyTargets }: Accepted): TreeEnsemble[] {
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
    must(targets === 1 || (targets > 1 && manyTargets), `${targets} targets`);
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
