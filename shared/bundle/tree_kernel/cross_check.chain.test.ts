import { describe, expect, it } from 'vitest';
import { onnxAnswers } from '../onnx/answers.ts';
import { encodeOnnx, encodeTreeModel } from '../onnx/onnx.ts';
import { readOwnModel } from '../own_model.ts';
import { loadScorer } from '../scorer.ts';
import { checkAnswers, checkRows, CROSS_CHECK_TOLERANCE, type CrossCheckResult } from './cross_check.ts';
import { packTrees, type PackedTrees } from './pack.ts';
import { randomEnsemble } from './random_ensemble.fixture.ts';

const COLUMNS = 8;
const ensemble = randomEnsemble({ trees: 30, leaves: 31, columns: COLUMNS, seed: 'check' });
const features = checkRows(ensemble, 'seed');
const rows = features.length / COLUMNS;

async function verdictOn(packed: PackedTrees): Promise<number> {
  const scorer = await loadScorer(encodeOnnx(ensemble), { columns: COLUMNS, bars: 1 }, 'check');
  const answers = await scorer.score(features, rows);
  const verdict = checkAnswers({ engine: 'wasm-simd', packed }, COLUMNS, features, answers);
  await scorer.release();
  expect(verdict.rows).toBe(rows);
  return verdict.largestDifference;
}

/** The tables with one number changed: `change` is given what stands at `at`. */
function corrupted(at: number, change: (view: DataView, at: number) => void): PackedTrees {
  const packed = packTrees(ensemble, 'sigmoid');
  change(new DataView(packed.bytes.buffer), at);
  return packed;
}

const turned = (view: DataView, at: number): void => view.setUint32(at, ~view.getUint32(at, true) >>> 0, true);
const higher = (view: DataView, at: number): void => view.setFloat32(at, view.getFloat32(at, true) + 0.05, true);
const higherLeaves = (view: DataView, at: number): void => {
  for (let leaf = 0; leaf < 31; leaf++) higher(view, at + 4 * leaf);
};

describe('the check', () => {
  it('finds the kernel’s answers equal to onnxruntime’s', async () => {
    expect(await verdictOn(packTrees(ensemble, 'sigmoid'))).toBeLessThanOrEqual(CROSS_CHECK_TOLERANCE);
  });

  it('uses the same rows for the same model, and others for another one', () => {
    expect(checkRows(ensemble, 'seed')).toEqual(features);
    expect(checkRows(ensemble, 'another')).not.toEqual(features);
    expect(rows).toBeGreaterThan(600);
    for (const kind of [Number.isNaN, (x: number) => x === Infinity, (x: number) => x === -Infinity])
      expect(features.some(kind)).toBe(true);
    const thresholds = new Set(ensemble.trees.flatMap(({ threshold }) => [...threshold]));
    const asked = new Set(features);
    expect([...thresholds].every((threshold) => asked.has(threshold))).toBe(true);
  });

  // The first word: eight bytes of header, then thirty nodes of column, threshold and kept leaves, then the leaf
  // values.
  it.each([
    ['a threshold a little higher', 8 + 4, higher],
    ['other leaves struck out', 8 + 8, turned],
    ['leaf values a little higher', 8 + 30 * 12, higherLeaves],
  ])('detects a wrong table: %s', async (_what, at, change) => {
    expect(await verdictOn(corrupted(at, change))).toBeGreaterThan(CROSS_CHECK_TOLERANCE);
  });

  it('compares every answer of a row, whichever of several is wrong', async () => {
    const width = 3;
    const ensembles = Array.from({ length: width }, (_, k) =>
      randomEnsemble({ trees: 20, leaves: 31, columns: COLUMNS, seed: `class ${k}` }),
    );
    const bytes = encodeTreeModel({ link: 'softmax', ensembles });
    const { values } = await onnxAnswers(bytes, { rows, columns: COLUMNS, values: features });
    const verdict = (wrong: number | null): CrossCheckResult => {
      let packs = 0;
      const { model } = readOwnModel(bytes, (...of) => {
        const packed = packTrees(...of);
        if (packs++ === wrong) higherLeaves(new DataView(packed.bytes.buffer), 8 + 30 * 12);
        return packed;
      });
      return checkAnswers(model, COLUMNS, features, values);
    };
    expect(verdict(null).rows).toBe(rows);
    expect(verdict(null).largestDifference).toBeLessThanOrEqual(CROSS_CHECK_TOLERANCE);
    for (let wrong = 0; wrong < width; wrong++)
      expect(verdict(wrong).largestDifference).toBeGreaterThan(CROSS_CHECK_TOLERANCE);
    const { model } = readOwnModel(bytes);
    for (let at = values.length - 1; at >= 0; at -= 31) {
      const other = values.slice();
      other[at]! += 0.25;
      expect(checkAnswers(model, COLUMNS, features, other).largestDifference).toBeCloseTo(0.25, 5);
    }
  });

  it('detects an answer that is not a number', async () => {
    const withNothing = corrupted(8 + 30 * 12, (view, at) => {
      for (let leaf = 0; leaf < 31; leaf++) view.setFloat32(at + 4 * leaf, NaN, true);
    });
    expect(await verdictOn(withNothing)).toBe(Infinity);
  });
});
