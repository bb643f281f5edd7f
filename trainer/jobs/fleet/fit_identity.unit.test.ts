import { describe, expect, it } from 'vitest';
import type { Blobs } from '../../../shared/blob/blobs.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import type { TreeModel } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { FitTask } from '../../learning/learners/trees/fit.ts';
import { LEARNER_DEFAULTS } from '../../learning/learners/trees/learner.ts';
import { identityOf, keyOf, ownIdentity, packModel, unpackModel, type FitIdentity } from './fit_identity.ts';

const numbers = new Float64Array(2);
const TASK: FitTask = {
  engine: 'gbdt',
  task: { kind: 'binary' },
  rows: {
    x: { rows: 2, columns: 1, values: new Float32Array(2) },
    y: numbers,
    time: numbers,
    labelEnd: numbers,
    weights: numbers,
  },
  subset: Int32Array.of(0, 1),
  params: { ...LEARNER_DEFAULTS, seed: 'a' },
  stopsEarly: false,
};

function identity(engine: FitTask['engine']): Promise<FitIdentity> {
  const blobs = { put: (bytes: Uint8Array) => Promise.resolve(sha256Hex(bytes)) } as unknown as Blobs;
  return identityOf({ ...TASK, engine }, blobs, new WeakMap());
}

describe('the key of a fit', () => {
  it('holds the program that learns: another build has keys of its own', async () => {
    const own = await identity('gbdt');
    expect(own.code).toBe(ownIdentity().code);
    expect(own.code).toMatch(/^[0-9a-f]{64}$/);
    expect(keyOf({ ...own, code: 'f'.repeat(64) })).not.toBe(keyOf(own));
  });

  it('holds the machine only where the bits of a model depend on it', async () => {
    const { node, architecture } = ownIdentity();
    const environments = await Promise.all(
      (['gbdt', 'random_forest', 'lightgbm', 'xgboost'] as const).map(
        async (engine) => (await identity(engine)).environment,
      ),
    );
    const machine = `node ${node} ${architecture}`;
    expect(environments).toEqual([null, null, machine, machine]);
  });
});

describe('a model as bytes', () => {
  it('comes back to the bit: link, base scores with −0, trees of several ensembles, and arrays that are absent', () => {
    const tree = {
      feature: Int32Array.of(0, -1, -1),
      threshold: Float32Array.of(-0, 0, 0),
      left: Int32Array.of(1, 0, 0),
      right: Int32Array.of(2, 0, 0),
      missingLeft: Uint8Array.of(1, 0, 0),
      value: Float32Array.of(0, NaN, -0),
    };
    const model = {
      link: 'softmax',
      ensembles: [
        { columns: 1, baseScore: -0, trees: [tree, { ...tree, cover: Float32Array.of(3, 2, 1) }] },
        { columns: 1, baseScore: 0.25, trees: [] },
      ],
    } as unknown as TreeModel;
    expect(unpackModel(packModel(model))).toStrictEqual(model);
    expect(Object.is(unpackModel(packModel(model)).ensembles[0]!.baseScore, -0)).toBe(true);
  });
});
