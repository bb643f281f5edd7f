import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import { sigmoid } from '../../../../shared/elementary.ts';
import { fitLogistic, logits, type LogisticModel } from './logistic.ts';
import { PRIOR } from './prior.ts';

const RIDGE = 1e-4;

interface Rows {
  readonly x: { readonly rows: number; readonly columns: number; readonly values: Float32Array };
  readonly y: Float64Array;
  readonly weights: Float64Array;
}

function rowsOf(seed: string, rows: number, columns: number, missing = 0): Rows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: rows * columns }, () =>
    rng.uniform() < missing ? NaN : 4 * rng.uniform() - 2,
  );
  const y = Float64Array.from({ length: rows }, (_, row) => {
    const first = values[row * columns]!;
    return rng.uniform() < 1 / (1 + Math.exp(-(Number.isNaN(first) ? 0 : first))) ? 1 : 0;
  });
  return { x: { rows, columns, values }, y, weights: Float64Array.from({ length: rows }, () => 0.5 + rng.uniform()) };
}

const fit = (rows: Rows, subset: Int32Array): LogisticModel =>
  fitLogistic(rows, subset, [...Array(rows.x.columns).keys()]);
const probabilities = (model: LogisticModel, rows: Rows): Float64Array => logits(model, rows.x).map(sigmoid);
const all = (rows: Rows): Int32Array => Int32Array.from(rows.y.keys());

/** The columns as the model sees them, by the definition. */
function standardized({ x, weights }: Rows): number[][] {
  const known = (column: number) =>
    [...weights.keys()].filter((row) => !Number.isNaN(x.values[row * x.columns + column]!));
  return Array.from({ length: x.columns }, (_, column) => {
    const own = known(column);
    const total = own.reduce((sum, row) => sum + weights[row]!, 0);
    const at = (row: number) => x.values[row * x.columns + column]!;
    const mean = own.reduce((sum, row) => sum + weights[row]! * at(row), 0) / total;
    const deviation = Math.sqrt(own.reduce((sum, row) => sum + weights[row]! * (at(row) - mean) ** 2, 0) / total);
    return [...weights.keys()].map((row) => {
      const value = (at(row) - mean) / deviation;
      return Number.isNaN(value) || !Number.isFinite(value) ? 0 : Math.min(Math.max(value, -5), 5);
    });
  });
}

describe('logistic regression', () => {
  it('has no slope left in its objective, for any rows, with missing values and weights', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.string(), (columns, seed) => {
        const rows = rowsOf(seed, 120, columns, 0.1);
        const model = fit(rows, all(rows));
        const { coefficients } = model;
        const p = probabilities(model, rows);
        const total = rows.weights.reduce((sum, weight) => sum + weight, 0);
        const slopeAlong = (z: (row: number) => number): number =>
          [...rows.y.keys()].reduce((sum, row) => sum + rows.weights[row]! * (p[row]! - rows.y[row]!) * z(row), 0) /
          total;
        const z = standardized(rows);
        for (let column = 0; column < columns; column++)
          expect(slopeAlong((row) => z[column]![row]!) + RIDGE * coefficients[column]!).toBeCloseTo(0, 7);
        expect(slopeAlong(() => 1)).toBeCloseTo(0, 7);
      }),
      { numRuns: 40 },
    );
  });

  it('finds the coefficients that made the labels', () => {
    const rows = rowsOf('planted', 20_000, 2);
    const { coefficients } = fit(rows, all(rows));
    // Uniform on [−2, 2]: a slope of 1 on the value is one of 2 / √3 on the standardized value.
    expect(coefficients[0]).toBeCloseTo(2 / Math.sqrt(3), 1);
    expect(coefficients[1]).toBeCloseTo(0, 1);
  });

  it('learns from its rows alone, and survives columns without variation and classes that a line separates', () => {
    const rows = rowsOf('subset', 200, 2);
    const half = all(rows).subarray(0, 100);
    const before = fit(rows, half).coefficients.slice();
    rows.y.fill(1, 100);
    rows.x.values.fill(99, 200);
    expect(fit(rows, half).coefficients).toEqual(before);
    const flat = { ...rows, x: { ...rows.x, values: new Float32Array(400).fill(7) } };
    const p = probabilities(fit(flat, all(flat)), flat);
    expect(p.every((value) => Math.abs(value - p[0]!) < 1e-12 && value > 0 && value < 1)).toBe(true);
    const separated = { ...rows, y: rows.y.map((_, row) => (rows.x.values[2 * row]! > 0 ? 1 : 0)) };
    expect(fit(separated, half).coefficients.every(Number.isFinite)).toBe(true);
  });
});

it('the prior is the weighted share of ones of its rows, as a float32 number', async () => {
  const { x, y, weights } = rowsOf('prior', 50, 1);
  const subset = Int32Array.from({ length: 30 }, (_, i) => i + 10);
  const time = Float64Array.from(y.keys());
  const fitted = await PRIOR.open(null).fit({
    task: { kind: 'binary' },
    rows: { x, y, weights, time, labelEnd: time },
    subset,
    columns: null,
    budget: { kind: 'early_stopping', stopping: null },
    seed: 'prior',
    continueFrom: null,
  });
  let ones = 0;
  let total = 0;
  for (let row = 10; row < 40; row++) {
    ones += weights[row]! * y[row]!;
    total += weights[row]!;
  }
  expect([...fitted.answers(x)]).toEqual(Array.from({ length: 50 }, () => Math.fround(ones / total)));
});
