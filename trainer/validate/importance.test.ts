import { describe, expect, it } from 'vitest';
import { createRng } from '../../shared/rng.ts';
import {
  emptyTree,
  predictModel,
  type Tree,
  type TreeEnsemble,
  type TreeModel,
} from '../../shared/bundle/onnx/tree_ensemble.ts';
import { randomEnsemble, randomRows } from '../../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import type { Task } from '../learn/trees/learner.ts';
import { takeRows } from '../learn/trees/fit.ts';
import { validateSplits, type FoldModel } from './cross_validation.ts';
import { IMPORTANCE_DEFAULTS, permutationImportance, type ImportanceOptions } from './importance.ts';
import { auc, logLoss } from './metrics.ts';
import type { ValidationRows } from './rows.ts';
import { smallTrees, walkRows } from './rows.fixture.ts';
import { kFoldSplits } from './splits.ts';

const BINARY: Task = { kind: 'binary' };
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `column_${i}`);
const options = (columns: number, more: Partial<ImportanceOptions> = {}): ImportanceOptions => ({
  ...IMPORTANCE_DEFAULTS,
  task: BINARY,
  names: names(columns),
  seed: 'importance',
  resamples: 50,
  top: 2,
  ...more,
});

/** A tree of one split at 0: `value` where the column is above. */
function stump(column: number, value: number): Tree {
  const tree = emptyTree(3);
  tree.feature[0] = column;
  tree.left[0] = 1;
  tree.right[0] = 2;
  tree.value[2] = value;
  return tree;
}

function ensembleOf(columns: number, trees: readonly Tree[]): TreeEnsemble {
  return { columns, baseScore: 0, trees };
}

/** Independent rows of standard normal columns, one every hour, of two pairs. */
function independentRows(
  seed: string,
  rows: number,
  columns: number,
  label: (x: Float32Array) => number,
): ValidationRows {
  const rng = createRng(seed);
  const values = randomRows(rng, rows, columns, 0);
  const time = Float64Array.from({ length: rows }, (_, i) => 1_546_819_200 + Math.floor(i / 2) * 3600);
  return {
    x: { rows, columns, values },
    y: Float64Array.from({ length: rows }, (_, row) => label(values.subarray(row * columns, (row + 1) * columns))),
    time,
    labelEnd: time.map((t) => t + 60),
    pair: Int32Array.from({ length: rows }, (_, i) => i % 2),
  };
}

function everyRow(rows: ValidationRows): Int32Array {
  return Int32Array.from(rows.y.keys());
}

describe('permutationImportance', () => {
  it('is the theoretical loss of AUC for a sum of columns, and exactly 0 for a column without a split', () => {
    // The label is whether 2a + b > 0, determined by sign(a) and sign(b) alone; c is split on nowhere.
    const rows = independentRows('theory', 8000, 3, ([a, b]) => (2 * a! + b! > 0 ? 1 : 0));
    const model: TreeModel = { link: 'sigmoid', ensembles: [ensembleOf(3, [stump(0, 2), stump(1, 1)])] };
    const found = permutationImportance(rows, [{ model, test: everyRow(rows) }], options(3, { repeats: 8 }));
    const of = (name: string) => found.features.find(({ feature }) => feature === name)!;
    // With a column permuted, the score is as if it were another row's: its expected AUC, from fresh independent
    // columns.
    const fresh = independentRows('fresh', 8000, 2, () => 0);
    const signs = (a: number, b: number): number => 2 * Number(a > 0) + Number(b > 0);
    const expected = (permuted: number): number => {
      const scores = Float64Array.from(rows.y.keys(), (row) => {
        const own = [0, 1].map((c) => (c === permuted ? fresh.x.values[row * 2 + c]! : rows.x.values[row * 3 + c]!));
        return signs(own[0]!, own[1]!);
      });
      return found.baseline - auc(scores, rows.y)!;
    };
    expect(found.measure).toBe('auc');
    expect(of('column_0').drop).toBeCloseTo(expected(0), 1);
    expect(of('column_1').drop).toBeCloseTo(expected(1), 1);
    expect(of('column_2')).toMatchObject({ drop: 0, mean: 0, std: 0, splits: 0, top_share: 0 });
    expect(found.features.map(({ feature, rank }) => [feature, rank])).toEqual([
      ['column_0', 1],
      ['column_1', 2],
      ['column_2', 3],
    ]);
    expect(of('column_0')).toMatchObject({ rank_low: 1, rank_high: 1, top_share: 1, splits: 1 });
  });

  it('has the measure of the answers as its baseline, for hard and soft labels, values and classes', () => {
    const ensemble = randomEnsemble({ trees: 20, leaves: 15, columns: 4, seed: 'baseline' });
    const hard = independentRows('hard', 2000, 4, ([a]) => (a! > 0 ? 1 : 0));
    const model: TreeModel = { link: 'sigmoid', ensembles: [ensemble] };
    const folds = [{ model, test: everyRow(hard) }];
    const answers = predictModel(model, hard.x);
    expect(permutationImportance(hard, folds, options(4)).baseline).toBeCloseTo(auc(answers, hard.y)!, 5);
    const soft = { ...hard, y: hard.y.map((label) => 0.25 + label / 2) };
    const report = permutationImportance(soft, folds, options(4));
    expect(report.measure).toBe('log_loss');
    expect(report.baseline).toBeCloseTo(logLoss(answers, soft.y), 6);
    const values = permutationImportance(
      hard,
      [{ model: { link: 'identity', ensembles: [ensemble] }, test: everyRow(hard) }],
      {
        ...options(4),
        task: { kind: 'regression' },
      },
    );
    const raw = predictModel({ link: 'identity', ensembles: [ensemble] }, hard.x);
    const squared = raw.reduce((sum, value, row) => sum + (value - hard.y[row]!) ** 2, 0) / raw.length;
    expect(values).toMatchObject({ measure: 'squared_error' });
    expect(values.baseline).toBeCloseTo(squared, 6);
    const classes: TreeModel = { link: 'softmax', ensembles: [ensemble, ensembleOf(4, [stump(0, 3)])] };
    const ofClasses = permutationImportance(hard, [{ model: classes, test: everyRow(hard) }], {
      ...options(4),
      task: { kind: 'multiclass', classes: 2 },
    });
    const shares = predictModel(classes, hard.x);
    const loss = hard.y.reduce((sum, label, row) => sum - Math.log(shares[row * 2 + label]!), 0) / hard.y.length;
    expect(ofClasses.baseline).toBeCloseTo(loss, 5);
  });

  it('preserves the information of a column about the pair', () => {
    // The column is the pair's number, and so is the label: a permutation across pairs would destroy it.
    const rows = independentRows('pairs', 1000, 1, () => 0);
    for (let row = 0; row < 1000; row++) rows.x.values[row] = rows.pair[row] === 1 ? 1 : -1;
    const labeled = { ...rows, y: Float64Array.from(rows.pair) };
    const model: TreeModel = { link: 'sigmoid', ensembles: [ensembleOf(1, [stump(0, 1)])] };
    const found = permutationImportance(labeled, [{ model, test: everyRow(rows) }], options(1));
    expect(found.baseline).toBe(1);
    expect(found.features[0]!.drop).toBe(0);
  });

  it('reports how far ranks can be trusted: equivalent columns swap ranks, a strong one keeps its own', () => {
    const rows = independentRows('stability', 3000, 4, (x) => (3 * x[0]! + x[1]! + x[2]! > 0 ? 1 : 0));
    const model: TreeModel = {
      link: 'sigmoid',
      ensembles: [ensembleOf(4, [stump(0, 3), stump(1, 1), stump(2, 1), stump(3, 0.2)])],
    };
    const { features } = permutationImportance(rows, [{ model, test: everyRow(rows) }], options(4, { resamples: 200 }));
    const of = (name: string) => features.find(({ feature }) => feature === name)!;
    expect(of('column_0')).toMatchObject({ rank_low: 1, rank_high: 1, top_share: 1 });
    for (const name of ['column_1', 'column_2']) expect([of(name).rank_low, of(name).rank_high]).toEqual([2, 3]);
    expect(of('column_1').top_share + of('column_2').top_share).toBeGreaterThan(0.9);
    expect(of('column_3').rank_low).toBe(4);
    // The spread over resamples is about that of the drop itself: measured again on other rows, it lies within a few of
    // them.
    const others = independentRows('other rows', 3000, 4, (x) => (3 * x[0]! + x[1]! + x[2]! > 0 ? 1 : 0));
    const again = permutationImportance(others, [{ model, test: everyRow(others) }], options(4)).features;
    for (const name of ['column_0', 'column_1', 'column_2']) {
      const difference = Math.abs(of(name).drop - again.find(({ feature }) => feature === name)!.drop);
      expect(difference).toBeLessThan(5 * of(name).std);
      expect(of(name).std).toBeLessThan(0.05);
    }
  });

  it('is less certain of a column that helps for days on end and then does not, and shows it with blocks as long as that', () => {
    // Sixty days; the label follows the column in every second stretch of fifteen days.
    const rows = independentRows('stretches', 2880, 1, () => 0);
    const rng = createRng('labels');
    const isHelpful = (row: number): boolean => Math.floor((rows.time[row]! - rows.time[0]!) / 86_400 / 15) % 2 === 0;
    const model: TreeModel = { link: 'sigmoid', ensembles: [ensembleOf(1, [stump(0, 1)])] };
    const widening = (follows: (row: number) => boolean, blockDays: number): number => {
      const y = rows.y.map((_, row) => (follows(row) ? Number(rows.x.values[row]! > 0) : rng.integer(2)));
      const folds = [{ model, test: everyRow(rows) }];
      const [alone, blocks] = [1, blockDays].map(
        (days) =>
          permutationImportance({ ...rows, y }, folds, options(1, { resamples: 300, blockDays: days })).features[0]!
            .std,
      );
      return blocks! / alone!;
    };
    // Days of a stretch are alike: their correlation k days apart is 1 − 2k/15, and blocks of a mean length of three
    // days see so much of it that the variance is some 3.5 times as large.
    expect(widening(isHelpful, 3)).toBeGreaterThan(1.4);
    expect(widening(isHelpful, 3)).toBeLessThan(2.4);
    // Days that have nothing to do with one another are as uncertain in blocks as alone.
    const byChance = rows.y.map(() => rng.integer(2));
    expect(Math.abs(widening((row) => byChance[row] === 1, 3) - 1)).toBeLessThan(0.25);
  });

  it('finds the predictive column, out of fold, and gives the same report twice', async () => {
    const rows = walkRows({ seed: 'known column', rows: 800, signal: 0.8 });
    const folds: FoldModel<TreeModel>[] = await validateSplits(
      rows,
      kFoldSplits(rows, 4, 600),
      smallTrees(),
      predictModel,
    );
    const first = permutationImportance(rows, folds, options(6));
    expect(first.features[0]).toMatchObject({ feature: 'column_0', rank: 1, rank_low: 1, rank_high: 1, top_share: 1 });
    expect(first.features[0]!.drop).toBeGreaterThan(0.1);
    for (const { drop } of first.features.slice(1)) expect(Math.abs(drop)).toBeLessThan(0.03);
    expect(first.rows).toBe(2400);
    expect(permutationImportance(rows, folds, options(6))).toEqual(first);
    expect(JSON.parse(JSON.stringify(first))).toEqual(first);
    expect(permutationImportance(rows, folds, options(6, { seed: 'another' }))).not.toEqual(first);
  });

  it('scores no more rows than the limit, from every fold', async () => {
    const rows = walkRows({ seed: 'thin', rows: 300 });
    const folds = await validateSplits(rows, kFoldSplits(rows, 3, 600), smallTrees(), predictModel);
    const few = permutationImportance(rows, folds, options(6, { maxRows: 300 }));
    expect(few.rows).toBeLessThanOrEqual(300);
    expect(few.rows).toBeGreaterThan(290);
  });

  it('does not change the rows it was given', () => {
    const rows = independentRows('kept', 200, 2, ([a]) => (a! > 0 ? 1 : 0));
    const before = takeRows(rows.x, everyRow(rows));
    const model: TreeModel = { link: 'sigmoid', ensembles: [ensembleOf(2, [stump(0, 1)])] };
    permutationImportance(rows, [{ model, test: everyRow(rows) }], options(2));
    expect(rows.x).toEqual(before);
    expect(() => permutationImportance(rows, [{ model, test: everyRow(rows) }], options(3))).toThrow(/3 names/);
  });
});
