import { beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../../shared/rng.ts';
import type { LabelledRows } from '../dataset/dataset.ts';
import { GBDT_DEFAULTS, predict, trainGbdt, type GbdtParams, type TreeEnsemble } from '../learn/gbdt.ts';
import { fitRounds, takeLabels, takeRows } from '../learn/fit.ts';
import { crossValidate, outOfFold, type FoldModel } from './cross_validation.ts';
import { auc } from './metrics.ts';
import { purgedKFold } from './purged_kfold.ts';

const FOLDS = 4;
const EMBARGO = 300;
/** Leaves small enough to learn single rows by heart. */
const GREEDY: GbdtParams = {
  ...GBDT_DEFAULTS,
  rounds: 25,
  learningRate: 0.5,
  leaves: 63,
  minDataInLeaf: 1,
  l2: 0,
  seed: 'greedy',
};
const fitGreedily = async (rows: LabelledRows, train: Int32Array): Promise<TreeEnsemble> =>
  fitRounds(rows, train, GREEDY, () => undefined);

/** Two pairs with a number of its own in every row and labels thrown by a coin: nothing to learn, everything to memorise. */
function coinRows(seed: string, perPair: number): LabelledRows {
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

let rows: LabelledRows;
let folds: FoldModel[];

beforeAll(async () => {
  rows = coinRows('coins', 1500);
  folds = await crossValidate(rows, FOLDS, EMBARGO, fitGreedily);
});

describe('crossValidate', () => {
  it('finds nothing in coin tosses, though a model that has seen them knows them by heart', () => {
    const memorised = predict(trainGbdt(rows.x, rows.y, null, GREEDY), rows.x);
    expect(auc(memorised, rows.y)!).toBeGreaterThan(0.95);
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
  it('scores every row by the model of the fold in which it was tested, trained here a second time', () => {
    const parts = purgedKFold(rows.time, rows.labelEnd, FOLDS, EMBARGO);
    const scores = outOfFold(folds, rows);
    const expected = new Float64Array(rows.x.rows).fill(NaN);
    for (const { train, test } of parts) {
      const model = trainGbdt(takeRows(rows.x, train), takeLabels(rows.y, train), null, GREEDY);
      test.forEach((row, i) => (expected[row] = predict(model, takeRows(rows.x, test))[i]!));
    }
    expect(scores).toEqual(expected);
  });

  it('scores rows of other times by a model without a training label that spans them', async () => {
    // Rows of every minute, asked of models that learned from every seventh.
    const sparse = Int32Array.from([...rows.time.keys()].filter((row) => (rows.time[row]! / 60) % 7 === 0));
    const learned: LabelledRows = {
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
      expect(scores[row]).toBe(predict(own[0]!.ensemble, takeRows(rows.x, [row]))[0]);
    }
  });
});

describe('takeRows', () => {
  it('copies rows in the order asked for, as often as asked for', () => {
    const x = { rows: 3, columns: 2, values: Float32Array.of(1, 2, 3, NaN, 5, 6) };
    expect(takeRows(x, [2, 0, 2])).toEqual({ rows: 3, columns: 2, values: Float32Array.of(5, 6, 1, 2, 5, 6) });
    expect(takeRows(x, [])).toEqual({ rows: 0, columns: 2, values: new Float32Array() });
  });
});
