import { attributesOf } from './attributes.ts';
import { featuresOf, readModel } from './read_model.ts';
import { ELEMENT_FLOAT64, type OnnxModel, type OnnxNode } from './schema.ts';
import type { Link, TreeEnsemble, TreeModel } from './tree_ensemble.ts';
import { CLASSIFIER, ML_DOMAIN, readTrees, REGRESSOR } from './tree_nodes.ts';
import { must } from './unreadable.ts';

const EXPECTED = `an ONNX file with one ${REGRESSOR}`;

export type Sums = 'float32' | 'float64';

/** A graph that is nothing but trees, a sum, and perhaps a sigmoid. */
export interface TreeGraph {
  readonly ensemble: TreeEnsemble;
  /** Transformation of the sum: none, or the probability of which it is the logit. */
  readonly link: 'none' | 'sigmoid';
  /** Type that onnxruntime sums the leaves in; the sum is rounded to float32. */
  readonly sums: Sums;
  readonly metadata: Record<string, string>;
}

/**
 * Reads a TreeEnsembleRegressor of one target, with or without a Cast to float64 before it and a Sigmoid after it, or a
 * binary TreeEnsembleClassifier with LOGISTIC (ONNX operators of ai.onnx.ml 1 to 3). `<`, `>` and `>=` are rewritten as
 * the `<=` of our trees, which changes no row's path.
 * @throws MinutehandError MODEL_LOAD when the bytes are no ONNX file or a graph of another kind; it names what was
 * seen.
 */
export function decodeTreeGraph(bytes: Uint8Array): TreeGraph {
  return readModel(bytes, EXPECTED, treeGraphOf);
}

/** The same of a model that is decoded. @throws Unreadable for a graph of another kind */
export function treeGraphOf(model: OnnxModel): TreeGraph {
  const { ensembles, link, sums, metadata } = readGraph(model, PLAIN);
  return { ensemble: ensembles[0]!, link: link === 'sigmoid' ? link : 'none', sums, metadata };
}

/**
 * Reads the output of `encodeTreeModel`, and everything that `decodeTreeGraph` reads: the model (an ensemble of no
 * trees is returned with one tree of one empty leaf) and the metadata.
 * @throws MinutehandError MODEL_LOAD as `decodeTreeGraph`
 */
export function decodeTreeModel(bytes: Uint8Array): { model: TreeModel; metadata: Record<string, string> } {
  return readModel(bytes, EXPECTED, (graph) => {
    const { ensembles, link, metadata } = readGraph(graph, ANY);
    return { model: { link, ensembles }, metadata };
  });
}

/** Operators allowed around the trees, and the allowed numbers of answers. */
interface Accepted {
  readonly before: readonly string[];
  readonly behind: readonly string[];
  readonly manyTargets: boolean;
}

/** The subset of graphs that the WASM scorer computes. */
const PLAIN: Accepted = { before: ['Cast'], behind: ['Sigmoid'], manyTargets: false };
const ANY: Accepted = { before: ['Cast'], behind: ['Sigmoid', 'Softmax'], manyTargets: true };

interface ReadGraph {
  readonly ensembles: readonly TreeEnsemble[];
  readonly link: Link;
  readonly sums: Sums;
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

  const { columns } = featuresOf(graph);
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
  const ensembles = readTrees(trees, columns, accepted.manyTargets);
  if (behind?.operator === 'Sigmoid') must(ensembles.length === 1, `${ensembles.length} targets before a Sigmoid`);
  if (behind?.operator === 'Softmax') {
    const axis = attributesOf(behind).integer('axis', -1);
    must(axis === 1 || axis === -1, `a Softmax over axis ${axis}`);
  }
  return {
    ensembles,
    link: behind?.operator === 'Softmax' ? 'softmax' : isClassifier || behind !== undefined ? 'sigmoid' : 'identity',
    sums: cast === undefined ? 'float32' : 'float64',
    metadata: Object.fromEntries(metadata.map(({ key, value }) => [key, value])),
  };
}
