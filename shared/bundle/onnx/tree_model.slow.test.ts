import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../rng.ts';
import { randomEnsemble } from '../tree_kernel/random_ensemble.fixture.ts';
import { onnxAnswers } from './answers.ts';
import { encodeOnnx, encodeTreeModel } from './onnx.ts';
import { decodeModel, encodeModel, type OnnxModel } from './schema.ts';
import { decodeTreeGraph, decodeTreeModel } from './tree_graph.ts';
import {
  emptyTree,
  predict,
  predictModel,
  type Link,
  type Matrix,
  type TreeEnsemble,
  type TreeModel,
} from './tree_ensemble.ts';

const COLUMNS = 8;

function ensembles(count: number, trees: number, seed: string): TreeEnsemble[] {
  return Array.from({ length: count }, (_, i) =>
    randomEnsemble({ trees, leaves: 31, columns: COLUMNS, seed: `${seed} ${i}` }),
  );
}

/** The same trees, whose leaves and base add up to targets around `center` that differ by about `scale`. */
function scaled(model: TreeModel, center: number, scale: number): TreeModel {
  return {
    link: model.link,
    ensembles: model.ensembles.map((ensemble) => ({
      ...ensemble,
      baseScore: Math.fround(center),
      trees: ensemble.trees.map((tree) => ({ ...tree, value: tree.value.map((value) => value * scale) })),
    })),
  };
}

/** Half of the values stand exactly at thresholds; missing and infinite ones among them. */
function hardRows(model: TreeModel, rows: number): Matrix {
  const rng = createRng('hard rows');
  const thresholds = Array.from({ length: COLUMNS }, (_, column) =>
    model.ensembles.flatMap(({ trees }) =>
      trees.flatMap((tree) => [...tree.threshold].filter((_t, node) => tree.feature[node] === column)),
    ),
  );
  const values = Float32Array.from({ length: rows * COLUMNS }, (_, i) => {
    const kind = rng.uniform();
    if (kind < 0.05) return NaN;
    if (kind < 0.08) return rng.uniform() < 0.5 ? Infinity : -Infinity;
    const own = thresholds[i % COLUMNS]!;
    return kind < 0.5 && own.length > 0 ? own[rng.integer(own.length)]! : rng.normal();
  });
  return { rows, columns: COLUMNS, values };
}

/** The largest difference between onnxruntime and the reference, in units of the greatest answer, but at least of 1. */
async function worstDifference(model: TreeModel, x: Matrix): Promise<number> {
  const { width, values } = await onnxAnswers(encodeTreeModel(model), x);
  expect(width).toBe(model.ensembles.length);
  const expected = predictModel(model, x);
  expect(values).toHaveLength(expected.length);
  let worst = 0;
  let scale = 1;
  values.forEach((value, i) => {
    worst = Math.max(worst, Math.abs(value - expected[i]!));
    scale = Math.max(scale, Math.abs(expected[i]!));
  });
  return worst / scale;
}

describe('a model in onnxruntime', () => {
  it.each<[string, TreeModel]>([
    ['one probability', { link: 'sigmoid', ensembles: ensembles(1, 200, 'binary') }],
    ['three classes', { link: 'softmax', ensembles: ensembles(3, 100, 'classes') }],
    ['a value', { link: 'identity', ensembles: ensembles(1, 200, 'value') }],
    ['two values', { link: 'identity', ensembles: ensembles(2, 100, 'values') }],
  ])('answers 10,000 rows with ties, missing and infinite values within 1e-6: %s', async (_what, model) => {
    expect(await worstDifference(model, hardRows(model, 10_000))).toBeLessThan(1e-6);
  });

  // Summed in float32 the same 2,000 trees would be off by more than 1e-6.
  it.each([
    ['values of millions', 0, 3e6],
    ['values that differ by little from a million', 1e6, 10],
    ['values of billionths', 0, 1e-9],
  ])('answers within one rounding to float32 of the greatest value: %s', async (_what, center, scale) => {
    const model = scaled({ link: 'identity', ensembles: ensembles(1, 2000, 'large') }, center, scale);
    const x = hardRows(model, 500);
    const expected = predictModel(model, x);
    const { values } = await onnxAnswers(encodeTreeModel(model), x);
    const greatest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    values.forEach((value, row) => expect(Math.abs(value - expected[row]!)).toBeLessThanOrEqual(greatest * 2 ** -24));
  });

  it('answers many classes with logits up to 32 within 1e-6', async () => {
    const model = scaled({ link: 'softmax', ensembles: ensembles(12, 150, 'many') }, 0, 5);
    const x = hardRows(model, 1000);
    const logits = predictModel({ ...model, link: 'identity' }, x);
    const greatest = logits.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
    expect(greatest).toBeGreaterThan(16);
    expect(greatest).toBeLessThan(32);
    expect(await worstDifference(model, x)).toBeLessThan(1e-6);
  });

  it('answers a probability of thousands of trees within 1e-6 where sums are exact', { timeout: 120_000 }, async () => {
    const model: TreeModel = { link: 'sigmoid', ensembles: ensembles(1, 3000, 'thousands') };
    const x = hardRows(model, 500);
    const bytes = encodeTreeModel(model, { exactSums: true });
    expect(decodeTreeModel(bytes).model).toEqual(model);
    const { values } = await onnxAnswers(bytes, x);
    predictModel(model, x).forEach((p, row) => expect(Math.abs(values[row]! - p)).toBeLessThan(1e-6));
  });

  it('keeps the shares of a forest at most 1: a sum of equal shares is no more than all', async () => {
    for (const trees of [3, 7, 100, 199, 300]) {
      const tree = { ...emptyTree(1), value: Float32Array.of(1 / trees) };
      const forest = { columns: 1, baseScore: 0, trees: new Array<typeof tree>(trees).fill(tree) };
      const x = { rows: 1, columns: 1, values: Float32Array.of(0) };
      const { values } = await onnxAnswers(encodeTreeModel({ link: 'identity', ensembles: [forest] }), x);
      expect(values[0]).toBe(1);
    }
  });

  it('has classes without trees, whose base score still counts', async () => {
    const [first] = ensembles(1, 5, 'first');
    const bare = { columns: COLUMNS, baseScore: 1.5, trees: [] };
    for (const model of [
      { link: 'softmax', ensembles: [bare, first!, { ...bare, baseScore: -1 }] },
      { link: 'softmax', ensembles: [bare, { ...bare, baseScore: 0.25 }] },
      { link: 'identity', ensembles: [bare] },
      { link: 'sigmoid', ensembles: [bare] },
    ] satisfies TreeModel[])
      expect(await worstDifference(model, hardRows(model, 100))).toBeLessThan(1e-6);
  });

  it('gives a row the same bits alone and among others', async () => {
    const model: TreeModel = { link: 'softmax', ensembles: ensembles(3, 100, 'batches') };
    const x = hardRows(model, 9000);
    const bytes = encodeTreeModel(model);
    const { values } = await onnxAnswers(bytes, x);
    for (const row of [0, 1, 8191, 8192, 8999]) {
      const alone = { rows: 1, columns: COLUMNS, values: x.values.slice(row * COLUMNS, (row + 1) * COLUMNS) };
      expect((await onnxAnswers(bytes, alone)).values).toEqual(values.slice(row * 3, row * 3 + 3));
    }
  });
});

describe('encodeTreeModel', () => {
  it('writes a probability as encodeOnnx does, to the byte', () => {
    const [ensemble] = ensembles(1, 10, 'bytes');
    const extras = { metadata: { b: '2', a: '1' } };
    expect(encodeTreeModel({ link: 'sigmoid', ensembles: [ensemble!] }, extras)).toEqual(encodeOnnx(ensemble!, extras));
  });

  // A deliberate change of the graph changes these; another machine must not.
  it.each<[Link, number, string]>([
    ['sigmoid', 1, '4d540efbb181f438'],
    ['softmax', 3, '58601e4f8abdb4c6'],
    ['identity', 1, '3f8d2802f80271e5'],
  ])('writes these very bytes: %s', (link, count, expected) => {
    const bytes = encodeTreeModel({ link, ensembles: ensembles(count, 4, 'hash') }, { metadata: { task: 'x' } });
    expect(createHash('sha256').update(bytes).digest('hex').slice(0, 16)).toBe(expected);
  });

  it('refuses what no graph can represent', () => {
    const [one, two] = ensembles(2, 1, 'refused');
    const narrow = { ...two!, columns: 3 };
    const refused: TreeModel[] = [
      { link: 'sigmoid', ensembles: [one!, two!] },
      { link: 'softmax', ensembles: [one!] },
      { link: 'identity', ensembles: [] },
      { link: 'identity', ensembles: [one!, narrow] },
    ];
    for (const model of refused) expect(() => encodeTreeModel(model)).toThrow(RangeError);
  });
});

describe('decodeTreeModel', () => {
  it('inverts the encoding', () => {
    const links = fc.constantFrom<Link>('sigmoid', 'softmax', 'identity');
    fc.assert(
      fc.property(links, fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 4 }), (link, width, trees) => {
        const model = { link, ensembles: ensembles(link === 'sigmoid' ? 1 : width, trees, 'round') };
        const back = decodeTreeModel(encodeTreeModel(model, { metadata: { task: 'any' } }));
        expect(back).toEqual({ model, metadata: { task: 'any' } });
      }),
      { numRuns: 30 },
    );
  });

  const model: TreeModel = { link: 'softmax', ensembles: ensembles(3, 2, 'edited') };
  const edited = (edit: (model: OnnxModel) => void): Uint8Array => {
    const graph = decodeModel(encodeTreeModel(model));
    edit(graph);
    return encodeModel(graph);
  };
  const attribute = (graph: OnnxModel, at: number, name: string) =>
    graph.graph.nodes[at]!.attributes!.find((entry) => entry.name === name)!;

  it.each<[string, string, (graph: OnnxModel) => void]>([
    ['a tree for two targets', 'targets 1 and 0', (m) => (attribute(m, 1, 'target_ids').integers![0] = 1)],
    ['a target that is not there', 'class 3', (m) => attribute(m, 1, 'target_ids').integers!.fill(3)],
    ['base values for some', '2 base values', (m) => attribute(m, 1, 'base_values').floats!.pop()],
    ['a Cast to integers', 'element type 7', (m) => (attribute(m, 0, 'to').integer = 7)],
    ['a Cast of something else', 'Cast of something', (m) => (m.graph.nodes[1]!.inputs[0] = 'features')],
    ['a Softmax over rows', 'axis 0', (m) => (attribute(m, 2, 'axis').integer = 0)],
    ['a Softmax of something else', 'Softmax of something', (m) => (m.graph.nodes[2]!.inputs[0] = 'features')],
    [
      'a Sigmoid of three targets',
      '3 targets before',
      (m) => {
        m.graph.nodes[2]!.operator = 'Sigmoid';
        m.graph.nodes[2]!.attributes = [];
      },
    ],
    ['another operator before the trees', 'operators', (m) => (m.graph.nodes[0]!.operator = 'Identity')],
  ])('refuses %s', (_what, seen, edit) => {
    expect(() => decodeTreeModel(edited(edit))).toThrow(
      expect.objectContaining({ code: 'MODEL_LOAD', seen: expect.stringContaining(seen) as string }),
    );
  });

  it('accepts a Softmax without an axis, which is the last one', () => {
    const bytes = edited((m) => (m.graph.nodes[2]!.attributes = []));
    expect(decodeTreeModel(bytes).model).toEqual(model);
  });

  it('reads more than the scorer does: decodeTreeGraph leaves these to onnxruntime', () => {
    for (const link of ['softmax', 'identity'] as const) {
      const bytes = encodeTreeModel({ link, ensembles: ensembles(2, 2, 'scorer') });
      expect(() => decodeTreeGraph(bytes)).toThrow(expect.objectContaining({ code: 'MODEL_LOAD' }));
    }
    const binary = encodeTreeModel({ link: 'sigmoid', ensembles: ensembles(1, 2, 'scorer') });
    expect(decodeTreeGraph(binary).link).toBe('sigmoid');
  });
});

describe('predictModel', () => {
  const x = hardRows({ link: 'identity', ensembles: ensembles(3, 3, 'predict') }, 50);

  it('is predict for one probability', () => {
    const [ensemble] = ensembles(1, 20, 'one');
    expect(predictModel({ link: 'sigmoid', ensembles: [ensemble!] }, x)).toEqual(predict(ensemble!, x));
  });

  it('is the softmax of the sums, row by row, however large they are', () => {
    const model = scaled({ link: 'softmax', ensembles: ensembles(3, 20, 'soft') }, 0, 1000);
    const sums = predictModel({ ...model, link: 'identity' }, x);
    const shares = predictModel(model, x);
    for (let row = 0; row < x.rows; row++) {
      const own = sums.slice(row * 3, row * 3 + 3);
      const powers = own.map((sum) => Math.exp(sum - Math.max(...own)));
      const total = powers.reduce((a, b) => a + b, 0);
      powers.forEach((power, i) => expect(shares[row * 3 + i]).toBeCloseTo(power / total, 12));
    }
  });

  it('refuses two ensembles with one sigmoid', () => {
    expect(() => predictModel({ link: 'sigmoid', ensembles: ensembles(2, 1, 'two') }, x)).toThrow(RangeError);
  });
});
