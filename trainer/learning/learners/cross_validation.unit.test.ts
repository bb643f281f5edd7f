import { beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { takeLabels, takeRows } from './contract/fit_rows.ts';
import { crossValidate, outOfFold, splitOfTime, testedScores, type FoldModel } from './cross_validation.ts';
import { auc } from '../measures/metrics.ts';
import { purgedKFold } from '../splits/purged_kfold.ts';
import type { ValidationRows } from '../dataset/rows.ts';
import { smallFits } from '../dataset/rows.fixture.ts';

const FOLDS = 4;
const EMBARGO = 300;
/** Leaves small enough to memorize single rows. */
const fitGreedily = smallFits({ rounds: 60, learningRate: 0.5, leaves: 63, minDataInLeaf: 1, l2: 0, maxBins: 255 });
const everyRow = (of: ValidationRows): Int32Array => Int32Array.from(of.y.keys());

/**
 * Two pairs with a unique number in every row and random labels: nothing to learn, everything to memorize.
 */
function coinRows(seed: string, perPair: number): ValidationRows {
  const rng = createRng(seed);
  const rows = 2 * perPair;
  const time = Float64Array.from({ length: rows }, (_, i) => (i % perPair) * 60 + 1_000_020);
  return {
    x: { rows, columns: 2, values: Float32Array.from({ length: rows * 2 }, () => rng.uniform()) },
    y: Float64Array.from({ length: rows }, () => rng.integer(2)),
    time,
    labelEnd: time.map((t) => t + 60 * (1 + rng.integer(10))),
    pair: Int32Array.from({ length: rows }, (_, i) => Math.floor(i / perPair)),
  };
}

let rows: ValidationRows;
let folds: FoldModel[];

beforeAll(async () => {
  rows = coinRows('coins', 1500);
  folds = await crossValidate(rows, FOLDS, EMBARGO, fitGreedily);
});

describe('crossValidate', () => {
  it('finds nothing in coin tosses, though a model trained on them has memorized them', async () => {
    const memorized = (await fitGreedily(rows, everyRow(rows))).answers(rows.x);
    expect(auc(memorized, rows.y)!).toBeGreaterThan(0.95);
    // Standard error of an AUC of 3000 tosses: 0.0105.
    expect(Math.abs(auc(outOfFold(folds, rows), rows.y)! - 0.5)).toBeLessThan(0.035);
    for (const { metrics } of folds) expect(Math.abs(metrics.auc! - 0.5)).toBeLessThan(0.08);
  });

  it('has blocks that follow one another and measures each on all of its rows', () => {
    expect(folds.map(({ from }) => from).slice(1)).toEqual(folds.map(({ until }) => until).slice(0, -1));
    expect(folds[0]!.from).toBe(-Infinity);
    expect(folds.at(-1)!.until).toBe(Infinity);
    expect(folds.reduce((sum, { metrics }) => sum + metrics.rows, 0)).toBe(rows.x.rows);
  });
});

describe('outOfFold', () => {
  it('scores every row by the model of the fold in which it was tested, trained here a second time', async () => {
    const parts = purgedKFold(rows.time, rows.labelEnd, FOLDS, EMBARGO);
    const scores = outOfFold(folds, rows);
    const expected = new Float64Array(rows.x.rows).fill(NaN);
    for (const { train, test } of parts) {
      const answers = (await fitGreedily(rows, train)).answers(takeRows(rows.x, test));
      test.forEach((row, i) => (expected[row] = answers[i]!));
    }
    expect(scores).toEqual(expected);
  });

  it('scores rows of other times by a model without a training label that spans them', async () => {
    // Rows of every minute, scored by models trained on every seventh.
    const sparse = Int32Array.from([...rows.time.keys()].filter((row) => (rows.time[row]! / 60) % 7 === 0));
    const learned: ValidationRows = {
      x: takeRows(rows.x, sparse),
      y: takeLabels(rows.y, sparse),
      time: takeLabels(rows.time, sparse),
      labelEnd: takeLabels(rows.labelEnd, sparse),
      pair: rows.pair.filter((_, row) => (rows.time[row]! / 60) % 7 === 0),
    };
    const models = await crossValidate(learned, FOLDS, EMBARGO, fitGreedily);
    const parts = purgedKFold(learned.time, learned.labelEnd, FOLDS, EMBARGO);
    const scores = outOfFold(models, rows);
    for (let row = 0; row < rows.x.rows; row += 13) {
      const time = rows.time[row]!;
      const own = models.filter(({ from, until }) => time >= from && time < until);
      expect(own.length).toBe(1);
      const fold = models.indexOf(own[0]!);
      for (const seen of parts[fold]!.train) {
        expect(learned.time[seen]! <= time && learned.labelEnd[seen]! >= time).toBe(false);
      }
      expect(scores[row]).toBe(own[0]!.model.answers(takeRows(rows.x, [row]))[0]);
    }
  });
});

describe('testedScores', () => {
  it('has the score of each row’s own fold, as scoring the row by its time', () => {
    const { scores, split } = testedScores(folds, rows.x.rows);
    expect(scores).toEqual(outOfFold(folds, rows));
    folds.forEach(({ test }, fold) => test.forEach((row) => expect(split[row]).toBe(fold)));
    expect(splitOfTime(folds, rows.time)).toEqual(split);
    expect([...splitOfTime([{ from: 10, until: 20 }], [9, 10, 19, 20])]).toEqual([-1, 0, 0, -1]);
    const untested = testedScores(folds.slice(1), rows.x.rows);
    expect(untested.split.filter((own) => own < 0).length).toBe(folds[0]!.test.length);
    expect([...folds[0]!.test].every((row) => Number.isNaN(untested.scores[row]))).toBe(true);
  });
});

describe('takeRows', () => {
  it('copies rows in the requested order, as often as requested', () => {
    const x = { rows: 3, columns: 2, values: Float32Array.of(1, 2, 3, NaN, 5, 6) };
    expect(takeRows(x, [2, 0, 2])).toEqual({ rows: 3, columns: 2, values: Float32Array.of(5, 6, 1, 2, 5, 6) });
    expect(takeRows(x, [])).toEqual({ rows: 0, columns: 2, values: new Float32Array() });
  });
});
