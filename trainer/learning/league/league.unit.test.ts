import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { expectedCalibrationError } from '../measures/metrics.ts';
import { calibrationError } from './calibration_error.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import type { DatasetRows } from '../dataset/dataset_rows.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import type { FitRequest, Learner } from '../learners/contract/learner.ts';
import { callsOf, spreadOfSplits } from './calls.ts';
import { answersOf, fitEntrant } from './entrant_models.ts';
import { entrantGroups, entrantNamed, entrantNames } from './entrants.ts';
import { incrementsOf } from './increments.ts';
import { rowLosses, simplestWithinError, standingsOf } from '../statistics/standings.ts';

const DAYS = 40;
const PER_DAY = 25;
const ROWS = DAYS * PER_DAY;
const time = Float64Array.from({ length: ROWS }, (_, row) => Math.floor(row / PER_DAY) * 86_400 + row);

/** Losses around a mean, with noise of their own. */
function lossesAround(mean: number, noise: number, seed: string): Float64Array {
  const rng = createRng(seed);
  return Float64Array.from({ length: ROWS }, () => mean + noise * rng.normal());
}

describe('standings', () => {
  const clear = [lossesAround(0.7, 0.01, 'a'), lossesAround(0.6, 0.01, 'b'), lossesAround(0.65, 0.01, 'c')];

  it('are in order of log loss, each paired with the best one row by row', () => {
    const { order, of } = standingsOf(clear, time);
    expect(order).toEqual([1, 2, 0]);
    expect(of[1]).toEqual({ behind: { value: 0, standard_error: 0 }, isWithinError: true });
    expect(of[0]!.behind.value).toBeCloseTo(0.1, 2);
    expect(of.map(({ isWithinError }) => isWithinError)).toEqual([false, true, false]);
    // What both have in common cancels: the same rows, harder for both, leave the error as it was.
    const common = lossesAround(0, 1, 'common');
    const shifted = clear.map((own) => own.map((loss, row) => loss + common[row]!));
    expect(standingsOf(shifted, time).of[0]!.behind.standard_error).toBeCloseTo(of[0]!.behind.standard_error!, 10);
  });

  it('name the simplest one within one error, and the better of equally simple ones', () => {
    const close = [lossesAround(0.6, 0.5, 'd'), lossesAround(0.6, 0.5, 'e'), lossesAround(0.9, 0.01, 'f')];
    const standings = standingsOf(close, time);
    const [best, second] = standings.order as [number, number];
    expect(standings.of[second]!.behind.value).toBeGreaterThan(0);
    const within = standings.of[second]!.isWithinError;
    const complexity = [2, 2, 0];
    complexity[second] = 1;
    expect(simplestWithinError(standings, complexity)).toBe(within ? second : best);
    expect(simplestWithinError(standings, [1, 1, 0])).toBe(best);
    // The simplest of all is worse by thirty errors.
    expect(standings.of[2]!.isWithinError).toBe(false);
  });

  it('have no error within a single day, so that nobody but the best is within it', () => {
    const sameDay = new Float64Array(ROWS).fill(1000);
    expect(standingsOf(clear, sameDay).of.map(({ isWithinError }) => isWithinError)).toEqual([false, true, false]);
  });
});

describe('the error of a calibration error', () => {
  const rng = createRng('calibration');
  const p = Float64Array.from({ length: ROWS }, () => rng.uniform());
  const y = p.map((own) => (rng.uniform() < own ? 1 : 0));

  it('has the value of all rows, and is wider where the rows of a day are alike', () => {
    const own = calibrationError(p, y, time, 'seed');
    expect(own.value).toBe(expectedCalibrationError(p, y, 10));
    expect(own.standard_error).toBeGreaterThan(0);
    expect(calibrationError(p, y, time, 'seed')).toEqual(own);
    // Twenty-five copies of each row within its day say no more than one.
    const first = (row: number): number => Math.floor(row / PER_DAY) * PER_DAY;
    const copied = calibrationError(
      p.map((_, row) => p[first(row)]!),
      y.map((_, row) => y[first(row)]!),
      time,
      'seed',
    );
    expect(copied.standard_error).toBeGreaterThan(2 * own.standard_error!);
  });

  it('is null within a single day', () => {
    expect(calibrationError(p, y, new Float64Array(ROWS).fill(5), 'seed').standard_error).toBeNull();
  });
});

describe('increments', () => {
  const entrant = (name: string, kind: 'baseline' | 'single' | 'ensemble', loss: number) => ({
    name,
    kind,
    losses: lossesAround(loss, 0.01, name),
  });

  it('compare the best of each kind with the step before, and leave out what nobody is', () => {
    const entrants = [
      entrant('gbdt', 'single', 0.6),
      entrant('vote', 'ensemble', 0.61),
      entrant('bagging', 'ensemble', 0.62),
      entrant('logistic@baseline', 'baseline', 0.68),
    ];
    const steps = incrementsOf(entrants, time);
    expect(steps.map(({ step, entrant: name }) => [step, name])).toEqual([
      ['baseline', 'logistic@baseline'],
      ['advanced_features', 'gbdt'],
      ['ensemble', 'vote'],
    ]);
    expect(steps[0]!.gain).toBeNull();
    expect(steps[1]!.gain!.value).toBeCloseTo(0.08, 2);
    expect(steps[2]!.gain!.value).toBeCloseTo(-0.01, 2);
    expect(incrementsOf(entrants.slice(0, 2), time).map(({ step }) => step)).toEqual(['advanced_features', 'ensemble']);
  });
});

it('an entrant is a learner, or a single learner with the baseline columns or with models of groups', () => {
  expect(entrantNames(['gbdt', 'vote'])).toEqual(['gbdt', 'vote', 'gbdt@baseline', 'gbdt@groups']);
  expect(entrantNamed('gbdt@baseline')).toEqual({ learner: 'gbdt', kind: 'baseline' });
  expect(entrantNamed('gbdt@groups')).toEqual({ learner: 'gbdt', kind: 'groups' });
  expect(entrantNamed('stacking')).toEqual({ learner: 'stacking', kind: 'ensemble' });
  expect(entrantNamed('lstm')).toEqual({ learner: 'lstm', kind: 'single' });
});

describe('models of groups', () => {
  const GROUPS = { metals: ['B_C'], fx: ['A_B', 'D_E'], others: ['X_Y'] };

  it('are of the groups that have pairs, and refused without any', () => {
    const pairs = ['A_B', 'B_C', 'C_D', 'D_E'];
    expect(entrantGroups(GROUPS, pairs, 'groups')).toEqual([[1], [0, 3]]);
    expect(entrantGroups(GROUPS, pairs, 'single')).toBeNull();
    expect(() => entrantGroups({ others: ['X_Y'] }, pairs, 'groups')).toThrow(/no group of these pairs/);
    expect(() => entrantGroups({}, pairs, 'groups')).toThrow(/train\.groups/);
  });

  it('learn their own rows, the pairs without a group all rows, and each pair is answered by its own', async () => {
    const pair = Int32Array.of(0, 1, 2, 0, 1, 2, 3, 3);
    const subset = Int32Array.of(0, 1, 2, 3, 4, 6);
    const seen: number[][] = [];
    const learner = {
      name: 'mean',
      supports: { stopping: false, continuing: false, tasks: ['binary'] },
      fit({ subset: own }: FitRequest): Promise<Fitted> {
        seen.push([...own]);
        const answer = own.reduce((sum, row) => sum + row, 0);
        return Promise.resolve({ answers: (x: Matrix) => new Float64Array(x.rows).fill(answer) } as Fitted);
      },
    } satisfies Learner;
    const x = { rows: 8, columns: 1, values: new Float32Array(8) };
    const rows = { x, pair } as unknown as DatasetRows;
    const models = await fitEntrant({ learner, columns: [0], groups: [[1], [0]] }, rows, subset, 's');
    expect(seen).toEqual([[1, 4], [0, 3], [...subset]]);
    expect([...answersOf(models, x, pair)]).toEqual([3, 5, 16, 3, 5, 16, 16, 16]);
    const pooled = await fitEntrant({ learner, columns: [0], groups: null }, rows, subset, 's');
    expect([...answersOf(pooled, x, pair)]).toEqual(new Array(8).fill(16));
  });
});

it('the spread of calls is over the splits, each with its own rows', () => {
  const probabilities = Float64Array.of(0.9, 0.2, 0.8, 0.4, 0.6, 0.1);
  const y = Float64Array.of(1, 0, 0, 1, 1, 0);
  const splits = [{ test: Int32Array.of(0, 1) }, { test: Int32Array.of(2, 3, 4, 5) }];
  const spread = spreadOfSplits(splits, { probabilities, y }, 0.5);
  expect(spread.balanced_accuracy).toEqual({
    folds: 2,
    mean: 0.75,
    var: 0.125,
    min: 0.5,
    max: 1,
    cv: Math.sqrt(0.125) / 0.75,
  });
  const answers = splits.map(({ test }) => ({
    scores: Float64Array.from(test, (row) => probabilities[row]!),
    labels: Float64Array.from(test, (row) => y[row]!),
  }));
  expect(callsOf(answers, 0.5)).toMatchObject({
    threshold: 0.5,
    confusion: { true_positive: 2, false_positive: 1, false_negative: 1, true_negative: 2 },
    // 1 of two rows, ½ of four.
    balanced_accuracy: (2 * 1 + 4 * 0.5) / 6,
    recall: (2 * 1 + 4 * 0.5) / 6,
  });
});

it('the calls of base rates are as good as chance, though fits of different levels call splits alike', () => {
  const shares = [0.2, 0.4, 0.6];
  const answers = shares.map((share, k) => ({
    scores: new Float64Array(50).fill(0.4 - 0.1 * (k - 1)),
    labels: Float64Array.from({ length: 50 }, (_, row) => (row < 50 * share ? 1 : 0)),
  }));
  expect(callsOf(answers, 0.4).balanced_accuracy).toBe(0.5);
  expect(callsOf(answers, 0.4).macro_precision).toBeNull();
});

it('log loss of a row is that of its label', () => {
  expect([...rowLosses(Float64Array.of(0.25, 0.25), Float64Array.of(1, 0))]).toEqual([
    -Math.log(0.25),
    expect.closeTo(-Math.log(0.75), 12),
  ]);
});
