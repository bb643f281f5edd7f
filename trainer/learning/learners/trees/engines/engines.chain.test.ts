import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import {
  findLeaf,
  predictModel,
  type Matrix,
  type TreeEnsemble,
  type TreeModel,
} from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { MinutehandError } from '../../../../../shared/errors.ts';
import { packageRoot } from '../../../../../shared/root.ts';
import { allowedColumns } from '../gbdt_request.ts';
import {
  LEARNER_DEFAULTS,
  type TreeLearner,
  type LearnerParams,
  type LearnRequest,
  type TrainingTable,
} from '../learner.ts';
import { linkOf, type Task } from '../../contract/task.ts';
import type { EngineJob } from './engine_job.ts';
import { libraryOf, NATIVE_ENGINES, type NativeEngine } from '../../../../../shared/policy/engines.ts';
import { librariesFrom, type OpenLibrary } from './engine_library.ts';
import {
  libraryHere,
  randomMatrix,
  randomTable,
  request,
  scoreWithLightgbm,
  scoreWithXgboost,
  TASKS,
  withDelicateValues,
  withinFar,
} from './engine.fixture.ts';
import { findEngine, nativeLearner } from './engines.ts';
import type * as Engines from './engines.ts';
import { boostLightgbm } from './lightgbm.ts';
import { parseLightgbm } from './lightgbm_model.ts';
import { boostXgboost, xgboostVersion } from './xgboost.ts';
import { parseXgboost } from './xgboost_model.ts';

const COLUMNS = 11;
const here = { lightgbm: libraryHere('lightgbm'), xgboost: libraryHere('xgboost') };
const libraries = librariesFrom();
const BINARY: Task = { kind: 'binary' };

const quick: LearnerParams = { ...LEARNER_DEFAULTS, rounds: 12, leaves: 15, minDataInLeaf: 5 };

/** A model, and the engine's own answers by it. */
function learnAndScore(open: OpenLibrary, job: EngineJob): { model: TreeModel; score(x: Matrix): Float64Array } {
  const columns = job.table.x.columns;
  const shape = { columns, columnOf: allowedColumns(job.table.x, job.params), link: linkOf(job.task) };
  const answers = job.task.kind === 'multiclass' ? job.task.classes : 1;
  if (job.engine === 'lightgbm') {
    const text = boostLightgbm(open, job, () => undefined);
    return { model: parseLightgbm(text, shape), score: (x) => scoreWithLightgbm(open, text, x, answers) };
  }
  const { json, rounds } = boostXgboost(open, job, () => undefined);
  return { model: parseXgboost(json, shape, rounds), score: (x) => scoreWithXgboost(open, json, rounds, x, answers) };
}

function greatestDifference(a: Float64Array, b: Float64Array): number {
  expect(a.length).toBe(b.length);
  let greatest = 0;
  for (let i = 0; i < a.length; i++) greatest = Math.max(greatest, Math.abs(a[i]! - b[i]!));
  return greatest;
}

/** XGBoost's own arithmetic. */
function float32Sums({ trees, baseScore }: TreeEnsemble, { rows, columns, values }: Matrix): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) =>
    trees.reduce((sum, tree) => Math.fround(sum + tree.value[findLeaf(tree, values, row * columns)]!), baseScore),
  );
}

function leavesOf({ trees }: TreeEnsemble): number[] {
  return trees.map((tree) => tree.feature.filter((column) => column < 0).length);
}

const codeOf = async (work: () => unknown): Promise<unknown> => {
  try {
    await work();
    return 'no error';
  } catch (error) {
    return error instanceof MinutehandError ? error.code : error;
  }
};

for (const engine of NATIVE_ENGINES) {
  const { open, note } = here[engine];

  describe.skipIf(open === null)(`${engine}${note}`, () => {
    const knows = ({ kind }: Task): boolean =>
      kind !== 'quantile' || engine === 'lightgbm' || xgboostVersion(open!)[0] >= 2;
    let learner: TreeLearner;
    beforeAll(() => {
      learner = nativeLearner(engine);
    });

    describe.each(TASKS.filter(({ task }) => open !== null && knows(task)))('$name', ({ task, isSoft = false }) => {
      it.each([
        ['plain', false, null],
        ['weighted, sampled, with early stopping, on some columns only', true, [10, 0, 1, 2, 4, 6, 7]],
      ] as const)('matches the engine within 1e-6 on 50,000 rows of edge cases, %s', (_how, isWeighted, columns) => {
        const table = randomTable('equal', 6000, COLUMNS, { task, isSoft, isWeighted });
        const stopping = isWeighted
          ? { table: randomTable('equal/stopping', 1000, COLUMNS, { task, isSoft, isWeighted }), patience: 5 }
          : null;
        const params = {
          ...LEARNER_DEFAULTS,
          rounds: 40,
          columns,
          rowFraction: isWeighted ? 0.7 : 1,
          columnFraction: isWeighted ? 0.8 : 1,
        };
        const { model, score } = learnAndScore(open!, { engine, libraries, task, table, params, stopping, threads: 1 });
        const x = withDelicateValues(randomMatrix('equal/new', 50_000, COLUMNS, 0.2), model, 'delicate');
        const theirs = score(withinFar(takeColumns(x, allowedColumns(x, params))));
        expect(greatestDifference(predictModel(model, x), theirs)).toBeLessThan(1e-6);
        expect(new Set(theirs).size).toBeGreaterThan(1000);
        if (engine === 'xgboost' && task.kind === 'regression')
          expect(float32Sums(model.ensembles[0]!, x)).toEqual(theirs);
      });

      it('stops when the weighted loss of the stopping rows no longer falls, and keeps the trees up to the best round', async () => {
        const kind = { task, isSoft, isWeighted: true };
        const table = randomTable('stop', 1500, COLUMNS, kind);
        const stopping = { table: randomTable('stop/rows', 1500, COLUMNS, kind), patience: 5 };
        const params = { ...quick, rounds: 400, learningRate: 0.4 };
        const rounds: number[] = [];
        const onRound = (round: number): unknown => rounds.push(round);
        const stopped = await learner.learn(request(task, table, { params, stopping, onRound }));
        const kept = stopped.ensembles[0]!.trees.length;
        expect(rounds).toEqual(Array.from({ length: kept + 5 }, (_, round) => round + 1));
        const full = await learner.learn(request(task, table, { params: { ...params, rounds: kept + 5 } }));
        expect(firstRounds(full, kept)).toEqual(stopped);
        const losses = rounds.map((round) => weightedLoss(task, firstRounds(full, round), stopping.table));
        expect(1 + losses.indexOf(Math.min(...losses))).toBe(kept);
      });
    });

    it('matches the engine where targets are far from 0', () => {
      const { x, y } = randomTable('far', 3000, COLUMNS, { task: { kind: 'regression' } });
      const table = { x, y: y.map((target) => 1000 + target), weights: null };
      const job = {
        engine,
        libraries,
        task: { kind: 'regression' },
        table,
        params: LEARNER_DEFAULTS,
        stopping: null,
        threads: 1,
      };
      const { model, score } = learnAndScore(open!, job as EngineJob);
      // XGBoost itself adds in float32, whose last bit is 6e-5 here.
      const tolerance = engine === 'lightgbm' ? 1e-6 : 1e-3;
      expect(greatestDifference(predictModel(model, x), score(withinFar(x)))).toBeLessThan(tolerance);
    });

    it('treats infinities as values beyond all others', async () => {
      const values = Float32Array.from({ length: 4000 }, (_, i) => [-Infinity, -1, 1, Infinity, NaN][i % 5]!);
      const y = Float64Array.from(values, (_, i) => [1, 0, 0, 1, 0][i % 5]!);
      const table = { x: { rows: 4000, columns: 1, values }, y, weights: null };
      const model = await learner.learn(request(BINARY, table, { params: { ...quick, rounds: 100 } }));
      const answers = predictModel(model, {
        rows: 7,
        columns: 1,
        values: Float32Array.of(-Infinity, -3e38, -1, 1, 3e38, Infinity, NaN),
      });
      expect([...answers].map(Math.round)).toEqual([1, 1, 0, 0, 1, 1, 0]);
    });

    it('gives the same model for the same seed, and another for another seed where rows are sampled', async () => {
      const table = randomTable('seed', 3000, COLUMNS, { task: BINARY });
      const learn = (seed: string): Promise<TreeModel> =>
        learner.learn(request(BINARY, table, { params: { ...quick, rowFraction: 0.5, seed } }));
      const first = await learn('a');
      const again = await learn('a');
      const other = await learn('b');
      expect(again).toEqual(first);
      expect(other).not.toEqual(first);
    });

    it.each([
      ['binary', (y: number) => y],
      ['regression', (y: number) => (y * 10) ** 5],
    ] as const)('gives the same model with any number of threads: %s', async (kind, stretch) => {
      const task: Task = { kind };
      const { y, ...table } = randomTable('threads', 20_000, COLUMNS, { task, isWeighted: true });
      const stretched = { ...table, y: y.map(stretch) };
      const [one, two, three] = await Promise.all(
        [1, 2, 3].map((threads) =>
          learner.learn(request(task, stretched, { params: { ...quick, rounds: 40 }, threads })),
        ),
      );
      expect(two).toEqual(one);
      expect(three).toEqual(one);
    });

    it('accepts tables in shared memory and views of larger arrays', async () => {
      const table = randomTable('shared', 500, COLUMNS, { task: BINARY });
      const whole = await learner.learn(request(BINARY, table, { params: quick }));
      for (const buffer of [new SharedArrayBuffer(4 * 600 * COLUMNS), new ArrayBuffer(4 * 600 * COLUMNS)]) {
        const values = new Float32Array(buffer, 4 * 7, 500 * COLUMNS);
        values.set(table.x.values);
        const moved = { ...table, x: { ...table.x, values } };
        expect(await learner.learn(request(BINARY, moved, { params: quick }))).toEqual(whole);
      }
    });

    it('ignores a row of weight 0', async () => {
      const table = randomTable('weights', 4000, COLUMNS, { task: BINARY, isWeighted: true });
      const kept = [...table.y.keys()].filter((row) => table.weights![row]! > 0);
      const without = {
        x: takeRows(table.x, kept),
        y: Float64Array.from(kept, (row) => table.y[row]!),
        weights: Float64Array.from(kept, (row) => table.weights![row]!),
      };
      expect(kept.length).toBeLessThan(3500);
      const learn = (of: typeof table): Promise<TreeModel> => learner.learn(request(BINARY, of, { params: quick }));
      expect(await learn(without)).toEqual(await learn(table));
    });

    it('respects its limits on leaves, depth, columns and bins', async () => {
      const table = randomTable('limits', 5000, COLUMNS, { task: BINARY });
      const learn = async (params: Partial<LearnerParams>): Promise<TreeEnsemble> =>
        (await learner.learn(request(BINARY, table, { params: { ...quick, ...params } }))).ensembles[0]!;
      expect(Math.max(...leavesOf(await learn({ leaves: 6 })))).toBe(6);
      expect(Math.max(...leavesOf(await learn({ leaves: 31, maxDepth: 2 })))).toBe(4);
      const split = new Set((await learn({ columns: [8, 3] })).trees.flatMap(({ feature }) => [...feature]));
      expect([...split].sort()).toEqual([-1, 3, 8]);
      const thresholds = (trees: TreeEnsemble): number =>
        new Set(
          trees.trees.flatMap(({ feature, threshold }) => [...threshold].filter((_, node) => feature[node] === 0)),
        ).size;
      expect(thresholds(await learn({ columns: [0], maxBins: 8 }))).toBeLessThanOrEqual(8);
      expect(thresholds(await learn({ columns: [0], maxBins: 255 }))).toBeGreaterThan(8);
    });

    it('shrinks leaves by its penalties and splits less for a higher minimum gain', async () => {
      const table = randomTable('penalties', 3000, COLUMNS, { task: BINARY });
      const learn = async (params: Partial<LearnerParams>): Promise<TreeEnsemble> =>
        (await learner.learn(request(BINARY, table, { params: { ...quick, rounds: 3, ...params } }))).ensembles[0]!;
      const size = ({ trees }: TreeEnsemble): number => {
        const scores = trees.flatMap((tree) => [...tree.value].filter((_, node) => tree.feature[node]! < 0));
        return Math.max(...scores) - Math.min(...scores);
      };
      const plain = await learn({});
      expect(size(await learn({ l2: 100 }))).toBeLessThan(0.8 * size(plain));
      expect(size(await learn({ l1: 50 }))).toBeLessThan(0.8 * size(plain));
      expect(leavesOf(await learn({ minGain: 30 }))[0]).toBeLessThan(leavesOf(plain)[0]!);
      expect(leavesOf(await learn({ minHessianInLeaf: 100 }))[0]).toBeLessThan(leavesOf(plain)[0]!);
    });

    it('learns a constant where no split is possible', async () => {
      const x = { rows: 100, columns: 2, values: new Float32Array(200).fill(3) };
      for (const y of [
        new Float64Array(100).fill(0.25),
        Float64Array.from({ length: 100 }, (_, row) => (row < 25 ? 1 : 0)),
      ]) {
        const model = await learner.learn(
          request(BINARY, { x, y, weights: null }, { params: { ...quick, rounds: 150 } }),
        );
        expect(predictModel(model, { rows: 1, columns: 2, values: Float32Array.of(NaN, 5) })[0]).toBeCloseTo(0.25, 5);
      }
    });

    it('refuses requests that violate the contract', async () => {
      const table = randomTable('refused', 50, 2, { task: BINARY });
      const bad: Partial<LearnRequest>[] = [
        { params: { ...quick, rounds: 0 } },
        { params: { ...quick, leaves: 1 } },
        { params: { ...quick, maxBins: 256 } },
        { params: { ...quick, rowFraction: 0 } },
        { params: { ...quick, columns: [2] } },
        { params: { ...quick, columns: [] } },
        { params: { ...quick, l2: NaN } },
        { threads: 0 },
        { task: { kind: 'multiclass', classes: 1 } },
        { task: { kind: 'quantile', quantile: 1 } },
        { table: { ...table, y: table.y.map(() => 2) } },
        { table: { ...table, y: table.y.slice(1) } },
        { table: { ...table, weights: new Float64Array(50).fill(-1) } },
        { stopping: { table: randomTable('narrow', 50, 1, { task: BINARY }), patience: 1 } },
        { stopping: { table, patience: 0 } },
      ];
      for (const part of bad) {
        const answer = await codeOf(() => learner.learn(request(BINARY, table, part)));
        expect(answer, JSON.stringify(Object.keys(part))).toBeInstanceOf(RangeError);
      }
      const weightless = { ...table, weights: new Float64Array(50) };
      expect(await codeOf(() => learner.learn(request(BINARY, weightless)))).toBe('DATA_TOO_SHORT');
    });

    it('learns as much from two threads and from models at the same time as one after the other', async () => {
      const table = randomTable('together', 2000, COLUMNS, { task: BINARY });
      const learn = (threads: number, seed: string): Promise<TreeModel> =>
        learner.learn(request(BINARY, table, { params: { ...quick, rowFraction: 0.9, seed }, threads }));
      const together = await Promise.all([learn(1, 'a'), learn(2, 'b'), learn(1, 'c')]);
      for (const [index, seed] of ['a', 'b', 'c'].entries()) expect(together[index]).toEqual(await learn(1, seed));
    });

    it('learns in the built code on a thread of its own, the same, while the caller continues', async () => {
      // Threads need the built code; `npm test` builds first.
      const built = (await import(
        join(packageRoot(), 'dist/trainer/learning/learners/trees/engines/engines.js')
      )) as typeof Engines;
      const table = randomTable('thread', 30_000, COLUMNS, { task: BINARY });
      const rounds: number[] = [];
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      const model = await built
        .nativeLearner(engine)
        .learn(request(BINARY, table, { params: quick, onRound: (round) => rounds.push(round) }));
      clearInterval(timer);
      expect(rounds).toEqual(Array.from({ length: quick.rounds }, (_, round) => round + 1));
      expect(turns).toBeGreaterThan(5);
      expect(model).toEqual(await learner.learn(request(BINARY, table, { params: quick })));
      const weightless = { ...table, weights: new Float64Array(30_000) };
      expect(
        await built
          .nativeLearner(engine)
          .learn(request(BINARY, weightless))
          .catch(({ code }: MinutehandError) => code),
      ).toBe('DATA_TOO_SHORT');
    });

    it('reports the message of the library when it refuses', () => {
      const x = randomMatrix('said', 10, 2);
      const error = thrownBy(() =>
        engine === 'lightgbm'
          ? scoreWithLightgbm(open!, 'no model', x, 1)
          : scoreWithXgboost(open!, 'no model', 1, x, 1),
      );
      expect(error.code).toBe('LEARNER_FAILED');
      expect(error.seen).toMatch(
        engine === 'lightgbm' ? /^LGBM_BoosterLoadModelFromString: Model/ : /^XGBoosterLoadModelFromBuffer: \S/,
      );
      expect(error.seen).not.toMatch(/Stack trace|\d:\d\d:\d\d/);
    });

    it('is found with its version', () => {
      const found = findEngine(engine);
      expect(found.path).toMatch(/lightgbm|xgboost/);
      if (engine === 'xgboost') expect(found.version).toMatch(/^\d+\.\d+\.\d+$/);
    });
  });
}

it(`xgboost below version 2 refuses quantiles${here.xgboost.note}`, async ({ skip }) => {
  if (here.xgboost.open === null) return skip(here.xgboost.note.trim());
  if (xgboostVersion(here.xgboost.open)[0] >= 2) return skip('this XGBoost is version 2 or newer');
  const task: Task = { kind: 'quantile', quantile: 0.5 };
  const table = randomTable('quantile', 100, 2, { task });
  expect(await codeOf(() => nativeLearner('xgboost').learn(request(task, table)))).toBe('LEARNER_TASK');
});

describe('a library that cannot be used', () => {
  it.each(NATIVE_ENGINES)('is LEARNER_MISSING for %s, with its file and what to do', (engine: NativeEngine) => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-engine-'));
    try {
      const text = join(folder, 'text.so');
      writeFileSync(text, 'no library');
      for (const path of [join(folder, 'none.so'), text, 'no-such-library-anywhere.so']) {
        vi.stubEnv(libraryOf(engine).variable, path);
        const error = thrownBy(() => nativeLearner(engine));
        expect(error.code).toBe('LEARNER_MISSING');
        expect(error.seen).toContain(path);
        expect(error.next).toContain(`MINUTEHAND_${engine.toUpperCase()}_LIBRARY`);
      }
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });

  it.skipIf(here.xgboost.open === null)(`is LEARNER_MISSING when it is another one${here.xgboost.note}`, () => {
    vi.stubEnv('MINUTEHAND_LIGHTGBM_LIBRARY', here.xgboost.open!.path);
    const error = thrownBy(() => findEngine('lightgbm'));
    vi.unstubAllEnvs();
    expect([error.code, error.seen]).toEqual([
      'LEARNER_MISSING',
      expect.stringContaining('is not a library of lightgbm'),
    ]);
  });
});

function thrownBy(work: () => unknown): MinutehandError {
  try {
    work();
  } catch (error) {
    if (error instanceof MinutehandError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function takeColumns(x: Matrix, columns: ArrayLike<number>): Matrix {
  const values = new Float32Array(x.rows * columns.length);
  for (let i = 0; i < values.length; i++) {
    const row = Math.floor(i / columns.length);
    values[i] = x.values[row * x.columns + columns[i % columns.length]!]!;
  }
  return { rows: x.rows, columns: columns.length, values };
}

function takeRows(x: Matrix, rows: readonly number[]): Matrix {
  const values = rows.flatMap((row) => [...x.values.subarray(row * x.columns, (row + 1) * x.columns)]);
  return { rows: rows.length, columns: x.columns, values: Float32Array.from(values) };
}

function firstRounds(model: TreeModel, rounds: number): TreeModel {
  return {
    ...model,
    ensembles: model.ensembles.map((ensemble) => ({ ...ensemble, trees: ensemble.trees.slice(0, rounds) })),
  };
}

/** What each engine calls the loss of the task, up to a monotone function. */
function weightedLoss(task: Task, model: TreeModel, { x, y, weights }: TrainingTable): number {
  const answers = predictModel(model, x);
  const width = model.ensembles.length;
  return y.reduce((sum, target, row) => sum + weights![row]! * lossOf(task, answers.subarray(row * width), target), 0);
}

function lossOf(task: Task, answers: Float64Array, target: number): number {
  const [answer] = answers as unknown as [number];
  switch (task.kind) {
    case 'binary':
      return -target * Math.log(answer) - (1 - target) * Math.log(1 - answer);
    case 'multiclass':
      return -Math.log(answers[target]!);
    case 'regression':
      return (target - answer) ** 2;
    case 'quantile':
      return target > answer ? task.quantile * (target - answer) : (1 - task.quantile) * (answer - target);
  }
}

describe('a leaf of lightgbm', () => {
  it.skipIf(here.lightgbm.open === null)(`holds at least minDataInLeaf rows${here.lightgbm.note}`, async () => {
    const table = randomTable('leaf', 2000, COLUMNS, { task: BINARY });
    const params = { ...quick, rounds: 5, minDataInLeaf: 70 };
    const { ensembles } = await nativeLearner('lightgbm').learn(request(BINARY, table, { params }));
    for (const tree of ensembles[0]!.trees) {
      const rows = new Int32Array(tree.feature.length);
      for (let row = 0; row < 2000; row++) rows[findLeaf(tree, table.x.values, row * COLUMNS)]!++;
      const held = [...rows].filter((_, node) => tree.feature[node]! < 0);
      expect(Math.min(...held)).toBeGreaterThanOrEqual(70);
      expect(held.length).toBeGreaterThan(3);
    }
  });
});
