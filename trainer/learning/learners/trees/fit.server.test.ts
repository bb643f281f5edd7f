import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import { runFit, type FitTask } from './fit.ts';
import { splitOffTheEnd } from '../contract/stopping_rows.ts';
import { takeLabels, takeRows, type FitRows } from '../contract/fit_rows.ts';
import { learnHere } from './gbdt.ts';
import { LEARNER_DEFAULTS, type LearnerParams } from './learner.ts';
import { countTrees } from './fitted_trees.ts';

const PARAMS: LearnerParams = {
  ...LEARNER_DEFAULTS,
  rounds: 120,
  learningRate: 0.3,
  leaves: 15,
  minDataInLeaf: 10,
  seed: 'fit',
};
const silent = (): void => undefined;

/**
 * One row a minute whose label is known an hour later and follows the first column with probability `skill`, else a
 * coin.
 */
function rowsOf(seed: string, count: number, skill: number): FitRows {
  const rng = createRng(seed);
  const values = Float32Array.from({ length: count * 4 }, () => rng.uniform());
  const time = Float64Array.from({ length: count }, (_, row) => row * 60);
  return {
    x: { rows: count, columns: 4, values },
    y: Float64Array.from({ length: count }, (_, row) =>
      rng.uniform() < skill ? (values[row * 4]! > 0.5 ? 1 : 0) : rng.integer(2),
    ),
    time,
    labelEnd: time.map((from) => from + 3600),
    weights: Float64Array.from({ length: count }, () => 0.5 + rng.uniform()),
  };
}
const all = ({ y }: FitRows): Int32Array => Int32Array.from(y.keys());
const taskOf = (rows: FitRows, changes: Partial<FitTask> = {}): FitTask => ({
  engine: 'gbdt',
  task: { kind: 'binary' },
  rows,
  subset: all(rows),
  params: PARAMS,
  stopsEarly: true,
  ...changes,
});

describe('runFit', () => {
  it('keeps few trees when there is little to learn and more when there is much', async () => {
    const fewTrees = countTrees(await runFit(taskOf(rowsOf('coin', 4000, 0)), silent));
    const moreTrees = countTrees(await runFit(taskOf(rowsOf('rule', 4000, 0.9)), silent));
    expect(fewTrees).toBeLessThan(10);
    expect(moreTrees).toBeGreaterThan(fewTrees);
    expect(moreTrees).toBeLessThan(PARAMS.rounds);
  });

  it('learns from weighted rows that end before the stopping part begins, and is evaluated on that part', async () => {
    const rows = rowsOf('purged', 4000, 0.5);
    const stoppingFrom = rows.time[3400]!;
    const take = (own: Int32Array) => ({
      x: takeRows(rows.x, own),
      y: takeLabels(rows.y, own),
      weights: takeLabels(rows.weights, own),
    });
    const expected = learnHere({
      task: { kind: 'binary' },
      params: PARAMS,
      table: take(all(rows).filter((row) => rows.labelEnd[row]! < stoppingFrom)),
      stopping: { table: take(all(rows).filter((row) => rows.time[row]! >= stoppingFrom)), patience: 20 },
      threads: 1,
      onRound: silent,
    });
    expect(await runFit(taskOf(rows), silent)).toEqual(expected);
  });

  it('reads rows where they are: positions in a matrix give the bytes of a matrix of these rows alone', () => {
    const { x, y, weights } = rowsOf('places', 1200, 0.7);
    const places = Int32Array.from({ length: 600 }, (_, i) => (i * 7) % 1200);
    // Rows of weight 0 stay behind.
    const own = takeLabels(weights, places).map((weight, i) => (i % 5 === 0 ? 0 : weight));
    const request = { task: { kind: 'binary' }, params: PARAMS, stopping: null, threads: 1, onRound: silent } as const;
    const table = { y: takeLabels(y, places), weights: own };
    const within = learnHere({ ...request, table: { ...table, x, rows: places } });
    expect(within).toEqual(learnHere({ ...request, table: { ...table, x: takeRows(x, places) } }));
    const beyond = places.slice();
    beyond[3] = 1200;
    expect(() => learnHere({ ...request, table: { ...table, x, rows: beyond } })).toThrow(
      'row 3 of the training table is row 1200 of 1200',
    );
  });

  it('trains the configured number of trees on request, or with too few rows for early stopping', async () => {
    const rows = rowsOf('few', 500, 0.5);
    const params = { ...PARAMS, rounds: 30 };
    const fixed = await runFit(taskOf(rows, { params, stopsEarly: false }), silent);
    expect(countTrees(fixed)).toBe(30);
    expect(await runFit(taskOf(rows, { params }), silent)).toEqual(fixed);
  });

  it('learns forests by the same task, and reports progress', async () => {
    const told: number[] = [];
    const rows = rowsOf('forest', 2000, 0.9);
    const params = { ...PARAMS, rounds: 20 };
    const task = taskOf(rows, { engine: 'random_forest', params, stopsEarly: false });
    const forest = await runFit(task, (done) => told.push(done));
    expect(forest.link).toBe('identity');
    expect(countTrees(forest)).toBe(20);
    expect(told.at(-1)).toBe(20);
  });
});

describe('splitOffTheEnd', () => {
  it('keeps training labels out of the early-stopping part', () => {
    const rows = rowsOf('split', 4000, 0.5);
    const { train, stopping } = splitOffTheEnd(rows, all(rows))!;
    expect(Math.max(...takeLabels(rows.labelEnd, train))).toBeLessThan(rows.time[stopping[0]!]!);
    expect(stopping.length).toBe(600);
  });

  it('is nothing when a side has too few rows', () => {
    expect(
      splitOffTheEnd(
        rowsOf('short', 1000, 0.5),
        Int32Array.from({ length: 1000 }, (_, row) => row),
      ),
    ).toBeNull();
  });
});
