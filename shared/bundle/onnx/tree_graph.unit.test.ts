import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../../errors.ts';
import { loadScorer } from '../scorer.ts';
import { checkRows } from '../tree_kernel/cross_check.ts';
import { packTrees } from '../tree_kernel/pack.ts';
import { randomEnsemble } from '../tree_kernel/random_ensemble.fixture.ts';
import { openTreeKernel } from '../tree_kernel/tree_kernel.ts';
import { encodeOnnx } from './onnx.ts';
import { ATTRIBUTE, decodeModel, encodeModel, type OnnxAttribute, type OnnxModel } from './schema.ts';
import { decodeTreeGraph } from './tree_graph.ts';

const COLUMNS = 7;
const ensemble = randomEnsemble({ trees: 20, leaves: 13, columns: COLUMNS, seed: 'graph' });
const features = checkRows(ensemble, 'graph');
const rows = features.length / COLUMNS;
const utf8 = new TextEncoder();

function edited(edit: (model: OnnxModel) => void): Uint8Array {
  const model = decodeModel(encodeOnnx(ensemble));
  edit(model);
  return encodeModel(model);
}

function attribute(model: OnnxModel, name: string): OnnxAttribute {
  return model.graph.nodes[0]!.attributes!.find((entry) => entry.name === name)!;
}

function drop(model: OnnxModel, ...names: string[]): void {
  const trees = model.graph.nodes[0]!;
  trees.attributes = trees.attributes!.filter(({ name }) => !names.includes(name));
}

/** Branches take turns in asking <, ≤, > and ≥. */
function useAllModes(model: OnnxModel): void {
  const modes = ['BRANCH_LT', 'BRANCH_LEQ', 'BRANCH_GT', 'BRANCH_GTE'].map((mode) => utf8.encode(mode));
  const own = attribute(model, 'nodes_modes');
  own.texts = own.texts!.map((mode, i) => (mode.length === 4 ? mode : modes[i % 4]!));
}

/** As converters of other tools write two classes. */
function asClassifier(model: OnnxModel): void {
  const [trees] = model.graph.nodes as [OnnxModel['graph']['nodes'][0]];
  trees.operator = 'TreeEnsembleClassifier';
  trees.outputs = ['label', 'probabilities'];
  model.graph.nodes = [trees];
  drop(model, 'n_targets', 'aggregate_function');
  for (const own of trees.attributes!) own.name = own.name.replace('target_', 'class_');
  attribute(model, 'post_transform').text = utf8.encode('LOGISTIC');
  trees.attributes!.push({ name: 'classlabels_int64s', type: ATTRIBUTE.INTS, integers: [0, 1] });
  const tensor = (name: string, elementType: number, width: number | null) => ({
    name,
    type: {
      tensor: { elementType, shape: { dimensions: [{ symbol: 'N' }, ...(width === null ? [] : [{ size: width }])] } },
    },
  });
  model.graph.outputs = [tensor('label', 7, null), tensor('probabilities', 1, 2)];
}

async function expectAnswersOfOnnxruntime(bytes: Uint8Array): Promise<void> {
  const { ensemble: decoded, link } = decodeTreeGraph(bytes);
  const kernel = openTreeKernel([packTrees(decoded, link)], rows);
  kernel.score(features, rows);
  const scorer = await loadScorer(bytes, { columns: COLUMNS, bars: 1 }, 'other');
  const answers = await scorer.score(features, rows);
  expect(new Set(answers).size).toBeGreaterThan(rows / 4);
  answers.forEach((answer, row) => expect(Math.abs(answer - kernel.answers[0]![row]!)).toBeLessThanOrEqual(1e-6));
  await scorer.release();
}

describe('decodeTreeGraph', () => {
  it.each<[string, (model: OnnxModel) => void]>([
    ['<, >, >= as well as <=, missing values either way', useAllModes],
    ['no base value and no word on missing values', (m) => drop(m, 'base_values', 'nodes_missing_value_tracks_true')],
    ['no word on what is default', (m) => drop(m, 'post_transform', 'aggregate_function')],
    [
      'no Sigmoid',
      (m) => {
        m.graph.nodes.pop();
        m.graph.nodes[0]!.outputs = ['score'];
      },
    ],
    ['two classes', asClassifier],
    [
      'two classes, and all node modes',
      (m) => {
        asClassifier(m);
        useAllModes(m);
      },
    ],
    [
      'two classes, whose leaves all are positive',
      (m) => {
        asClassifier(m);
        const weights = attribute(m, 'class_weights');
        weights.floats = weights.floats!.map(Math.abs);
      },
    ],
    [
      'other names for input and output',
      (m) => {
        m.graph.inputs[0]!.name = m.graph.nodes[0]!.inputs[0] = 'float_input';
        m.graph.outputs[0]!.name = m.graph.nodes[1]!.outputs[0] = 'variable';
      },
    ],
    [
      'trees and nodes numbered otherwise',
      (m) => {
        for (const name of ['nodes_treeids', 'target_treeids'])
          attribute(m, name).integers = attribute(m, name).integers!.map((id) => 20 - id);
        for (const name of ['nodes_nodeids', 'nodes_truenodeids', 'nodes_falsenodeids', 'target_nodeids'])
          attribute(m, name).integers = attribute(m, name).integers!.map((id) => 24 - id);
      },
    ],
  ])('interprets a graph like onnxruntime: %s', async (_what, edit) => {
    await expectAnswersOfOnnxruntime(edited(edit));
  });

  it.each<[string, string, (model: OnnxModel) => void]>([
    ['three operators', 'operators', (m) => m.graph.nodes.push(m.graph.nodes[1]!)],
    ['another operator', 'operators', (m) => (m.graph.nodes[1]!.operator = 'Tanh')],
    ['two targets', '2 targets', (m) => (attribute(m, 'n_targets').integer = 2)],
    ['an average', 'aggregate_function', (m) => (attribute(m, 'aggregate_function').text = utf8.encode('AVERAGE'))],
    ['a post transform', 'post_transform', (m) => (attribute(m, 'post_transform').text = utf8.encode('SOFTMAX'))],
    ['two inputs', '2 inputs', (m) => m.graph.inputs.push({ ...m.graph.inputs[0]!, name: 'more' })],
    ['float64 features', 'element type', (m) => (m.graph.inputs[0]!.type.tensor.elementType = 11)],
    ['categories', 'BRANCH_EQ', (m) => (attribute(m, 'nodes_modes').texts![0] = utf8.encode('BRANCH_EQ'))],
    ['a threshold that is none', 'no number', (m) => (attribute(m, 'nodes_values').floats![0] = NaN)],
    [
      '< −∞',
      '-Infinity',
      (m) => {
        useAllModes(m);
        attribute(m, 'nodes_values').floats![0] = -Infinity;
      },
    ],
    ['a leaf with two values', 'two leaf values', (m) => (attribute(m, 'target_nodeids').integers![1] = 13)],
    ['a node with two parents', 'none', (m) => (attribute(m, 'nodes_truenodeids').integers![0] = 2)],
    [
      'two classes of which the second is scored',
      'class 1',
      (m) => {
        asClassifier(m);
        attribute(m, 'class_ids').integers!.fill(1);
      },
    ],
    [
      'classes by name',
      'class labels',
      (m) => {
        asClassifier(m);
        drop(m, 'classlabels_int64s');
      },
    ],
  ])('leaves to onnxruntime, with the reason: %s', (_what, seen, edit) => {
    // The leaf that is doubled is the one that the second entry of the first tree's list belongs to.
    const bytes = edited((model) => {
      const first = attribute(model, 'target_nodeids').integers![0]!;
      edit(model);
      if (seen === 'two leaf values') attribute(model, 'target_nodeids').integers![1] = first;
    });
    expect(() => decodeTreeGraph(bytes)).toThrow(MinutehandError);
    expect(() => decodeTreeGraph(bytes)).toThrow(
      expect.objectContaining({ code: 'MODEL_LOAD', seen: expect.stringContaining(seen) as string }),
    );
  });
});
