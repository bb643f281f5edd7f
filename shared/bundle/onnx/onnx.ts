import { MinutehandError } from '../../errors.ts';
import { ATTRIBUTE, ELEMENT_FLOAT32, encodeModel, type OnnxAttribute, type OnnxValue } from './schema.ts';
import { decodeTreeGraph, ML_DOMAIN, REGRESSOR } from './tree_graph.ts';
import { emptyTree, type TreeEnsemble } from './tree_ensemble.ts';

export const INPUT_NAME = 'features';
export const OUTPUT_NAME = 'score';

/** ONNX has no tree without nodes, so an ensemble of no trees is written as this one. */
const NO_TREE = emptyTree(1);

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
          operator: REGRESSOR,
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
  const { ensemble, link, metadata } = decodeTreeGraph(bytes);
  if (link !== 'sigmoid') throw new MinutehandError('MODEL_LOAD', { seen: 'no Sigmoid', expected: 'a probability' });
  return { ensemble, metadata };
}
