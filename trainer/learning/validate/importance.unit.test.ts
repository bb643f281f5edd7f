import { fittedTrees } from '../learners/trees/fitted_trees.ts';
import { describe, expect, it } from 'vitest';
import type { Rng } from '../../../shared/ports.ts';
import { createRng } from '../../../shared/rng.ts';
import {
  emptyTree,
  predictModel,
  type Tree,
  type TreeEnsemble,
  type TreeModel,
} from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { randomEnsemble, randomRows } from '../../../shared/bundle/tree_kernel/random_ensemble.fixture.ts';
import type { Task } from '../learners/contract/task.ts';
import { takeRows } from '../learners/contract/fit_rows.ts';
import { validateSplits, type FoldModel } from '../learners/cross_validation.ts';
import {
  IMPORTANCE_DEFAULTS,
  permutationImportance,
  type ColumnImportance,
  type ImportanceOptions,
  type ImportanceReport,
} from './importance.ts';
import { auc, logLoss } from '../measures/metrics.ts';
import type { ValidationRows } from '../dataset/rows.ts';
import { smallTrees, walkRows } from '../dataset/rows.fixture.ts';
import { kFoldSplits } from '../splits/splits.ts';

/** The importance of the columns to models of trees. */
const importanceOf = (
  rows: ValidationRows,
  folds: readonly { readonly model: TreeModel; readonly test: Int32Array }[],
  own: ImportanceOptions,
): ImportanceReport =>
  permutationImportance(
    rows,
    folds.map(({ model, test }) => ({ model: fittedTrees('gbdt', model), test })),
    own,
  );

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
    // The label is whether 2a + b > 0; trees use sign(a) and sign(b) alone, and no tree splits on c.
    const rows = independentRows('theory', 8000, 3, ([a, b]) => (2 * a! + b! > 0 ? 1 : 0));
    const model: TreeModel = { link: 'sigmoid', ensembles: [ensembleOf(3, [stump(0, 2), stump(1, 1)])] };
    const found = importanceOf(rows, [{ model, test: everyRow(rows) }], options(3, { repeats: 8 }));
    const of = (name: string) => found.features.find(({ feature }) => feature === name)!;
    // A permuted column is that of another row: the expected AUC, from fresh independent columns.
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
    expect(importanceOf(hard, folds, options(4)).baseline).toBeCloseTo(auc(answers, hard.y)!, 5);
    const soft = { ...hard, y: hard.y.map((label) => 0.25 + label / 2) };
    const report = importanceOf(soft, folds, options(4));
    expect(report.measure).toBe('log_loss');
    expect(report.baseline).toBeCloseTo(logLoss(answers, soft.y), 6);
    const values = importanceOf(hard, [{ model: { link: 'identity', ensembles: [ensemble] }, test: everyRow(hard) }], {
      ...options(4),
      task: { kind: 'regression' },
    });
    const raw = predictModel({ link: 'identity', ensembles: [ensemble] }, hard.x);
    const squared = raw.reduce((sum, value, row) => sum + (value - hard.y[row]!) ** 2, 0) / raw.length;
    expect(values).toMatchObject({ measure: 'squared_error' });
    expect(values.baseline).toBeCloseTo(squared, 6);
    const classes: TreeModel = { link: 'softmax', ensembles: [ensemble, ensembleOf(4, [stump(0, 3)])] };
    const ofClasses = importanceOf(hard, [{ model: classes, test: everyRow(hard) }], {
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
    const found = importanceOf(labeled, [{ model, test: everyRow(rows) }], options(1));
    expect(found.baseline).toBe(1);
    expect(found.features[0]!.drop).toBe(0);
  });

  it('reports the uncertainty of ranks: equivalent columns swap ranks, a strong one keeps its own', () => {
    const rows = independentRows('stability', 3000, 4, (x) => (3 * x[0]! + x[1]! + x[2]! > 0 ? 1 : 0));
    const model: TreeModel = {
      link: 'sigmoid',
      ensembles: [ensembleOf(4, [stump(0, 3), stump(1, 1), stump(2, 1), stump(3, 0.2)])],
    };
    const { features } = importanceOf(rows, [{ model, test: everyRow(rows) }], options(4, { resamples: 200 }));
    const of = (name: string) => features.find(({ feature }) => feature === name)!;
    expect(of('column_0')).toMatchObject({ rank_low: 1, rank_high: 1, top_share: 1 });
    for (const name of ['column_1', 'column_2']) expect([of(name).rank_low, of(name).rank_high]).toEqual([2, 3]);
    expect(of('column_1').top_share + of('column_2').top_share).toBeGreaterThan(0.9);
    expect(of('column_3').rank_low).toBe(4);
    // The deviation over resamples is about that of the drop: measured on other rows it is within a few deviations.
    const others = independentRows('other rows', 3000, 4, (x) => (3 * x[0]! + x[1]! + x[2]! > 0 ? 1 : 0));
    const again = importanceOf(others, [{ model, test: everyRow(others) }], options(4)).features;
    for (const name of ['column_0', 'column_1', 'column_2']) {
      const difference = Math.abs(of(name).drop - again.find(({ feature }) => feature === name)!.drop);
      expect(difference).toBeLessThan(5 * of(name).std);
      expect(of(name).std).toBeLessThan(0.05);
    }
  });

  it('is less certain of a column that helps only in stretches of days, with blocks as long as those', () => {
    // Sixty days; the label follows the column in every second stretch of fifteen days.
    const rows = independentRows('stretches', 2880, 1, () => 0);
    const rng = createRng('labels');
    const isHelpful = (row: number): boolean => Math.floor((rows.time[row]! - rows.time[0]!) / 86_400 / 15) % 2 === 0;
    const model: TreeModel = { link: 'sigmoid', ensembles: [ensembleOf(1, [stump(0, 1)])] };
    const widening = (follows: (row: number) => boolean, blockDays: number): number => {
      const y = rows.y.map((_, row) => (follows(row) ? Number(rows.x.values[row]! > 0) : rng.integer(2)));
      const folds = [{ model, test: everyRow(rows) }];
      const [alone, blocks] = [1, blockDays].map(
        (days) => importanceOf({ ...rows, y }, folds, options(1, { resamples: 300, blockDays: days })).features[0]!.std,
      );
      return blocks! / alone!;
    };
    // Days of a stretch are correlated, 1 − 2k/15 k days apart; with blocks of a mean length of three days the variance
    // is about 3.5 times as large.
    expect(widening(isHelpful, 3)).toBeGreaterThan(1.4);
    expect(widening(isHelpful, 3)).toBeLessThan(2.4);
    // Independent days are as uncertain in blocks as alone.
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
    const first = importanceOf(rows, folds, options(6));
    expect(first.features[0]).toMatchObject({ feature: 'column_0', rank: 1, rank_low: 1, rank_high: 1, top_share: 1 });
    expect(first.features[0]!.drop).toBeGreaterThan(0.1);
    for (const { drop } of first.features.slice(1)) expect(Math.abs(drop)).toBeLessThan(0.03);
    expect(first.rows).toBe(2400);
    expect(importanceOf(rows, folds, options(6))).toEqual(first);
    expect(JSON.parse(JSON.stringify(first))).toEqual(first);
    expect(importanceOf(rows, folds, options(6, { seed: 'another' }))).not.toEqual(first);
  });

  it('scores no more rows than the limit, from every fold', async () => {
    const rows = walkRows({ seed: 'thin', rows: 300 });
    const folds = await validateSplits(rows, kFoldSplits(rows, 3, 600), smallTrees(), predictModel);
    const few = importanceOf(rows, folds, options(6, { maxRows: 300 }));
    expect(few.rows).toBeLessThanOrEqual(300);
    expect(few.rows).toBeGreaterThan(290);
  });

  it('does not change the rows it was given', () => {
    const rows = independentRows('kept', 200, 2, ([a]) => (a! > 0 ? 1 : 0));
    const before = takeRows(rows.x, everyRow(rows));
    const model: TreeModel = { link: 'sigmoid', ensembles: [ensembleOf(2, [stump(0, 1)])] };
    importanceOf(rows, [{ model, test: everyRow(rows) }], options(2));
    expect(rows.x).toEqual(before);
    expect(() => importanceOf(rows, [{ model, test: everyRow(rows) }], options(3))).toThrow(/3 names/);
  });
});

/**
 * The definition of the report, row by row, pair by pair, resample by resample, with the same order of random numbers.
 */
function slowImportance(
  rows: ValidationRows,
  folds: readonly { model: TreeModel; test: Int32Array }[],
  { task, names, seed, repeats, resamples, blockDays, top, maxRows }: ImportanceOptions,
): Pick<ImportanceReport, 'baseline' | 'rows' | 'features'> {
  const share = Math.min(1, maxRows / folds.reduce((sum, { test }) => sum + test.length, 0));
  const trials = folds
    .filter(({ test }) => test.length > 0)
    .map(({ model, test: all }, fold) => {
      const rng = createRng(`${seed}/${fold}`);
      const count = Math.max(1, Math.floor(all.length * share));
      const test = Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]!);
      const dayOf = test.map((row) => Math.floor(rows.time[row]! / 86_400));
      const days = [...new Set(dayOf)].sort((a, b) => a - b);
      const samples = Array.from({ length: resamples }, () => {
        const drawn: number[] = [];
        while (drawn.length < days.length) {
          const isNew = drawn.length === 0 || rng.uniform() < 1 / blockDays;
          drawn.push(isNew ? rng.integer(days.length) : (drawn.at(-1)! + 1) % days.length);
        }
        return drawn.map((day) => days[day]!);
      });
      const x = test.map((row) => [...rows.x.values.subarray(row * names.length, (row + 1) * names.length)]);
      const measured = (matrix: readonly (readonly number[])[], drawn: readonly number[] | null): number | null => {
        const answers = predictModel(model, {
          rows: matrix.length,
          columns: names.length,
          values: Float32Array.from(matrix.flat()),
        });
        const classes = answers.length / matrix.length;
        const chosen = (drawn ?? days).flatMap((day) => [...test.keys()].filter((i) => dayOf[i] === day));
        return obviousMeasure(
          task,
          chosen.map((i) => ({ y: rows.y[test[i]!]!, p: [...answers.subarray(i * classes, (i + 1) * classes)] })),
        );
      };
      const isLoss = task.kind !== 'binary' || rows.y.some((y) => y !== 0 && y !== 1);
      const lost = (before: number | null, after: number | null): number =>
        before === null || after === null ? 0 : isLoss ? after - before : before - after;
      const drops = names.map(() => 0);
      const resampled = samples.map(() => names.map(() => 0));
      names.forEach((_, column) => {
        if (!model.ensembles.some(({ trees }) => trees.some(({ feature }) => feature.includes(column)))) return;
        for (let repeat = 0; repeat < repeats; repeat++) {
          const moved = x.map((row) => [...row]);
          for (const pair of [...new Set(test.map((row) => rows.pair[row]!))].sort((a, b) => a - b)) {
            const own = [...test.keys()].filter((i) => rows.pair[test[i]!] === pair);
            for (let i = own.length - 1; i > 0; i--) {
              const a = own[i]!;
              const b = own[rng.integer(i + 1)]!;
              [moved[a]![column], moved[b]![column]] = [moved[b]![column]!, moved[a]![column]!];
            }
          }
          drops[column]! += lost(measured(x, null), measured(moved, null)) / repeats;
          samples.forEach(
            (drawn, b) => (resampled[b]![column]! += lost(measured(x, drawn), measured(moved, drawn)) / repeats),
          );
        }
      });
      return { count, baseline: measured(x, null), drops, resampled };
    });
  const counted = trials.filter(({ baseline }) => baseline !== null);
  const all = counted.reduce((sum, { count }) => sum + count, 0);
  const pooled = (of: (trial: (typeof trials)[number]) => number): number =>
    counted.reduce((sum, trial) => sum + trial.count * of(trial), 0) / (all || 1);
  const ranks = (values: readonly number[]): number[] =>
    values.map((value) => 1 + values.filter((other) => other > value).length);
  const drops = names.map((_, column) => pooled((trial) => trial.drops[column]!));
  const samples = Array.from({ length: resamples }, (_, b) =>
    names.map((_, column) => pooled((trial) => trial.resampled[b]![column]!)),
  );
  const features = names.map((feature, column) => {
    const own = samples.map((sample) => sample[column]!);
    const mean = own.reduce((sum, value) => sum + value, 0) / resamples;
    const ordered = samples.map((sample) => ranks(sample)[column]!).sort((a, b) => a - b);
    return {
      feature,
      rank: ranks(drops)[column]!,
      drop: drops[column]!,
      mean,
      std: Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (resamples - 1)),
      rank_low: ordered[Math.floor(0.05 * resamples)]!,
      rank_high: ordered[Math.ceil(0.95 * resamples) - 1]!,
      top_share: samples.filter((sample) => sample[column]! > 0 && ranks(sample)[column]! <= top).length / resamples,
      splits: folds
        .flatMap(({ model }) => model.ensembles.flatMap(({ trees }) => trees.flatMap(({ feature }) => [...feature])))
        .filter((one) => one === column).length,
    };
  });
  return {
    baseline: pooled(({ baseline }) => baseline!),
    rows: trials.reduce((sum, { count }) => sum + count, 0),
    features: features.sort((a, b) => a.rank - b.rank),
  };
}

function obviousMeasure(task: Task, rows: readonly { y: number; p: readonly number[] }[]): number | null {
  const inside = (p: number): number => Math.min(Math.max(p, 1e-15), 1 - 1e-15);
  const meanOf = (loss: (y: number, p: readonly number[]) => number): number =>
    rows.reduce((sum, { y, p }) => sum + loss(y, p), 0) / rows.length;
  switch (task.kind) {
    case 'regression':
      return meanOf((y, [p]) => (p! - y) ** 2);
    case 'quantile':
      return meanOf((y, [p]) => Math.max(task.quantile * (y - p!), (task.quantile - 1) * (y - p!)));
    case 'multiclass':
      return meanOf((y, p) => -Math.log(inside(p[y]!)));
    case 'binary': {
      if (rows.some(({ y }) => y !== 0 && y !== 1))
        return meanOf((y, [p]) => -(y * Math.log(inside(p!)) + (1 - y) * Math.log(1 - inside(p!))));
      const [ones, zeros] = [1, 0].map((label) => rows.filter(({ y }) => y === label));
      if (ones!.length === 0 || zeros!.length === 0) return null;
      const won = ones!.flatMap((one) => zeros!.map((zero) => 0.5 + Math.sign(one.p[0]! - zero.p[0]!) / 2));
      return won.reduce((sum, one) => sum + one, 0) / won.length;
    }
  }
}

describe('the report of permutationImportance', () => {
  const COLUMNS = 4;
  /** Three pairs, of which one is rare; days with gaps and of uneven size. */
  function unevenRows(seed: string, label: (x: Float32Array, rng: Rng) => number, newDay = 0.15): ValidationRows {
    const rng = createRng(seed);
    const rows = independentRows(seed, 120, COLUMNS, (x) => label(x, rng));
    let day = 18_000;
    const time = rows.time.map(() => {
      if (rng.uniform() < newDay) day += 1 + rng.integer(3);
      return day * 86_400 + rng.integer(86_400);
    });
    return { ...rows, time, pair: rows.pair.map(() => (rng.uniform() < 0.1 ? 7 : rng.integer(2))) };
  }
  const trees = (seed: string): TreeEnsemble =>
    ensembleOf(COLUMNS, [
      stump(0, 0.5),
      stump(1, 0.25),
      ...randomEnsemble({ trees: 2, leaves: 4, columns: 3, seed }).trees,
    ]);
  const cases: [string, Task, TreeModel['link'], (x: Float32Array, rng: Rng) => number, number?][] = [
    ['hard labels', BINARY, 'sigmoid', ([a], rng) => (a! + rng.normal() > 0 ? 1 : 0)],
    ['hard labels of few days', BINARY, 'sigmoid', ([a], rng) => (a! + rng.normal() > 0 ? 1 : 0), 0.04],
    ['hard labels of many days', BINARY, 'sigmoid', ([a], rng) => (a! + rng.normal() > 0 ? 1 : 0), 0.9],
    ['soft labels', BINARY, 'sigmoid', ([a]) => (a! > 0 ? 0.9 : 0.2)],
    ['soft labels and probabilities', BINARY, 'identity', ([a]) => (a! > 0 ? 0.9 : 0.2)],
    ['values', { kind: 'regression' }, 'identity', ([a], rng) => a! + rng.normal()],
    ['a quantile', { kind: 'quantile', quantile: 0.8 }, 'identity', ([a], rng) => a! + rng.normal()],
    ['classes', { kind: 'multiclass', classes: 3 }, 'softmax', ([a], rng) => (a! > 0.5 ? 2 : rng.integer(2))],
  ];

  it.each(cases)('equals one that is computed row by row, for %s', (name, task, link, label, newDay) => {
    const rows = unevenRows(name, label, newDay);
    const ensembles = (seed: string): TreeEnsemble[] =>
      Array.from({ length: task.kind === 'multiclass' ? task.classes : 1 }, (_, i) => trees(`${seed} ${i}`));
    const of = (from: number, to: number): Int32Array => Int32Array.from({ length: to - from }, (_, i) => from + i);
    // One without rows, and one whose AUC does not exist.
    const sameLabel = everyRow(rows).filter((row) => row >= 90 && rows.y[row] === 0);
    const folds = [of(0, 40), of(40, 40), of(40, 90), sameLabel].map((test, i) => ({
      model: { link, ensembles: ensembles(`${name} ${i}`) },
      test,
    }));
    for (const more of [{ maxRows: 1000 }, { maxRows: 60, top: 1, blockDays: 3 }]) {
      const given = options(COLUMNS, { task, resamples: 21, repeats: 2, ...more });
      const found = importanceOf(rows, folds, given);
      const wanted = slowImportance(rows, folds, given);
      expect(found.rows).toBe(wanted.rows);
      expect(found.baseline).toBeCloseTo(wanted.baseline, 6);
      expect(found.features.map(({ feature }) => feature)).toEqual(wanted.features.map(({ feature }) => feature));
      found.features.forEach((own, i) => {
        const other = wanted.features[i]!;
        for (const key of ['drop', 'mean', 'std'] as const) expect(own[key]).toBeCloseTo(other[key], 6);
        const counts = ({ rank, rank_low, rank_high, top_share, splits }: ColumnImportance) => [
          rank,
          rank_low,
          rank_high,
          top_share,
          splits,
        ];
        expect(counts(own)).toEqual(counts(other));
      });
      expect(found).toMatchObject({ repeats: 2, resamples: 21, block_days: given.blockDays, top: given.top });
    }
  });

  it('has the figures of the drop itself without resamples, and no spread with one', () => {
    const rows = unevenRows('few', ([a]) => (a! > 0 ? 1 : 0));
    const folds = [{ model: { link: 'sigmoid' as const, ensembles: [trees('few')] }, test: everyRow(rows) }];
    for (const own of importanceOf(rows, folds, options(COLUMNS, { resamples: 0 })).features) {
      const { drop, rank } = own;
      expect(own).toMatchObject({ mean: drop, std: 0, rank_low: rank, rank_high: rank, top_share: 0 });
    }
    for (const own of importanceOf(rows, folds, options(COLUMNS, { resamples: 1 })).features) expect(own.std).toBe(0);
  });

  it.each([
    ['pinball', { kind: 'quantile', quantile: 0.8 }, 'identity', 1],
    ['log_loss', { kind: 'multiclass', classes: 2 }, 'softmax', 2],
  ] as const)('names %s as the measure of its task', (measure, task, link, outputs) => {
    const rows = unevenRows('names', ([a]) => (a! > 0 ? 1 : 0));
    const ensembles = Array.from({ length: outputs }, (_, i) => trees(`names ${i}`));
    const folds = [{ model: { link, ensembles }, test: everyRow(rows) }];
    expect(importanceOf(rows, folds, options(COLUMNS, { task, resamples: 0 })).measure).toBe(measure);
  });

  it('has a finite loss for a probability of 1 that is wrong: that of 1e-15', () => {
    const rows = independentRows('sure', 10, 1, () => 0.2);
    rows.x.values.fill(1);
    const model: TreeModel = { link: 'identity', ensembles: [ensembleOf(1, [stump(0, 1)])] };
    const folds = [{ model, test: everyRow(rows) }];
    expect(importanceOf(rows, folds, options(1)).baseline).toBeCloseTo(0.8 * 15 * Math.LN10, 1);
  });
});
