import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import { LEAST } from '../contract/rescaled.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import type { FitRequest } from '../contract/learner.ts';
import { fitLogistic, LOGISTIC } from './logistic.ts';
import { fitMultinomial } from './multinomial.ts';
import { fittedMultinomial, type MultinomialModel } from './multinomial_model.ts';
import { descend, standardizedRows } from './multinomial.oracle.ts';
import { PRIOR } from './prior.ts';

const CLASSES = 3;
const RIDGE = 1e-4;

/** Class 0 where the first column is high, 1 where it is low, 2 between them; the second pushes toward 2. */
function rowsOf(seed: string, rows: number, { columns = 3, missing = 0.1 } = {}): FitRows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: rows * columns }, () => (rng.uniform() < missing ? NaN : rng.normal()));
  const y = Float64Array.from({ length: rows }, (_, row) => {
    const first = (values[row * columns]! || 0) + 0.8 * rng.normal();
    const second = values[row * columns + 1]! || 0;
    return Math.abs(first) < 0.6 + 0.3 * second ? 2 : first > 0 ? 0 : 1;
  });
  const time = Float64Array.from(y.keys());
  const weights = y.map(() => 0.5 + rng.uniform());
  return { x: { rows, columns, values }, y, weights, time, labelEnd: time };
}

const everyRow = ({ y }: FitRows): Int32Array => Int32Array.from(y.keys());

function fit(rows: FitRows, subset = everyRow(rows), classes = CLASSES): MultinomialModel {
  return fitMultinomial({ rows, subset, columns: [...Array(rows.x.columns).keys()], classes });
}

const answersOf = (model: MultinomialModel, { x }: FitRows): Float64Array =>
  fittedMultinomial('logistic', model).exactAnswers(x);

function greatestDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, own, i) => Math.max(most, Math.abs(own - b[i]!)), 0);
}

function requestOf(rows: FitRows, changes: Partial<FitRequest> = {}): FitRequest {
  return {
    task: { kind: 'multiclass', classes: CLASSES },
    rows,
    subset: everyRow(rows),
    columns: null,
    budget: { kind: 'early_stopping', stopping: null },
    seed: 'multinomial',
    continueFrom: null,
    ...changes,
  };
}

describe('multinomial logistic regression', () => {
  it.each(['first', 'second'])('finds what gradient descent finds on the rows %s', (seed) => {
    const rows = rowsOf(seed, 90, { columns: 2 });
    const { coefficients } = fit(rows);
    const oracle = descend(standardizedRows(rows), { classes: CLASSES, ridge: RIDGE });
    coefficients.forEach((own, k) => expect(greatestDistance(own, oracle[k]!)).toBeLessThan(1e-4));
    for (let i = 0; i <= rows.x.columns; i++)
      expect(coefficients.reduce((sum, own) => sum + own[i]!, 0)).toBeCloseTo(0, 9);
  });

  it('is the binary regression on two classes, whose penalty is half of one on the difference', () => {
    const rows = rowsOf('two', 400);
    const two = { ...rows, y: rows.y.map((label) => (label === 0 ? 1 : 0)) };
    const binary = fitLogistic(two, everyRow(two), [0, 1, 2]);
    const [zero, one] = fit(two, everyRow(two), 2).coefficients;
    for (let i = 0; i < 3; i++) expect(one![i]! - zero![i]!).toBeCloseTo(binary.coefficients[i]!, 2);
    expect(one![3]! - zero![3]!).toBeCloseTo(binary.intercept, 2);
  });

  it('gives the same bits again, and the same model by other names of the classes', () => {
    const rows = rowsOf('names', 500);
    const { coefficients } = fit(rows);
    expect(fit(rows).coefficients).toEqual(coefficients);
    const renamed = [2, 0, 1];
    const other = fit({ ...rows, y: rows.y.map((label) => renamed[label]!) }).coefficients;
    coefficients.forEach((own, k) => expect(greatestDistance(own, other[renamed[k]!]!)).toBeLessThan(1e-7));
  });

  it('counts a row of weight 3 as three rows, and a row of weight 0 not at all', () => {
    const rows = rowsOf('weights', 120);
    const thrice = { ...rows, weights: rows.y.map((_, row) => (row < 40 ? 3 : row < 80 ? 1 : 0)) };
    const copies = Int32Array.from({ length: 160 }, (_, i) => (i < 120 ? Math.floor(i / 3) : i - 80));
    const plain = { ...rows, weights: rows.y.map(() => 1) };
    expect(greatestDistance(answersOf(fit(thrice), rows), answersOf(fit(plain, copies), rows))).toBeLessThan(1e-6);
  });

  it('is finite where lines separate the classes, in few rows, and in columns that say nothing', () => {
    const rows = rowsOf('separate', 200, { missing: 0 });
    const separate = {
      ...rows,
      y: rows.y.map((_, row) => Math.min(2, Math.max(0, 1 + Math.trunc(rows.x.values[3 * row]!)))),
    };
    const tiny = fit(separate, Int32Array.of(...[0, 1, 2].map((k) => separate.y.indexOf(k))));
    const flat = { ...rows, x: { ...rows.x, values: new Float32Array(600).fill(1 / 3) } };
    const nothing = { ...rows, x: { ...rows.x, values: new Float32Array(600).fill(NaN) } };
    for (const model of [fit(separate), tiny, fit(flat), fit(nothing)])
      expect(model.coefficients.every((own) => own.every(Number.isFinite))).toBe(true);
    const p = answersOf(fit(separate), separate);
    const right = [...separate.y].filter((label, row) => p[3 * row + label]! > 0.5).length;
    expect(right / 200).toBeGreaterThan(0.97);
    const shares = [0, 1, 2].map(
      (k) => sumOf(rows.weights.filter((_, row) => rows.y[row] === k)) / sumOf(rows.weights),
    );
    expect(greatestDistance(answersOf(fit(nothing), nothing).subarray(0, 3), shares)).toBeLessThan(1e-6);
  });

  it('gives a class without rows next to nothing, and one class alone nearly all', () => {
    const rows = rowsOf('absent', 300);
    const without = { ...rows, y: rows.y.map((label) => (label === 1 ? 2 : label)) };
    const p = answersOf(fit(without), rows);
    const pair = answersOf(fit({ ...without, y: without.y.map((label) => label / 2) }, everyRow(rows), 2), rows);
    for (let row = 0; row < 300; row++) {
      expect(p[3 * row + 1]).toBeGreaterThan(0);
      expect(p[3 * row + 1]).toBeLessThanOrEqual(LEAST);
      expect(p[3 * row]).toBeCloseTo(pair[2 * row]!, 5);
    }
    const alone = answersOf(fit({ ...rows, y: rows.y.map(() => 2) }), rows);
    expect(alone.every((value, i) => (i % 3 === 2 ? value > 0.99999 : value > 0 && value <= LEAST))).toBe(true);
  });

  it('learns from its rows alone, and refuses a target that is no class', () => {
    const rows = rowsOf('subset', 200);
    const half = everyRow(rows).subarray(0, 100);
    const before = fit(rows, half).coefficients;
    rows.y.fill(1, 100);
    rows.x.values.fill(99, 300);
    expect(fit(rows, half).coefficients).toEqual(before);
    for (const label of [3, -1, 0.5, NaN]) {
      rows.y[7] = label;
      expect(() => fit(rows)).toThrow(RangeError);
    }
  });
});

const sumOf = (of: Float64Array): number => of.reduce((sum, own) => sum + own, 0);

describe('the learners logistic and prior of classes', () => {
  const rows = rowsOf('learners', 400);

  it('answer probabilities, whose margins are scaled class by class', async () => {
    for (const learner of [LOGISTIC, PRIOR]) {
      const fitted = await learner.open(null).fit(requestOf(rows));
      expect([fitted.learner, fitted.link, fitted.width]).toEqual([learner.name, 'softmax', 3]);
      const exact = fitted.exactAnswers(rows.x);
      fitted.answers(rows.x).forEach((own, i) => expect(own).toBeCloseTo(exact[i]!, 6));
      const scaling = { slope: [0.5, 2, 1], intercept: [0.1, -0.2, 0] };
      const margins = fitted.openMargins()(rows.x);
      const scaled = fitted.withMargins(scaling).exactAnswers(rows.x);
      for (let row = 0; row < 400; row++) {
        const e = margins.map((own, k) => Math.exp(scaling.slope[k]! * own[row]! + scaling.intercept[k]!));
        const sum = e[0]! + e[1]! + e[2]!;
        e.forEach((own, k) => expect(Math.abs(scaled[3 * row + k]! - own / sum)).toBeLessThan(1e-6));
      }
      expect(() => fitted.withMargins({ slope: [1, 1], intercept: [0, 0] })).toThrow(RangeError);
      expect(() => fitted.withMargins({ slope: [1, 0, 1], intercept: [0, 0, 0] })).toThrow(RangeError);
    }
  });

  it('the prior answers the weighted shares of the classes of its rows', async () => {
    const subset = Int32Array.from({ length: 100 }, (_, i) => 2 * i);
    const fitted = await PRIOR.open(null).fit(requestOf(rows, { subset }));
    const shares = [0, 1, 2].map((k) =>
      [...subset].reduce((sum, row) => sum + (rows.y[row] === k ? rows.weights[row]! : 0), 0),
    );
    const total = shares.reduce((sum, own) => sum + own, 0);
    const expected = Array.from({ length: 1200 }, (_, i) => shares[i % 3]! / total);
    expect(greatestDistance(fitted.exactAnswers(rows.x), expected)).toBeLessThan(1e-6);
  });

  it('refuse rows without weight, and the focal loss of another learner', async () => {
    for (const learner of [LOGISTIC, PRIOR]) {
      const open = learner.open(null);
      const weightless = { ...rows, weights: rows.y.map(() => 0) };
      await expect(open.fit(requestOf(weightless))).rejects.toMatchObject({ code: 'DATA_TOO_SHORT' });
      const task = { kind: 'multiclass', classes: 3, focal: { gamma: 2, alpha: 0.25 } } as const;
      await expect(open.fit(requestOf(rows, { task }))).rejects.toMatchObject({
        code: 'LEARNER_TASK',
        seen: expect.stringContaining(learner.name) as string,
      });
    }
  });
});
