import { MinutehandError } from '../../errors.ts';
import {
  ATTRIBUTE,
  ELEMENT_FLOAT32,
  ELEMENT_FLOAT64,
  encodeModel,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxValue,
} from './schema.ts';
import { preparationNodes, type Preparation } from './preparation.ts';
import { decodeTreeGraph } from './tree_graph.ts';
import { ML_DOMAIN, REGRESSOR } from './tree_nodes.ts';
import { emptyTree, type TreeEnsemble, type TreeModel } from './tree_ensemble.ts';

export const INPUT_NAME = 'features';
export const OUTPUT_NAME = 'score';

/** ONNX has no ensemble without trees and no tree without nodes, so an ensemble of no trees is written as this one. */
const NO_TREE = emptyTree(1);

export interface OnnxExtras {
  /** Key/value properties of the model; written in the order of their keys. */
  readonly metadata?: Readonly<Record<string, string>>;
  /**
   * Whether the leaves of a probability are summed in float64 as well: for models of more than `FLOAT32_TREES` trees
   * that need not be scored by the WASM scorer, which leaves such a graph to onnxruntime. Default false.
   */
  readonly exactSums?: boolean;
  /** Steps before the trees; default none. */
  readonly preparation?: Preparation;
}

/**
 * Up to as many trees, float32 sums keep a probability within 1e-6. Measured: 9e-7 at 500 trees, 1.4e-6 at 1,000,
 * 3.3e-6 at 2,000.
 */
export const FLOAT32_TREES = 400;

/**
 * An ONNX model of the ensemble: input `features` float32 [N, columns], output `score` float32 [N, 1], the probability.
 * The graph is a TreeEnsembleRegressor (ai.onnx.ml 3) and a Sigmoid, because onnxruntime ignores LOGISTIC on the
 * regressor. The same ensemble and extras give the same bytes.
 */
export function encodeOnnx(ensemble: TreeEnsemble, extras: OnnxExtras = {}): Uint8Array {
  return encodeTreeModel({ link: 'sigmoid', ensembles: [ensemble] }, extras);
}

/**
 * An ONNX model: input `features` float32 [N, columns], output `score` float32 [N, ensembles]. One
 * TreeEnsembleRegressor sums the trees of all ensembles, each tree for its own target; a Sigmoid or a Softmax over the
 * classes follows.
 *
 * onnxruntime sums leaves in the type of the features: float32 for a sigmoid, which flattens the rounding and is what
 * the WASM scorer does as well (but see `exactSums`). Values of any size, and logits of many classes, are summed in
 * float64: a Cast precedes the trees, so that the one rounding is that of the sums to float32. Thresholds and leaves
 * are float32 either way, so every row takes the same path.
 *
 * The same model and extras give the same bytes.
 * @throws RangeError when a sigmoid has not one ensemble, a softmax fewer than two, or ensembles differ in columns
 */
export function encodeTreeModel(model: TreeModel, extras: OnnxExtras = {}): Uint8Array {
  const columns = checkModel(model);
  const { inputs, nodes, output } =
    extras.preparation === undefined
      ? { inputs: [featuresInput(columns)], nodes: [], output: INPUT_NAME }
      : preparationNodes(extras.preparation, INPUT_NAME);
  return encodeGraph({
    name: 'boosted_trees',
    inputs,
    nodes: [...nodes, ...treeNodes(model, { input: output, output: OUTPUT_NAME, prefix: '' }, extras.exactSums)],
    width: model.ensembles.length,
    metadata: extras.metadata ?? {},
  });
}

/** Versions of our graphs. */
export const OPSETS = {
  irVersion: 8,
  opsets: [
    { domain: '', version: 15 },
    { domain: ML_DOMAIN, version: 3 },
  ],
};

/** A graph whose nodes compute the output `score`. */
export interface ScoreGraph {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly nodes: readonly OnnxNode[];
  /** Answers per row. */
  readonly width: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** An ONNX model of opset 15 and ai.onnx.ml 3: output `score` float32 [N, width]. Equal graphs give equal bytes. */
export function encodeGraph({ name, inputs, nodes, width, metadata }: ScoreGraph): Uint8Array {
  return encodeModel({
    irVersion: OPSETS.irVersion,
    producerName: 'minutehand',
    graph: { name, inputs: [...inputs], outputs: [scoreOutput(width)], nodes: [...nodes] },
    opsets: [...OPSETS.opsets],
    metadata: metadataEntries(metadata),
  });
}

/** Key/value properties in the order of their keys. */
export function metadataEntries(metadata: Readonly<Record<string, string>>): { key: string; value: string }[] {
  return Object.entries(metadata)
    .map(([key, value]) => ({ key, value }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** The input `features` float32 [N, columns], or [N, bars, columns] with more bars than one. */
export function featuresInput(columns: number, bars = 1): OnnxValue {
  return float32Value(INPUT_NAME, ...(bars === 1 ? [] : [bars]), columns);
}

/** The output `score` float32 [N, width]. */
export function scoreOutput(width: number): OnnxValue {
  return float32Value(OUTPUT_NAME, width);
}

/** Where nodes stand in a graph: the names of their input and output, and what precedes all other names. */
export interface NodePlace {
  readonly input: string;
  readonly output: string;
  readonly prefix: string;
}

/** The nodes of `encodeTreeModel` behind its preparation. */
export function treeNodes(
  { link, ensembles }: TreeModel,
  { input, output, prefix }: NodePlace,
  exactSums = false,
): OnnxNode[] {
  const trees = (from: string, to: string): OnnxNode => ({
    name: `${prefix}trees`,
    operator: REGRESSOR,
    domain: ML_DOMAIN,
    inputs: [from],
    outputs: [to],
    attributes: treeAttributes(ensembles),
  });
  const wide = `${prefix}features64`;
  const widen = node(`${prefix}widen`, 'Cast', input, wide, 'to', ELEMENT_FLOAT64);
  if (link === 'sigmoid') {
    const logit = `${prefix}logit`;
    const sigmoid = { name: `${prefix}probability`, operator: 'Sigmoid', inputs: [logit], outputs: [output] };
    return exactSums ? [widen, trees(wide, logit), sigmoid] : [trees(input, logit), sigmoid];
  }
  if (link === 'identity') return [widen, trees(wide, output)];
  const logits = `${prefix}logits`;
  return [widen, trees(wide, logits), node(`${prefix}probabilities`, 'Softmax', logits, output, 'axis', 1)];
}

/** An operator with one attribute, an integer. */
function node(
  name: string,
  operator: string,
  input: string,
  output: string,
  attribute: string,
  integer: number,
): OnnxNode {
  const attributes = [{ name: attribute, type: ATTRIBUTE.INT, integer }];
  return { name, operator, inputs: [input], outputs: [output], attributes };
}

/** @returns the columns that all ensembles have */
function checkModel({ link, ensembles }: TreeModel): number {
  const count = ensembles.length;
  if (count < (link === 'softmax' ? 2 : 1) || (link === 'sigmoid' && count > 1))
    throw new RangeError(`${count} ensembles before ${link}`);
  const { columns } = ensembles[0]!;
  const other = ensembles.find((ensemble) => ensemble.columns !== columns);
  if (other !== undefined) throw new RangeError(`ensembles of ${columns} and of ${other.columns} columns`);
  return columns;
}

/** @param sizes of the dimensions behind the first one, which is free */
function float32Value(name: string, ...sizes: readonly number[]): OnnxValue {
  const dimensions = [{ symbol: 'N' }, ...sizes.map((size) => ({ size }))];
  return { name, type: { tensor: { elementType: ELEMENT_FLOAT32, shape: { dimensions } } } };
}

const utf8 = new TextEncoder();

const integers = (name: string, values: number[]): OnnxAttribute => ({
  name,
  type: ATTRIBUTE.INTS,
  integers: values,
});
const floats = (name: string, values: number[]): OnnxAttribute => ({ name, type: ATTRIBUTE.FLOATS, floats: values });
const text = (name: string, value: string): OnnxAttribute => ({
  name,
  type: ATTRIBUTE.STRING,
  text: utf8.encode(value),
});

/** The trees of the first ensemble, then those of the second …: each adds to the target of its ensemble. */
function treeAttributes(ensembles: readonly TreeEnsemble[]): OnnxAttribute[] {
  const treeIds: number[] = [];
  const nodeIds: number[] = [];
  const featureIds: number[] = [];
  const thresholds: number[] = [];
  const trueIds: number[] = [];
  const falseIds: number[] = [];
  const missingTrue: number[] = [];
  const cover: number[] = [];
  const modes: Uint8Array[] = [];
  const leafTreeIds: number[] = [];
  const leafNodeIds: number[] = [];
  const leafTargets: number[] = [];
  const leafValues: number[] = [];
  const branch = utf8.encode('BRANCH_LEQ');
  const leaf = utf8.encode('LEAF');

  const written = ensembles.flatMap(({ trees }, target) =>
    (trees.length > 0 ? trees : [NO_TREE]).map((tree) => ({ tree, target })),
  );
  written.forEach(({ tree, target }, treeId) => {
    for (let node = 0; node < tree.feature.length; node++) {
      const isLeaf = tree.feature[node]! < 0;
      treeIds.push(treeId);
      nodeIds.push(node);
      featureIds.push(isLeaf ? 0 : tree.feature[node]!);
      thresholds.push(tree.threshold[node]!);
      trueIds.push(tree.left[node]!);
      falseIds.push(tree.right[node]!);
      missingTrue.push(tree.missingLeft[node]!);
      if (tree.cover !== undefined) cover.push(tree.cover[node]!);
      modes.push(isLeaf ? leaf : branch);
      if (isLeaf) {
        leafTreeIds.push(treeId);
        leafNodeIds.push(node);
        leafTargets.push(target);
        leafValues.push(tree.value[node]!);
      }
    }
  });

  return [
    { name: 'n_targets', type: ATTRIBUTE.INT, integer: ensembles.length },
    text('aggregate_function', 'SUM'),
    text('post_transform', 'NONE'),
    floats(
      'base_values',
      ensembles.map(({ baseScore }) => baseScore),
    ),
    integers('nodes_treeids', treeIds),
    integers('nodes_nodeids', nodeIds),
    integers('nodes_featureids', featureIds),
    { name: 'nodes_modes', type: ATTRIBUTE.STRINGS, texts: modes },
    floats('nodes_values', thresholds),
    integers('nodes_truenodeids', trueIds),
    integers('nodes_falsenodeids', falseIds),
    integers('nodes_missing_value_tracks_true', missingTrue),
    // "Popularity of each node" of the ONNX specification; no runtime computes with it.
    ...(cover.length === treeIds.length ? [floats('nodes_hitrates', cover)] : []),
    integers('target_treeids', leafTreeIds),
    integers('target_nodeids', leafNodeIds),
    integers('target_ids', leafTargets),
    floats('target_weights', leafValues),
  ];
}

/**
 * Reads the output of `encodeOnnx`: the ensemble (an ensemble of no trees is returned with one tree of one empty leaf)
 * and the metadata.
 * @throws MinutehandError MODEL_LOAD when the bytes are not such a model.
 */
export function decodeOnnx(bytes: Uint8Array): { ensemble: TreeEnsemble; metadata: Record<string, string> } {
  const { ensemble, link, metadata } = decodeTreeGraph(bytes);
  if (link !== 'sigmoid') throw new MinutehandError('MODEL_LOAD', { seen: 'no Sigmoid', expected: 'a probability' });
  return { ensemble, metadata };
}
