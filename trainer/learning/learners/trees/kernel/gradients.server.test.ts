import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEARNER_DEFAULTS } from '../learner.ts';
import type { FocalLoss } from '../../contract/task.ts';
import { prepareFit } from './fit.ts';
import * as at from './layout.ts';
import { CHUNK_ROWS, wordsOf } from './memory.ts';
import { instantiate, kernelModule } from './webassembly.ts';

interface Row {
  readonly scores: readonly number[];
  readonly label: number;
  readonly weight: number;
}

/** The loss of one row, from its definition. */
function lossOf({ scores, label, weight }: Row, focal: FocalLoss | null): number {
  const top = Math.max(...scores);
  const total = scores.reduce((sum, s) => sum + Math.exp(s - top), 0);
  const p = Math.exp(scores[label]! - top) / total;
  const others = scores.reduce((sum, s, k) => sum + (k === label ? 0 : Math.exp(s - top)), 0) / total;
  const factor = focal === null ? 1 : focal.alpha * others ** focal.gamma;
  return -weight * factor * Math.log(p);
}

/** Gradients and hessians of the kernel, [classes][rows][2]. */
function kernelGradients(rows: readonly Row[], classes: number, focal: FocalLoss | null): Float32Array[] {
  const objective = { kind: 'multiclass', classes, ...(focal && { focal }) } as const;
  const table = {
    x: { rows: rows.length, columns: 1, values: new Float32Array(rows.length) },
    y: Float64Array.from(rows, ({ label }) => label),
    weights: Float64Array.from(rows, ({ weight }) => weight),
  };
  const { memory, plan } = prepareFit({
    objective,
    table,
    params: LEARNER_DEFAULTS,
    columns: [0],
    stopping: null,
    threads: 1,
  });
  const words = wordsOf(memory);
  const stride = words.get(at.ROW_STRIDE);
  const scores = new Float64Array(memory.buffer, words.get(at.SCORES), classes * stride);
  rows.forEach((row, i) => row.scores.forEach((score, k) => (scores[k * stride + i] = score)));
  instantiate(kernelModule(), memory).alone(at.DIFFERENTIATE, Math.ceil(plan.rows / CHUNK_ROWS));
  return Array.from(
    { length: classes },
    (_, k) => new Float32Array(memory.buffer, words.get(at.GRADIENTS) + k * stride * 8, rows.length * 2),
  );
}

const STEP = 1e-5;

/** ∂loss/∂score by central differences. */
function differenceOf(row: Row, k: number, focal: FocalLoss | null): number {
  const moved = (by: number): Row => ({ ...row, scores: row.scores.map((s, i) => (i === k ? s + by : s)) });
  return (lossOf(moved(STEP), focal) - lossOf(moved(-STEP), focal)) / (2 * STEP);
}

const rowsOf = (classes: number): fc.Arbitrary<Row[]> =>
  fc.array(
    fc.record({
      scores: fc.array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: classes, maxLength: classes }),
      label: fc.integer({ min: 0, max: classes - 1 }),
      weight: fc.double({ min: 0.1, max: 3, noNaN: true }),
    }),
    { minLength: 1, maxLength: 30 },
  );

const FOCALS: readonly (FocalLoss | null)[] = [
  null,
  { gamma: 2, alpha: 0.25 },
  { gamma: 0.5, alpha: 1 },
  { gamma: 0, alpha: 1 },
];

describe('the gradients of several classes', () => {
  it.each(
    FOCALS.map((focal) => [focal === null ? 'cross-entropy' : `focal loss, gamma ${focal.gamma}`, focal] as const),
  )('of %s are the finite differences of the loss', (_, focal) => {
    for (const classes of [2, 3, 5])
      fc.assert(
        fc.property(rowsOf(classes), (rows) => {
          const gradients = kernelGradients(rows, classes, focal);
          rows.forEach((row, i) => {
            for (let k = 0; k < classes; k++) {
              const expected = differenceOf(row, k, focal);
              expect(Math.abs(gradients[k]![2 * i]! - expected)).toBeLessThan(2e-5 * Math.max(1, Math.abs(expected)));
              expect(gradients[k]![2 * i + 1]).toBeGreaterThanOrEqual(0);
            }
          });
        }),
        { numRuns: 15 },
      );
  });

  it('have the hessian K/(K−1) · p · (1 − p), the second difference times K/(K−1)', () => {
    fc.assert(
      fc.property(rowsOf(3), (rows) => {
        const gradients = kernelGradients(rows, 3, null);
        rows.forEach((row, i) => {
          for (let k = 0; k < 3; k++) {
            const moved = (by: number): Row => ({ ...row, scores: row.scores.map((s, j) => (j === k ? s + by : s)) });
            const slope = (by: number): number => differenceOf(moved(by), k, null);
            const second = (slope(1e-3) - slope(-1e-3)) / 2e-3;
            expect(Math.abs(gradients[k]![2 * i + 1]! - 1.5 * second)).toBeLessThan(1e-4);
          }
        });
      }),
      { numRuns: 15 },
    );
  });

  it('of gamma 0 and alpha 1 are those of cross-entropy', () => {
    const rows: Row[] = [{ scores: [0.3, -1, 2], label: 1, weight: 2 }];
    const [plain, focal] = [null, { gamma: 0, alpha: 1 }].map((own) => kernelGradients(rows, 3, own));
    expect(focal).toEqual(plain);
  });
});
