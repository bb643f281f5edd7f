import { scaledTrees } from './fitted_trees.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sigmoid } from '../../../../shared/elementary.ts';
import { createRng } from '../../../../shared/rng.ts';
import { onnxAnswers } from '../../../../shared/bundle/onnx/answers.ts';
import { encodeTreeModel } from '../../../../shared/bundle/onnx/onnx.ts';
import { decodeTreeModel } from '../../../../shared/bundle/onnx/tree_graph.ts';
import {
  predict,
  predictLogits,
  predictModel,
  type Matrix,
  type TreeModel,
} from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { gbdt, learnHere } from './gbdt.ts';
import { quantileOf, slowGbdt, tableOf } from './kernel/gbdt.oracle.ts';
import { treeAnswers } from './scoring.ts';
import { LEARNER_DEFAULTS, type EarlyStopping, type LearnerParams, type TrainingTable } from './learner.ts';
import type { Task } from '../contract/task.ts';

const SMALL: LearnerParams = { ...LEARNER_DEFAULTS, rounds: 3, leaves: 6, minDataInLeaf: 3, learningRate: 0.3 };
const QUICK: LearnerParams = { ...LEARNER_DEFAULTS, rounds: 20 };

function learn(
  task: Task,
  table: TrainingTable,
  params: LearnerParams,
  stopping: EarlyStopping | null = null,
  onRound: (round: number, rounds: number) => void = () => undefined,
  base: TreeModel | null = null,
): TreeModel {
  return learnHere({ task, table, params, stopping, threads: 1, onRound, base });
}

/** Rows of which columns 0–3 matter, with ties, missing values and infinities. */
function makeTable(rows: number, columns: number, seed: string): TrainingTable {
  const rng = createRng(seed);
  const values = new Float32Array(rows * columns);
  const y = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const o = row * columns;
    for (let c = 0; c < columns; c++) values[o + c] = c % 3 === 1 ? Math.round(rng.normal() * 4) / 4 : rng.normal();
    const logit = values[o]! + 1.5 * values[o + 1]! * values[o + 2]! - (values[o + 3]! > 0.5 ? 2 : 0);
    y[row] = rng.uniform() < sigmoid(logit) ? 1 : 0;
    if (rng.uniform() < 0.1) values[o + 2] = NaN;
    if (rng.uniform() < 0.02) values[o] = y[row]! > 0.5 ? Infinity : -Infinity;
  }
  return { x: { rows, columns, values }, y, weights: null };
}

/** The same columns with targets for a task. */
function withTargets(table: TrainingTable, task: Task): TrainingTable {
  const { x } = table;
  const at = (row: number, c: number): number => x.values[row * x.columns + c]!;
  const y = Float64Array.from(table.y, (target, row) => {
    if (task.kind === 'binary') return target;
    if (task.kind === 'multiclass') return (target + (at(row, 3) > 0 ? 1 : 0)) % task.classes;
    return 3 * target + at(row, 3) + Math.sin(row);
  });
  return { ...table, y };
}

const TASKS: readonly Task[] = [
  { kind: 'binary' },
  { kind: 'multiclass', classes: 3 },
  { kind: 'regression' },
  { kind: 'quantile', quantile: 0.8 },
];

const logLossOf = (p: Float64Array, y: Float64Array): number =>
  y.reduce((sum, target, i) => sum - target * Math.log(p[i]!) - (1 - target) * Math.log(1 - p[i]!), 0) / y.length;

describe('gbdt against the slow learner', () => {
  const cell = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }).map((k) => Math.fround(k / 3)) },
    { weight: 3, arbitrary: fc.float({ noNaN: true }) },
    { weight: 1, arbitrary: fc.constant(NaN) },
  );
  const COLUMNS = 3;
  const rules = fc.record({
    minDataInLeaf: fc.integer({ min: 1, max: 8 }),
    minHessianInLeaf: fc.constantFrom(0, 1e-3, 0.8),
    maxDepth: fc.constantFrom(null, null, 1, 2),
    l1: fc.constantFrom(0, 0, 0.5),
    l2: fc.constantFrom(0, 1, 10),
    minGain: fc.constantFrom(0, 0, 0.5),
    maxBins: fc.constantFrom(2, 5, 255),
    columns: fc.constantFrom(null, null, [2, 0]),
  });
  const problem = (target: fc.Arbitrary<number>): fc.Arbitrary<[TrainingTable, LearnerParams]> =>
    fc.integer({ min: 1, max: 60 }).chain((rows) => {
      const list = <T>(of: fc.Arbitrary<T>, length: number): fc.Arbitrary<T[]> =>
        fc.array(of, { minLength: length, maxLength: length });
      return fc
        .record({
          cells: list(cell, rows * COLUMNS),
          y: list(target, rows),
          weights: fc.option(list(fc.constantFrom(0, 0.25, 1, 1, 3), rows), { nil: null }),
          rules,
        })
        .filter(({ weights }) => weights === null || weights.some((weight) => weight > 0))
        .map(({ cells, y, weights, rules: own }): [TrainingTable, LearnerParams] => [
          tableOf(COLUMNS, cells, y, weights),
          { ...SMALL, ...own },
        ]);
    });
  const targets: Record<Task['kind'], fc.Arbitrary<number>> = {
    binary: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
    multiclass: fc.integer({ min: 0, max: 2 }),
    regression: fc.oneof(
      fc.integer({ min: -3, max: 3 }),
      fc.double({ min: -1e6, max: 1e6, noNaN: true, noDefaultInfinity: true }),
    ),
    quantile: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -10, max: 10, noNaN: true })),
  };

  it.each(TASKS.map((task) => [task.kind, task] as const))('grows the same trees to the last bit: %s', (kind, task) => {
    fc.assert(
      fc.property(problem(targets[kind]), ([table, params]) => {
        expect(learn(task, table, params)).toEqual(slowGbdt(task, table, params));
      }),
      { numRuns: 100 },
    );
  });

  it.each(TASKS.map((task) => [task.kind, task] as const))(
    'grows the same trees to the last bit on top of a model of other rows: %s',
    (kind, task) => {
      fc.assert(
        fc.property(problem(targets[kind]), problem(targets[kind]), ([before, rules], [table, params]) => {
          const base = slowGbdt(task, before, rules);
          const grown = learn(task, table, params, null, undefined, base);
          expect(grown).toEqual(slowGbdt(task, table, params, true, base));
          base.ensembles.forEach(({ trees, baseScore }, k) => {
            expect(grown.ensembles[k]!.baseScore).toBe(baseScore);
            expect(grown.ensembles[k]!.trees.slice(0, trees.length)).toEqual(trees);
          });
        }),
        { numRuns: 60 },
      );
    },
  );

  it('grows the same trees with any number of columns, in whole and in part groups of eight', () => {
    for (const columns of [4, 7, 8, 9, 13]) {
      const table = makeTable(150, columns, `columns ${columns}`);
      expect(learn({ kind: 'binary' }, table, SMALL)).toEqual(slowGbdt({ kind: 'binary' }, table, SMALL));
    }
  });

  it('predicts what unrounded gradients predict', () => {
    for (const task of TASKS) {
      const table = withTargets(makeTable(200, 5, 'unrounded'), task);
      const exact = slowGbdt(task, table, SMALL, false);
      const fast = learn(task, table, SMALL);
      fast.ensembles.forEach((ensemble, k) => {
        const expected = predictLogits(exact.ensembles[k]!, table.x);
        predictLogits(ensemble, table.x).forEach((s, i) => expect(Math.abs(s - expected[i]!)).toBeLessThan(1e-5));
      });
    }
  });
});

describe('gbdt on threads', () => {
  const base = makeTable(20_000, 19, 'threads');

  it.each(TASKS.map((task) => [task.kind, task] as const))(
    'gives the same bytes with 1, 2 and 3 threads as on the calling one, twice: %s',
    async (_, task) => {
      const table = withTargets(base, task);
      for (const sampling of [{}, { rowFraction: 0.6, columnFraction: 0.5 }]) {
        const params = { ...LEARNER_DEFAULTS, rounds: 3, ...sampling };
        const expected = learn(task, table, params);
        for (const threads of 'rowFraction' in sampling ? [2] : [1, 2, 3, 2]) {
          const request = { task, table, params, stopping: null, threads, onRound: () => undefined };
          expect(await gbdt.learn(request)).toEqual(expected);
        }
      }
    },
  );

  it('reports every round while it learns, and leaves the calling thread free', async () => {
    const rounds: number[] = [];
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await gbdt.learn({
      task: { kind: 'binary' },
      table: base,
      params: { ...LEARNER_DEFAULTS, rounds: 30 },
      stopping: null,
      threads: 2,
      onRound: (round, of) => rounds.push(round / of),
    });
    clearInterval(timer);
    expect(rounds).toEqual(Array.from({ length: 30 }, (_, i) => (i + 1) / 30));
    expect(turns).toBeGreaterThan(5);
  });

  it('learns several models at once', async () => {
    const small = makeTable(2000, 5, 'several');
    const request = {
      task: TASKS[0]!,
      table: small,
      params: QUICK,
      stopping: null,
      threads: 2,
      onRound: () => undefined,
    };
    const models = await Promise.all(Array.from({ length: 4 }, () => gbdt.learn(request)));
    for (const model of models) expect(model).toEqual(learn(TASKS[0]!, small, QUICK));
  });
});

describe('gbdt', () => {
  const train = makeTable(4000, 8, 'train');
  const test = makeTable(4000, 8, 'test');
  const binary = TASKS[0]!;
  const params: LearnerParams = { ...LEARNER_DEFAULTS, rounds: 60 };
  const leavesOf = (model: TreeModel): number[][] =>
    model.ensembles[0]!.trees.map((tree) => {
      const counts = new Map<number, number>();
      for (let row = 0; row < train.x.rows; row++) {
        const score = predictLogits(
          { columns: 8, baseScore: 0, trees: [{ ...tree, value: Float32Array.from(tree.value.keys()) }] },
          { rows: 1, columns: 8, values: train.x.values.subarray(row * 8, row * 8 + 8) },
        )[0]!;
        counts.set(score, (counts.get(score) ?? 0) + 1);
      }
      return [...counts.values()];
    });

  it('learns a learnable function, and lowers the training loss with every round', () => {
    const ensemble = learn(binary, train, params).ensembles[0]!;
    const losses = [0, 1, 5, 20, 60].map((n) =>
      logLossOf(predict({ ...ensemble, trees: ensemble.trees.slice(0, n) }, train.x), train.y),
    );
    for (let i = 1; i < losses.length; i++) expect(losses[i]!).toBeLessThan(losses[i - 1]!);
    const base = logLossOf(new Float64Array(test.y.length).fill(sigmoid(ensemble.baseScore)), test.y);
    expect(logLossOf(predict(ensemble, test.x), test.y)).toBeLessThan(0.8 * base);
  });

  it('comes near the loss of the probabilities that the targets were drawn from', () => {
    const rng = createRng('ceiling');
    const rows = 20_000;
    const values = Float32Array.from({ length: rows * 2 }, () => 4 * rng.uniform() - 2);
    const p = Float64Array.from({ length: rows }, (_, row) => sigmoid(values[2 * row]! + values[2 * row + 1]!));
    const y = p.map((share) => (rng.uniform() < share ? 1 : 0));
    const half = (from: number): TrainingTable => ({
      x: { rows: rows / 2, columns: 2, values: values.slice(from * 2, (from + rows / 2) * 2) },
      y: y.slice(from, from + rows / 2),
      weights: null,
    });
    const model = learn(binary, half(0), { ...params, rounds: 100, leaves: 7 });
    const other = half(rows / 2);
    const best = logLossOf(p.slice(rows / 2), other.y);
    expect(logLossOf(predict(model.ensembles[0]!, other.x), other.y)).toBeLessThan(best + 0.01);
  });

  it('learns targets from thousandths to millions as float64 gradients do', () => {
    const rng = createRng('heavy');
    const rows = 400;
    const values = Float32Array.from({ length: rows * 2 }, () => rng.uniform());
    const y = Float64Array.from(
      { length: rows },
      (_, row) => 10 ** (9 * values[2 * row]! - 3) * (1 + 0.1 * rng.normal()),
    );
    const table = { x: { rows, columns: 2, values }, y, weights: null };
    const rules = { ...SMALL, rounds: 12, leaves: 10 };
    const rmse = (model: TreeModel): number =>
      Math.sqrt(predictLogits(model.ensembles[0]!, table.x).reduce((sum, s, i) => sum + (s - y[i]!) ** 2, 0) / rows);
    const task: Task = { kind: 'regression' };
    const exact = rmse(slowGbdt(task, table, rules, false));
    expect(Math.abs(rmse(learn(task, table, rules)) / exact - 1)).toBeLessThan(1e-3);
  });

  it('answers quantiles that cover their share', () => {
    const rng = createRng('quantile');
    const rows = 20_000;
    const values = Float32Array.from({ length: rows }, () => rng.uniform());
    const y = Float64Array.from(values, (x) => x + (0.1 + x) * rng.normal());
    const x: Matrix = { rows, columns: 1, values };
    for (const quantile of [0.1, 0.5, 0.9]) {
      const model = learn({ kind: 'quantile', quantile }, { x, y, weights: null }, { ...params, leaves: 8 });
      const scores = predictLogits(model.ensembles[0]!, x);
      const below = y.filter((target, i) => target <= scores[i]!).length / rows;
      expect(Math.abs(below - quantile)).toBeLessThan(0.01);
    }
  });

  it('equals sorting in the weighted quantile of a leaf, ties and weights included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.constantFrom(0.5, 1, 2)), {
          minLength: 2,
          maxLength: 300,
        }),
        fc.constantFrom(0.1, 0.25, 0.5, 0.9),
        (pairs, quantile) => {
          // One column that only identifies the half of a row.
          const cells = pairs.map((_, row) => row % 2);
          const table = tableOf(
            1,
            cells,
            pairs.map(([y]) => y),
            pairs.map(([, weight]) => weight),
          );
          const [ensemble] = learn({ kind: 'quantile', quantile }, table, {
            ...params,
            rounds: 1,
            minDataInLeaf: 1,
            learningRate: 1,
          }).ensembles;
          const tree = ensemble!.trees[0];
          if (tree === undefined) return;
          for (const half of [0, 1]) {
            const own = pairs.filter((_, row) => row % 2 === half);
            const rest = own.map(([y, weight]): [number, number] => [y - ensemble!.baseScore, weight]);
            expect(tree.value[half === 0 ? tree.left[0]! : tree.right[0]!]).toBe(
              Math.fround(quantileOf(rest, quantile)),
            );
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('gives the same trees for the same seed and others for another, when it samples', () => {
    const sampled = { ...params, rounds: 10, rowFraction: 0.7, columnFraction: 0.5 };
    const one = learn(binary, train, sampled);
    expect(learn(binary, train, sampled)).toEqual(one);
    expect(learn(binary, train, { ...sampled, seed: '1' })).not.toEqual(one);
    for (const tree of one.ensembles[0]!.trees) {
      const used = new Set([...tree.feature].filter((column) => column >= 0));
      expect(used.size).toBeLessThanOrEqual(4);
    }
    const [ensemble] = one.ensembles;
    expect(logLossOf(predict(ensemble!, test.x), test.y)).toBeLessThan(
      logLossOf(predict({ ...ensemble!, trees: [] }, test.x), test.y),
    );
  });

  it('adds a sampled tree to the rows outside its sample as well', () => {
    const sampled = { ...params, rounds: 2, rowFraction: 0.5, learningRate: 1 };
    const two = learn(binary, train, sampled).ensembles[0]!;
    const losses = [1, 2].map((n) => logLossOf(predict({ ...two, trees: two.trees.slice(0, n) }, train.x), train.y));
    // A second tree that took the unseen half for untouched would step twice as far as it should.
    expect(losses[1]!).toBeLessThan(losses[0]!);
  });

  it('does not depend on the order of the rows but for the last bits of leaf values, when it does not sample', () => {
    const { x, y } = train;
    const order = Array.from({ length: x.rows }, (_, i) => (i * 1237) % x.rows);
    const values = Float32Array.from({ length: x.values.length }, (_, i) => {
      return x.values[order[Math.floor(i / x.columns)]! * x.columns + (i % x.columns)]!;
    });
    const table = { x: { ...x, values }, y: Float64Array.from(order, (row) => y[row]!), weights: null };
    const shuffled = learn(binary, table, QUICK);
    const straight = learn(binary, train, QUICK);
    const expected = predict(straight.ensembles[0]!, test.x);
    predict(shuffled.ensembles[0]!, test.x).forEach((p, i) => expect(Math.abs(p - expected[i]!)).toBeLessThan(1e-6));
  });

  it('splits only on the allowed columns', () => {
    const model = learn(binary, train, { ...params, rounds: 5, columns: [3, 0, 3] });
    const used = new Set(model.ensembles[0]!.trees.flatMap((tree) => [...tree.feature]));
    expect([...used].sort()).toEqual([-1, 0, 3]);
    expect(model.ensembles[0]!.columns).toBe(8);
  });

  it('keeps at least minDataInLeaf rows in every leaf, and at most the allowed leaves and depth', () => {
    for (const minDataInLeaf of [1, 20, 150]) {
      const rules = { ...params, rounds: 8, minDataInLeaf, leaves: 9, maxDepth: 4 };
      for (const counts of leavesOf(learn(binary, train, rules))) {
        expect(Math.min(...counts)).toBeGreaterThanOrEqual(minDataInLeaf);
        expect(counts.length).toBeLessThanOrEqual(9);
      }
    }
    const shallow = learn(binary, train, { ...params, rounds: 3, maxDepth: 2 });
    for (const tree of shallow.ensembles[0]!.trees) expect(tree.feature.length).toBe(7);
  });

  it.each([
    ['learningRate', { learningRate: 0.3 }],
    ['leaves', { leaves: 5 }],
    ['maxDepth', { maxDepth: 3 }],
    ['minDataInLeaf', { minDataInLeaf: 300 }],
    ['minHessianInLeaf', { minHessianInLeaf: 50 }],
    ['l1', { l1: 5 }],
    ['l2', { l2: 5 }],
    ['minGain', { minGain: 10 }],
    ['maxBins', { maxBins: 7 }],
    ['rowFraction', { rowFraction: 0.5 }],
    ['columnFraction', { columnFraction: 0.5 }],
    ['columns', { columns: [0, 1] }],
  ] as const)('has its trees changed by %s', (_, change) => {
    expect(learn(binary, train, { ...QUICK, ...change })).not.toEqual(learn(binary, train, QUICK));
  });

  it('treats a row of weight 2 as two rows and a row of weight 0 as none', () => {
    const { x, y } = makeTable(300, 4, 'weights');
    const weights = Float64Array.from({ length: 300 }, (_, row) => (row % 5 === 0 ? 0 : row % 3 === 0 ? 2 : 1));
    const copies = [...weights].flatMap((weight, row) => Array<number>(weight).fill(row));
    const values = Float32Array.from(copies.flatMap((row) => [...x.values.subarray(row * 4, row * 4 + 4)]));
    const doubled = { rows: copies.length, columns: 4, values };
    const rules = { ...SMALL, minDataInLeaf: 1, leaves: 4 };
    for (const task of TASKS) {
      const own = withTargets({ x, y, weights }, task);
      const repeated = { x: doubled, y: Float64Array.from(copies, (row) => own.y[row]!), weights: null };
      const once = learn(task, own, rules);
      const twice = learn(task, repeated, rules);
      once.ensembles.forEach((ensemble, k) => {
        const expected = predictLogits(twice.ensembles[k]!, x);
        predictLogits(ensemble, x).forEach((s, i) => expect(Math.abs(s - expected[i]!)).toBeLessThan(1e-5));
      });
    }
  });

  it('learns soft targets as their probability', () => {
    const rows = 2000;
    const values = Float32Array.from({ length: rows }, (_, i) => i % 4);
    const y = Float64Array.from(values, (v) => [0.1, 0.25, 0.6, 0.95][v]!);
    const x = { rows, columns: 1, values };
    const p = predict(learn(binary, { x, y, weights: null }, { ...params, rounds: 150 }).ensembles[0]!, x);
    p.forEach((probability, i) => expect(Math.abs(probability - y[i]!)).toBeLessThan(1e-4));
  });

  it('separates missing from present values when that is the only signal', () => {
    const rows = 400;
    const values = Float32Array.from({ length: rows }, (_, i) => (i % 2 ? NaN : i));
    const y = Float64Array.from({ length: rows }, (_, i) => i % 2);
    const [ensemble] = learn(binary, { x: { rows, columns: 1, values }, y, weights: null }, params).ensembles;
    const p = predict(ensemble!, { rows: 3, columns: 1, values: Float32Array.of(NaN, 1e9, -1e9) });
    expect(p[0]).toBeGreaterThan(0.9);
    expect(p[1]).toBeLessThan(0.1);
    expect(p[2]).toBeLessThan(0.1);
  });

  it.each(TASKS.map((task) => [task.kind, task] as const))(
    'stops early on another table and keeps the trees of the best round: %s',
    async (_, task) => {
      const own = withTargets(train, task);
      const other = withTargets(test, task);
      const eager = { ...params, rounds: 400, learningRate: 0.5, leaves: 63, minDataInLeaf: 5 };
      const seen: number[] = [];
      const stopped = learn(task, own, eager, { table: other, patience: 10 }, (round) => seen.push(round));
      expect(seen.length).toBe(stopped.ensembles[0]!.trees.length + 10);
      expect(seen.length).toBeLessThan(400);
      const all = learn(task, own, { ...eager, rounds: seen.length });
      all.ensembles.forEach(({ trees }, k) => {
        expect(trees.slice(0, stopped.ensembles[k]!.trees.length)).toEqual(stopped.ensembles[k]!.trees);
      });
      const losses = seen.map((n) => lossOf(task, all, n, other));
      expect(losses.indexOf(Math.min(...losses)) + 1).toBe(stopped.ensembles[0]!.trees.length);
      const request = { task, table: own, params: eager, onRound: () => undefined };
      expect(await gbdt.learn({ ...request, stopping: { table: other, patience: 10 }, threads: 2 })).toEqual(stopped);
    },
  );

  it('continues while it helps when a class never occurs and has no tree', () => {
    const [own, other] = [train, test].map((table) => withTargets(table, { kind: 'multiclass', classes: 2 }));
    const task: Task = { kind: 'multiclass', classes: 3 };
    const { ensembles } = learn(task, own!, params, { table: other!, patience: 5 });
    expect(ensembles[2]!.trees).toEqual([]);
    expect(ensembles[0]!.trees.length).toBeGreaterThan(10);
  });

  it('answers the mean when nothing can be split', () => {
    const x = { rows: 10, columns: 1, values: new Float32Array(10).fill(3) };
    const [ensemble] = learn(binary, { x, y: new Float64Array(10).fill(0.25), weights: null }, params).ensembles;
    expect(ensemble!.trees).toEqual([]);
    expect(predict(ensemble!, x)[0]).toBeCloseTo(0.25, 6);
    const [certain] = learn(binary, { x, y: new Float64Array(10).fill(1), weights: null }, params).ensembles;
    expect(predict(certain!, x)[0]).toBeGreaterThan(0.999);
    const [missing] = learn(
      { kind: 'regression' },
      { x: { ...x, values: x.values.map(() => NaN) }, y: new Float64Array(10).fill(7), weights: null },
      params,
    ).ensembles;
    expect(predictLogits(missing!, x)[0]).toBe(7);
  });

  it('learns a hundred times in a row without running out of memory', () => {
    for (let i = 0; i < 100; i++) learn(binary, test, { ...params, rounds: 1 });
  });

  it('refuses invalid data and parameters', async () => {
    const bad = makeTable(10, 2, 'bad');
    const refuse = (
      table: Partial<TrainingTable>,
      change: Partial<LearnerParams>,
      task: Task = binary,
    ): (() => TreeModel) => {
      return () => learn(task, { ...bad, ...table }, { ...params, ...change });
    };
    expect(refuse({ y: bad.y.slice(1) }, {})).toThrow(/9 targets/);
    expect(refuse({ y: bad.y.map(() => 2) }, {})).toThrow(/target 2 of training row 0 is not in \[0, 1\]/);
    expect(refuse({ y: bad.y.map(() => NaN) }, {}, { kind: 'regression' })).toThrow(/target NaN/);
    expect(refuse({ y: bad.y.map(() => 3) }, {}, { kind: 'multiclass', classes: 3 })).toThrow(/one of 0…2/);
    expect(refuse({ weights: bad.y.map(() => -1) }, {})).toThrow(/weight -1/);
    expect(refuse({ y: bad.y.map(() => 1e38) }, {}, { kind: 'regression' })).toThrow(/beyond 1e\+37/);
    expect(refuse({ weights: new Float64Array(10) }, {})).toThrow(/Not enough data/);
    expect(refuse({}, {}, { kind: 'quantile', quantile: 1 })).toThrow(/quantile is 1/);
    expect(refuse({}, {}, { kind: 'multiclass', classes: 1 })).toThrow(/classes is 1/);
    for (const change of [
      { rounds: -1 },
      { learningRate: 0 },
      { leaves: 1 },
      { maxDepth: 0 },
      { minDataInLeaf: 0 },
      { minHessianInLeaf: -1 },
      { l1: NaN },
      { l2: Infinity },
      { minGain: -1 },
      { maxBins: 256 },
      { rowFraction: 0 },
      { columnFraction: 1.5 },
    ]) {
      expect(refuse({}, change)).toThrow(new RegExp(`${Object.keys(change)[0]} is`));
    }
    expect(refuse({}, { columns: [2] })).toThrow(/column 2/);
    expect(refuse({}, { columns: [] })).toThrow(/no column/);
    const request = { task: binary, table: bad, params, stopping: null, onRound: () => undefined };
    await expect(gbdt.learn({ ...request, threads: 0 })).rejects.toThrow(/threads is 0/);
    const wide = { table: makeTable(10, 3, 'wide'), patience: 1 };
    await expect(gbdt.learn({ ...request, threads: 1, stopping: wide })).rejects.toThrow(/3 columns, training 2/);
    const huge = makeTable(3, 1, 'huge');
    const learnHuge = (leaves: number): TreeModel => learn(binary, huge, { ...params, leaves, columns: null });
    expect(learnHuge(65_536)).toEqual(learnHuge(3));
  });
});

describe('gbdt that is warm-started from a model', () => {
  const train = makeTable(3000, 9, 'before');
  const later = makeTable(9000, 9, 'later');
  const test = makeTable(3000, 9, 'test');
  const rules: LearnerParams = { ...LEARNER_DEFAULTS, rounds: 12, leaves: 15 };
  const goOn = (
    task: Task,
    table: TrainingTable,
    params: LearnerParams,
    base: TreeModel,
    stopping: EarlyStopping | null = null,
  ): TreeModel => learn(task, table, params, stopping, undefined, base);

  it.each(TASKS.map((task) => [task.kind, task] as const))(
    'is to the bit what n + k rounds at once give, when it learns the same rows and nothing is drawn: %s',
    (_, task) => {
      const weights = Float64Array.from(train.y, (_, row) => [0, 0.5, 1, 2][row % 4]!);
      for (const table of [withTargets(train, task), { ...withTargets(train, task), weights }]) {
        const first = learn(task, table, { ...rules, rounds: 7 });
        expect(goOn(task, table, { ...rules, rounds: 5 }, first)).toEqual(learn(task, table, rules));
      }
    },
  );

  it.each(TASKS.map((task) => [task.kind, task] as const))(
    'gives the same bytes with 1, 2 and 3 threads as on the calling one, with early stopping: %s',
    async (_, task) => {
      const [own, more, other] = [train, later, test].map((table) => withTargets(table, task));
      const base = learn(task, own!, rules);
      const stopping = { table: other!, patience: 5 };
      for (const sampling of [{}, { rowFraction: 0.6, columnFraction: 0.5 }]) {
        const params = { ...rules, ...sampling, rounds: 8 };
        const expected = goOn(task, more!, params, base, stopping);
        expect(expected.ensembles[0]!.trees.length).toBeGreaterThan(12);
        for (const threads of 'rowFraction' in sampling ? [1, 3] : [2]) {
          const request = { task, table: more!, params, stopping, threads, base, onRound: () => undefined };
          expect(await gbdt.learn(request)).toEqual(expected);
        }
      }
    },
  );

  it('keeps the trees of the best round on top of the base, and the base alone when none helps', () => {
    const task = TASKS[0]!;
    const base = learn(task, train, rules);
    const eager = { ...rules, rounds: 300, learningRate: 0.5, leaves: 63, minDataInLeaf: 5 };
    const stopping = { table: test, patience: 8 };
    const grown = goOn(task, later, eager, base, stopping);
    const kept = grown.ensembles[0]!.trees.length;
    const all = goOn(task, later, { ...eager, rounds: kept - 12 + 8 }, base);
    const losses = Array.from({ length: kept + 8 - 11 }, (_, k) => lossOf(task, all, 12 + k, test));
    expect(losses.indexOf(Math.min(...losses))).toBe(kept - 12);

    const rng = createRng('coin');
    const coin = { ...later, y: later.y.map(() => rng.integer(2)) };
    expect(goOn(task, coin, eager, grown, stopping)).toEqual(grown);
  });

  it('is warm-started from the answers of a calibrated model', () => {
    const task = TASKS[0]!;
    const base = scaledTrees(learn(task, train, rules), { slope: [1.3], intercept: [-0.2] });
    const grown = goOn(task, later, { ...rules, rounds: 30 }, base);
    const before = lossOf(task, base, 12, later);
    expect(lossOf(task, grown, 12, later)).toBe(before);
    expect(lossOf(task, grown, 42, later)).toBeLessThan(before);
    expect(lossOf(task, grown, 42, test)).toBeLessThan(lossOf(task, base, 12, test));
  });

  it('is one graph with equal answers of onnxruntime and the scorer, with a thousand trees', async () => {
    const task = TASKS[0]!;
    const slow = { ...rules, leaves: 8, learningRate: 0.02, rowFraction: 0.5 };
    const few = makeTable(600, 9, 'few');
    let model = learn(task, few, { ...slow, rounds: 400 });
    for (const seed of ['1', '2', '3']) model = goOn(task, few, { ...slow, rounds: 200, seed }, model);
    expect(model.ensembles[0]!.trees.length).toBe(1000);
    const bytes = encodeTreeModel(model);
    const some = { rows: 500, columns: 9, values: test.x.values.subarray(0, 4500) };
    const { values } = await onnxAnswers(bytes, some);
    const own = treeAnswers(model, some);
    const exact = predictModel(model, some);
    for (let row = 0; row < own.length; row++) {
      expect(Math.abs(own[row]! - values[row]!)).toBeLessThan(1e-6);
      expect(Math.abs(exact[row]! - values[row]!)).toBeLessThan(1e-5);
    }
    expect(Buffer.compare(encodeTreeModel(decodeTreeModel(bytes).model), bytes)).toBe(0);
  });

  it('refuses a model of another task or of other columns', () => {
    const base = learn(TASKS[0]!, train, { ...rules, rounds: 1 });
    const regression = withTargets(later, TASKS[2]!);
    expect(() => goOn(TASKS[2]!, regression, rules, base)).toThrow(/the base is 1 × sigmoid, expected 1 × identity/);
    expect(() => goOn(TASKS[1]!, later, rules, base)).toThrow(/expected 3 × softmax/);
    expect(() => goOn(TASKS[0]!, makeTable(50, 5, 'five'), rules, base)).toThrow(/9 columns, the training table 5/);
  });
});

/** Mean loss after `rounds` rounds, from predictions. */
function lossOf(task: Task, model: TreeModel, rounds: number, { x, y }: TrainingTable): number {
  const scores = model.ensembles.map((own) => predictLogits({ ...own, trees: own.trees.slice(0, rounds) }, x));
  const each = y.map((target, row) => {
    const s = scores[0]![row]!;
    switch (task.kind) {
      case 'binary':
        return Math.log1p(Math.exp(-Math.abs(s))) + Math.max(s, 0) - target * s;
      case 'multiclass': {
        const all = scores.map((own) => own[row]!);
        return Math.log(all.reduce((sum, one) => sum + Math.exp(one), 0)) - all[target]!;
      }
      case 'regression':
        return (target - s) ** 2;
      case 'quantile':
        return (target - s) * (task.quantile - (target < s ? 1 : 0));
    }
  });
  return each.reduce((sum, loss) => sum + loss, 0) / y.length;
}
