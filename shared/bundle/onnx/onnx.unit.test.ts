import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../../errors.ts';
import { decodeOnnx, encodeOnnx } from './onnx.ts';
import { decodeModel, encodeModel } from './schema.ts';
import { predict, type TreeEnsemble } from './tree_ensemble.ts';
import { InferenceSession, Tensor } from '../onnxruntime.ts';

const stump: TreeEnsemble = {
  columns: 2,
  baseScore: 0.25,
  trees: [
    {
      feature: Int32Array.of(1, -1, -1),
      threshold: Float32Array.of(0.1, 0, 0),
      left: Int32Array.of(1, 0, 0),
      right: Int32Array.of(2, 0, 0),
      missingLeft: Uint8Array.of(1, 0, 0),
      value: Float32Array.of(0, -1.5, 2),
    },
  ],
};

async function score(ensemble: TreeEnsemble, values: Float32Array): Promise<Float32Array> {
  const session = await InferenceSession.create(encodeOnnx(ensemble), { intraOpNumThreads: 1 });
  const shape = [values.length / ensemble.columns, ensemble.columns];
  const result = await session.run({ features: new Tensor('float32', values, shape) });
  return result['score']!.data as Float32Array;
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof MinutehandError ? error.code : String(error);
  }
}

describe('encodeOnnx', () => {
  it('writes a graph in which ties and missing values follow the tree', async () => {
    const values = Float32Array.of(0, 0.1, 0, 0.2, 0, NaN, 0, Infinity, 0, -Infinity);
    const expected = predict(stump, { rows: 5, columns: 2, values });
    const scores = await score(stump, values);
    scores.forEach((s, row) => expect(Math.abs(s - expected[row]!)).toBeLessThan(1e-6));
  });

  it('sends missing values alone to the right of an infinite threshold', async () => {
    const tree = { ...stump.trees[0]!, threshold: Float32Array.of(Infinity, 0, 0), missingLeft: new Uint8Array(3) };
    const scores = await score({ ...stump, trees: [tree] }, Float32Array.of(0, Infinity, 0, 3.4e38, 0, NaN));
    expect(scores[0]).toBe(scores[1]);
    expect(scores[2]!).toBeGreaterThan(scores[0]!);
  });

  it('writes an ensemble of no trees as a constant', async () => {
    const constant = { columns: 3, baseScore: -1, trees: [] };
    const scores = await score(constant, new Float32Array(6).fill(NaN));
    for (const s of scores) expect(s).toBeCloseTo(1 / (1 + Math.E), 6);
    const x = { rows: 1, columns: 3, values: new Float32Array(3) };
    expect(predict(decodeOnnx(encodeOnnx(constant)).ensemble, x)).toEqual(predict(constant, x));
  });

  it('gives the same bytes whatever the order of the metadata keys', () => {
    const one = encodeOnnx(stump, { metadata: { seed: '1', schema: 'x' } });
    expect(encodeOnnx(stump, { metadata: { schema: 'x', seed: '1' } })).toEqual(one);
    expect(encodeOnnx(stump, { metadata: { schema: 'x', seed: '2' } })).not.toEqual(one);
  });
});

describe('decodeOnnx', () => {
  it('inverts the encoding', () => {
    expect(decodeOnnx(encodeOnnx(stump))).toEqual({ ensemble: stump, metadata: {} });
  });

  it('refuses bytes that are not such a model', () => {
    expect(codeOf(() => decodeOnnx(new Uint8Array(0)))).toBe('MODEL_LOAD');
    expect(codeOf(() => decodeOnnx(new TextEncoder().encode('not a model')))).toBe('MODEL_LOAD');
    const bytes = encodeOnnx(stump);
    for (let length = 0; length < bytes.length; length += 7) {
      const code = codeOf(() => decodeOnnx(bytes.slice(0, length)));
      expect(code === 'MODEL_LOAD' || code === undefined).toBe(true);
    }
  });

  it('refuses trees that do not end, lead outside, or use an unknown column', () => {
    const broken = (name: string, integers: number[]): Uint8Array => {
      const model = decodeModel(encodeOnnx(stump));
      const attribute = model.graph.nodes[0]!.attributes!.find((a) => a.name === name)!;
      attribute.integers = integers;
      return encodeModel(model);
    };
    expect(codeOf(() => decodeOnnx(broken('nodes_truenodeids', [0, 0, 0])))).toBe('MODEL_LOAD');
    expect(codeOf(() => decodeOnnx(broken('nodes_falsenodeids', [3, 0, 0])))).toBe('MODEL_LOAD');
    expect(codeOf(() => decodeOnnx(broken('nodes_featureids', [2, 0, 0])))).toBe('MODEL_LOAD');
    expect(codeOf(() => decodeOnnx(broken('target_nodeids', [0, 2])))).toBe('MODEL_LOAD');
    expect(codeOf(() => decodeOnnx(broken('nodes_treeids', [0, 0, 1])))).toBe('MODEL_LOAD');
  });
});
