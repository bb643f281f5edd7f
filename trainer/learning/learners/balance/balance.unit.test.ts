import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import { BALANCES, balanceRows, classWeights, type Balance } from './balance.ts';
import { countClasses } from './class_counts.ts';

const COLUMNS = 3;

function rowsOf(rows: number, seed: string): FitRows {
  const rng = createRng(seed);
  return {
    x: {
      rows,
      columns: COLUMNS,
      values: Float32Array.from({ length: rows * COLUMNS }, () => (rng.uniform() < 0.05 ? NaN : rng.normal())),
    },
    y: Float64Array.from({ length: rows }, () => (rng.uniform() < 0.6 ? 2 : rng.uniform() < 0.7 ? 0 : 1)),
    time: Float64Array.from({ length: rows }, (_, i) => i * 10),
    labelEnd: Float64Array.from({ length: rows }, (_, i) => i * 10 + 1 + rng.integer(40)),
    weights: Float64Array.from({ length: rows }, () => 0.5 + rng.uniform()),
  };
}

const range = (from: number, to: number): Int32Array => Int32Array.from({ length: to - from }, (_, i) => from + i);
const plan = (balance: Balance, classWeightRatio = 1) => ({ balance, classWeightRatio, seed: 'test' });

describe('balanceRows', () => {
  it.each(BALANCES)('reads nothing of the rows outside the fold: %s', (balance) => {
    const train = range(0, 200);
    const stopping = range(220, 260);
    const rows = rowsOf(400, 'outside');
    const spoiled: FitRows = {
      ...rows,
      x: { ...rows.x, values: rows.x.values.map((value, i) => (Math.floor(i / COLUMNS) >= 260 ? 1e9 : value)) },
      y: rows.y.map((label, row) => (row >= 260 ? 0 : label)),
      weights: rows.weights.map((weight, row) => (row >= 260 ? 77 : weight)),
    };
    const [own, other] = [rows, spoiled].map((given) => balanceRows(given, 3, train, stopping, plan(balance)));
    const read = ({ rows: { x, y, time, labelEnd, weights }, train: learned, stopping: ends }: typeof own & object) =>
      [...learned, ...ends].map((row) => [
        [...x.values.subarray(row * COLUMNS, (row + 1) * COLUMNS)],
        y[row],
        time[row],
        labelEnd[row],
        weights[row],
      ]);
    expect(read(other!)).toEqual(read(own!));
    expect([...own!.stopping]).toEqual([...stopping]);
  });

  it('gives all classes the same weight with ratio 1, and leaves weights unchanged with ratio 0', () => {
    fc.assert(
      fc.property(fc.integer({ min: 30, max: 200 }), fc.double({ min: 0, max: 1, noNaN: true }), (count, ratio) => {
        const rows = rowsOf(count, `weights ${count}`);
        const train = range(0, count);
        const counts = countClasses(rows.y, train, 3);
        fc.pre(counts.every((own) => own > 0));
        const weights = classWeights(rows.y, train, 3, ratio);
        const total = weights.reduce((sum, weight, k) => sum + weight * counts[k]!, 0);
        expect(total).toBeCloseTo(count, 9);
        const [full, none] = [1, 0].map((own) => classWeights(rows.y, train, 3, own));
        full!.forEach((weight, k) => expect(weight * counts[k]!).toBeCloseTo(count / 3, 9));
        expect([...none!]).toEqual([1, 1, 1]);
      }),
    );
    expect(() => classWeights(Float64Array.of(0), Int32Array.of(0), 1, 2)).toThrow(/ratio is 2/);
  });

  it('undersamples to the rarest class, without repeating a row', () => {
    const rows = rowsOf(500, 'under');
    const train = range(0, 500);
    const fewest = Math.min(...countClasses(rows.y, train, 3));
    const { train: kept } = balanceRows(rows, 3, train, new Int32Array(), plan('undersample'));
    expect([...countClasses(rows.y, kept, 3)]).toEqual([fewest, fewest, fewest]);
    expect(new Set(kept).size).toBe(kept.length);
  });

  it('adds SMOTE rows between two rows of the same class', () => {
    const rows = rowsOf(150, 'smote');
    const train = range(0, 150);
    const most = Math.max(...countClasses(rows.y, train, 3));
    const { rows: all, train: learned } = balanceRows(rows, 3, train, new Int32Array(), plan('smote'));
    expect([...countClasses(all.y, learned, 3)]).toEqual([most, most, most]);
    expect([...learned.slice(0, 150)]).toEqual([...train]);
    for (const row of learned.slice(150)) {
      const own = [...train].filter((other) => rows.y[other] === all.y[row]);
      for (let column = 0; column < COLUMNS; column++) {
        const value = all.x.values[row * COLUMNS + column]!;
        const values = own
          .map((other) => rows.x.values[other * COLUMNS + column]!)
          .filter((known) => Number.isFinite(known));
        if (Number.isNaN(value)) continue;
        expect(value).toBeGreaterThanOrEqual(Math.min(...values) - 1e-6);
        expect(value).toBeLessThanOrEqual(Math.max(...values) + 1e-6);
      }
      expect(all.labelEnd[row]).toBeGreaterThanOrEqual(all.time[row]!);
    }
  });

  it('is the same for the same seed', () => {
    const rows = rowsOf(150, 'seed');
    for (const balance of BALANCES) {
      const [a, b] = [0, 1].map(() => balanceRows(rows, 3, range(0, 120), range(120, 150), plan(balance)));
      expect(a).toEqual(b);
    }
  });
});
