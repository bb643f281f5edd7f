import { MinutehandError } from '../../errors.ts';
import {
  ATTRIBUTE,
  decodeModel,
  ELEMENT_FLOAT32,
  encodeModel,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxValue,
} from './schema.ts';
import type { Tree, TreeEnsemble } from './tree_ensemble.ts';

export const INPUT_NAME = 'features';
export const OUTPUT_NAME = 'score';

const ML_DOMAIN = 'ai.onnx.ml';
const TREE_OPERATOR = 'TreeEnsembleRegressor';
/** ONNX has no tree without nodes, so an ensemble of no trees is written as this one. */
const NO_TREE: Tree = {
  feature: Int32Array.of(-1),
  threshold: new Float32Array(1),
  left: new Int32Array(1),
  right: new Int32Array(1),
  missingLeft: new Uint8Array(1),
  value: new Float32Array(1),
};

export interface OnnxExtras {
  /** Key/value properties of the model; written in the order of their keys. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly docString?: string;
}

/**
 * An ONNX model of the ensemble: input `features` float32 [N, columns], output `score` float32 [N, 1], the probability.
 * The graph is a TreeEnsembleRegressor (ai.onnx.ml 3) and a Sigmoid, because onnxruntime ignores LOGISTIC on the
 * regressor. The same ensemble and extras give the same bytes.
 */
export function encodeOnnx(ensemble: TreeEnsemble, extras: OnnxExtras = {}): Uint8Array {
  const metadata = Object.entries(extras.metadata ?? {})
    .map(([key, value]) => ({ key, value }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  return encodeModel({
    irVersion: 8,
    producerName: 'minutehand',
    ...(extras.docString === undefined ? {} : { docString: extras.docString }),
    graph: {
      name: 'boosted_trees',
      inputs: [float32Value(INPUT_NAME, ensemble.columns)],
      outputs: [float32Value(OUTPUT_NAME, 1)],
      nodes: [
        {
          name: 'trees',
          operator: TREE_OPERATOR,
          domain: ML_DOMAIN,
          inputs: [INPUT_NAME],
          outputs: ['logit'],
          attributes: treeAttributes(ensemble),
        },
        { name: 'probability', operator: 'Sigmoid', inputs: ['logit'], outputs: [OUTPUT_NAME] },
      ],
    },
    opsets: [
      { domain: '', version: 15 },
      { domain: ML_DOMAIN, version: 3 },
    ],
    metadata,
  });
}

function float32Value(name: string, width: number): OnnxValue {
  const dimensions = [{ symbol: 'N' }, { size: width }];
  return { name, type: { tensor: { elementType: ELEMENT_FLOAT32, shape: { dimensions } } } };
}

const utf8 = new TextEncoder();

function treeAttributes({ trees, baseScore }: TreeEnsemble): OnnxAttribute[] {
  const treeIds: number[] = [];
  const nodeIds: number[] = [];
  const featureIds: number[] = [];
  const thresholds: number[] = [];
  const trueIds: number[] = [];
  const falseIds: number[] = [];
  const missingTrue: number[] = [];
  const modes: Uint8Array[] = [];
  const leafTreeIds: number[] = [];
  const leafNodeIds: number[] = [];
  const leafValues: number[] = [];
  const [branch, leaf] = [utf8.encode('BRANCH_LEQ'), utf8.encode('LEAF')];

  const written = trees.length > 0 ? trees : [NO_TREE];
  written.forEach((tree, treeId) => {
    for (let node = 0; node < tree.feature.length; node++) {
      const isLeaf = tree.feature[node]! < 0;
      treeIds.push(treeId);
      nodeIds.push(node);
      featureIds.push(isLeaf ? 0 : tree.feature[node]!);
      thresholds.push(tree.threshold[node]!);
      trueIds.push(tree.left[node]!);
      falseIds.push(tree.right[node]!);
      missingTrue.push(tree.missingLeft[node]!);
      modes.push(isLeaf ? leaf : branch);
      if (isLeaf) {
        leafTreeIds.push(treeId);
        leafNodeIds.push(node);
        leafValues.push(tree.value[node]!);
      }
    }
  });

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
  return [
    { name: 'n_targets', type: ATTRIBUTE.INT, integer: 1 },
    text('aggregate_function', 'SUM'),
    text('post_transform', 'NONE'),
    floats('base_values', [baseScore]),
    integers('nodes_treeids', treeIds),
    integers('nodes_nodeids', nodeIds),
    integers('nodes_featureids', featureIds),
    { name: 'nodes_modes', type: ATTRIBUTE.STRINGS, texts: modes },
    floats('nodes_values', thresholds),
    integers('nodes_truenodeids', trueIds),
    integers('nodes_falsenodeids', falseIds),
    integers('nodes_missing_value_tracks_true', missingTrue),
    integers('target_treeids', leafTreeIds),
    integers('target_nodeids', leafNodeIds),
    integers(
      'target_ids',
      leafTreeIds.map(() => 0),
    ),
    floats('target_weights', leafValues),
  ];
}

/**
 * Reads what `encodeOnnx` wrote: the ensemble (an ensemble of no trees comes back with one tree of one empty leaf) and the metadata.
 * @throws MinutehandError MODEL_LOAD when the bytes are not such a model.
 */
export function decodeOnnx(bytes: Uint8Array): { ensemble: TreeEnsemble; metadata: Record<string, string> } {
  const refuse = (seen: string, cause?: unknown): never => {
    throw new MinutehandError('MODEL_LOAD', { seen, expected: `an ONNX file with one ${TREE_OPERATOR}`, cause });
  };
  let model;
  try {
    model = decodeModel(bytes);
  } catch (cause) {
    return refuse(`${bytes.length} bytes that are not ONNX`, cause);
  }
  const operators = (model.graph?.nodes ?? []).map((node) => node.operator).join(', ');
  if (operators !== `${TREE_OPERATOR}, Sigmoid`) refuse(`operators "${operators}"`);
  const width = model.graph.inputs[0]?.type?.tensor?.shape?.dimensions[1]?.size ?? 0;
  if (!(width > 0)) refuse('an input of unknown width');
  try {
    const ensemble = readTrees(model.graph.nodes[0]!, width);
    return { ensemble, metadata: Object.fromEntries(model.metadata.map(({ key, value }) => [key, value])) };
  } catch (cause) {
    return refuse(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** @throws Error that names what is wrong with the attributes. */
function readTrees(node: OnnxNode, columns: number): TreeEnsemble {
  const attributes = new Map((node.attributes ?? []).map((attribute) => [attribute.name, attribute]));
  const integers = (name: string): number[] => attributes.get(name)?.integers ?? [];
  const floats = (name: string): number[] => attributes.get(name)?.floats ?? [];
  const decoder = new TextDecoder();
  const must = (holds: boolean, seen: string): void => {
    if (!holds) throw new Error(seen);
  };

  const treeIds = integers('nodes_treeids');
  const nodeIds = integers('nodes_nodeids');
  const featureIds = integers('nodes_featureids');
  const thresholds = floats('nodes_values');
  const trueIds = integers('nodes_truenodeids');
  const falseIds = integers('nodes_falsenodeids');
  const missingTrue = integers('nodes_missing_value_tracks_true');
  const modes = (attributes.get('nodes_modes')?.texts ?? []).map((mode) => decoder.decode(mode));
  for (const list of [nodeIds, featureIds, thresholds, trueIds, falseIds, missingTrue, modes]) {
    must(list.length === treeIds.length, `node lists of ${treeIds.length} and ${list.length} entries`);
  }
  const post = decoder.decode(attributes.get('post_transform')?.text ?? new Uint8Array());
  must(post === 'NONE', `post_transform "${post}"`);
  const base = floats('base_values');
  must(base.length === 1, `${base.length} base values`);

  const firstOf: number[] = [];
  treeIds.forEach((treeId, at) => {
    if (nodeIds[at] === 0) firstOf.push(at);
    must(treeId === firstOf.length - 1 && nodeIds[at] === at - firstOf[treeId]!, `node ${at} out of order`);
  });
  const trees = firstOf.map((start, treeId): Tree => {
    const end = firstOf[treeId + 1] ?? treeIds.length;
    const isLeaf = (at: number): boolean => modes[at] === 'LEAF';
    for (let at = start; at < end; at++) {
      must(isLeaf(at) || modes[at] === 'BRANCH_LEQ', `mode "${modes[at]}"`);
      if (isLeaf(at)) continue;
      must(featureIds[at]! >= 0 && featureIds[at]! < columns, `a split on column ${featureIds[at]} of ${columns}`);
      // Children behind their parent: so a walk always ends.
      for (const child of [trueIds[at]!, falseIds[at]!]) {
        must(child > at - start && child < end - start, `tree ${treeId}: node ${at - start} leads to ${child}`);
      }
    }
    return {
      feature: Int32Array.from(featureIds.slice(start, end), (id, i) => (isLeaf(start + i) ? -1 : id)),
      threshold: Float32Array.from(thresholds.slice(start, end)),
      left: Int32Array.from(trueIds.slice(start, end)),
      right: Int32Array.from(falseIds.slice(start, end)),
      missingLeft: Uint8Array.from(missingTrue.slice(start, end)),
      value: new Float32Array(end - start),
    };
  });
  must(trees.length > 0, 'no trees');

  const leafTreeIds = integers('target_treeids');
  const leafNodeIds = integers('target_nodeids');
  const weights = floats('target_weights');
  must(leafNodeIds.length === leafTreeIds.length && weights.length === leafTreeIds.length, 'leaf lists that differ');
  leafTreeIds.forEach((treeId, i) => {
    const tree = trees[treeId];
    const leaf = leafNodeIds[i]!;
    must(tree !== undefined && tree.feature[leaf] === -1, `a leaf value for node ${leaf} of tree ${treeId}`);
    tree!.value[leaf] = weights[i]!;
  });
  return { columns, baseScore: base[0]!, trees };
}
