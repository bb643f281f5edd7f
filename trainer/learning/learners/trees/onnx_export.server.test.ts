import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeOnnx, encodeOnnx } from '../../../../shared/bundle/onnx/onnx.ts';
import { createRng } from '../../../../shared/rng.ts';
import { predict, type Matrix, type TreeEnsemble } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { InferenceSession, Tensor } from '../../../../shared/bundle/onnxruntime.ts';
import { learnHere } from './gbdt.ts';
import { LEARNER_DEFAULTS } from './learner.ts';

const COLUMNS = 12;

/** Tenths (ties), normals, missing values and infinities side by side. */
function makeMatrix(rows: number, seed: string): Matrix {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: rows * COLUMNS }, () => {
    const kind = rng.uniform();
    if (kind < 0.05) return NaN;
    if (kind < 0.06) return Infinity;
    if (kind < 0.07) return -Infinity;
    return kind < 0.5 ? rng.integer(10) / 10 : rng.normal();
  });
  return { rows, columns: COLUMNS, values };
}

function train(): TreeEnsemble {
  const x = makeMatrix(6000, 'export');
  const rng = createRng('targets');
  const y = Float64Array.from({ length: x.rows }, (_, row) => {
    const a = x.values[row * COLUMNS]!;
    const b = x.values[row * COLUMNS + 1]!;
    return (a > 0.3 || Number.isNaN(b)) === rng.uniform() < 0.9 ? 1 : 0;
  });
  const sampled = { rowFraction: 0.8, columnFraction: 0.8, seed: 'export' };
  return learnHere({
    task: { kind: 'binary' },
    table: { x, y, weights: null },
    params: { ...LEARNER_DEFAULTS, rounds: 150, l2: 1, ...sampled },
    stopping: null,
    threads: 1,
    onRound: () => undefined,
  }).ensembles[0]!;
}

async function openSession(
  bytes: Uint8Array,
): Promise<(x: Matrix, from?: number, rows?: number) => Promise<Float32Array>> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  expect(session.inputNames).toEqual(['features']);
  expect(session.outputNames).toEqual(['score']);
  return async (x, from = 0, rows = x.rows) => {
    const values = x.values.slice(from * x.columns, (from + rows) * x.columns);
    const { score } = await session.run({ features: new Tensor('float32', values, [rows, x.columns]) });
    expect(score!.dims).toEqual([rows, 1]);
    return score!.data as Float32Array;
  };
}

const worst = (scores: Float32Array, expected: Float64Array): number =>
  scores.reduce((most, score, row) => Math.max(most, Math.abs(score - expected[row]!)), 0);

describe('a trained ensemble in onnxruntime', () => {
  let ensemble: TreeEnsemble;
  let run: Awaited<ReturnType<typeof openSession>>;
  beforeAll(async () => {
    ensemble = train();
    run = await openSession(encodeOnnx(ensemble));
  });

  it('scores 30,000 rows with ties, missing values and infinities as `predict` does', async () => {
    const x = makeMatrix(30_000, 'scoring');
    expect(worst(await run(x), predict(ensemble, x))).toBeLessThan(1e-6);
  });

  it('agrees on rows made of its own thresholds and their float32 neighbors', async () => {
    const rng = createRng('thresholds');
    const used = Array.from({ length: COLUMNS }, (_, column) =>
      ensemble.trees.flatMap((tree) => [...tree.threshold].filter((_t, node) => tree.feature[node] === column)),
    );
    const rows = 20_000;
    const values = Float32Array.from({ length: rows * COLUMNS }, (_, i) => {
      const choices = used[i % COLUMNS]!;
      if (choices.length === 0) return 0;
      const threshold = choices[rng.integer(choices.length)]!;
      return threshold + [0, 0, 1, -1][rng.integer(4)]! * Math.abs(threshold) * 2 ** -23;
    });
    const x = { rows, columns: COLUMNS, values };
    expect(worst(await run(x), predict(ensemble, x))).toBeLessThan(1e-6);
  });

  it('gives a row the same bits alone, among 10 and among 1,000', async () => {
    const x = makeMatrix(2000, 'batches');
    const all = await run(x);
    for (const size of [1, 10, 1000]) {
      for (let from = 0; from < x.rows; from += size) {
        expect(await run(x, from, size)).toEqual(all.slice(from, from + size));
      }
    }
  });

  it('is exported to the same bytes when it is trained again', () => {
    expect(Buffer.from(encodeOnnx(train())).equals(encodeOnnx(ensemble))).toBe(true);
  });

  // A deliberate change of the learner or the graph changes this hash; another machine or engine must not.
  it('has exactly these bytes on every machine', () => {
    expect(createHash('sha256').update(encodeOnnx(ensemble)).digest('hex')).toMatchInlineSnapshot(
      `"a14daf7b402c7328dd2476bc347f12f9de6a6c007b884f7e1531ed96812ce385"`,
    );
  });

  it('is decoded from its bytes unchanged, with its metadata', () => {
    const back = decodeOnnx(encodeOnnx(ensemble, { metadata: { b: '2', a: '日本' } }));
    expect(back.ensemble).toEqual(ensemble);
    expect(back.metadata).toEqual({ a: '日本', b: '2' });
  });
});
