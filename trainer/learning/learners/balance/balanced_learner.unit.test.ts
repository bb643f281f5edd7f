import { describe, expect, it } from 'vitest';
import type { Balance } from '../../../../shared/policy/balances.ts';
import { createRng } from '../../../../shared/rng.ts';
import type { FitRows } from '../contract/fit_rows.ts';
import { fitAllRows, type FitRequest, type Learner } from '../contract/learner.ts';
import { auc } from '../../measures/metrics.ts';
import { ensembleParameters } from '../mixture/ensemble_parameters.ts';
import { networkParameters } from '../networks/network_parameters.ts';
import { openLearner } from '../registry.ts';
import { runFit } from '../trees/fit.ts';
import { balancedLearner } from './balanced_learner.ts';

const ROWS = 3000;
const PARAMETERS = {
  rounds: 40,
  learning_rate: 0.2,
  leaves: 4,
  min_data_in_leaf: 20,
  l2: 1,
  row_fraction: 1,
  column_fraction: 1,
};

/** One row in ten is positive. */
function rowsOf(): FitRows {
  const rng = createRng('balanced learner');
  const values = new Float32Array(ROWS * 2);
  const y = new Float64Array(ROWS);
  for (let row = 0; row < ROWS; row++) {
    y[row] = rng.uniform() < 0.1 ? 1 : 0;
    values[2 * row] = rng.normal() + y[row]!;
    values[2 * row + 1] = rng.normal();
  }
  const time = Float64Array.from({ length: ROWS }, (_, row) => 1_546_819_200 + 300 * row);
  return {
    x: { rows: ROWS, columns: 2, values },
    y,
    time,
    labelEnd: time.map((at) => at + 600),
    weights: y.map(() => 1),
  };
}

const rows = rowsOf();
const request: Omit<FitRequest, 'budget'> = {
  task: { kind: 'binary' },
  rows,
  subset: Int32Array.from(rows.y.keys()),
  columns: null,
  seed: 'balanced',
  continueFrom: null,
};

function gbdt(): Learner {
  return openLearner('gbdt', {
    parameters: PARAMETERS,
    fitTrees: runFit,
    ensembles: ensembleParameters({}),
    network: networkParameters(undefined, 'ai1'),
    columnNames: ['a', 'b'],
  });
}

async function meanOf(learner: Learner): Promise<number> {
  const model = await fitAllRows(learner, request);
  expect(model.width).toBe(1);
  const answers = model.answers(rows.x);
  const error = Math.max(...model.exactAnswers(rows.x).map((exact, row) => Math.abs(exact - answers[row]!)));
  expect(error).toBeLessThan(1e-5);
  return answers.reduce((sum, value) => sum + value, 0) / ROWS;
}

describe('a learner that balances its rows', () => {
  it.each<[Balance, number, number]>([
    ['class_weights', 0.35, 0.6],
    ['undersample', 0.35, 0.6],
    ['smote', 0.3, 0.6],
  ])('answers higher for the rare class: %s', async (balance, least, most) => {
    expect(await meanOf(gbdt())).toBeLessThan(0.115);
    const mean = await meanOf(balancedLearner(gbdt(), balance));
    expect(mean).toBeGreaterThan(least);
    expect(mean).toBeLessThan(most);
  });

  it('with focal loss ranks alike and answers higher for the rare class, as one model of trees', async () => {
    const plain = (await fitAllRows(gbdt(), request)).answers(rows.x);
    const focal = (await fitAllRows(balancedLearner(gbdt(), 'focal'), request)).answers(rows.x);
    const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
    // Hard rows count more, and those of the rare class are hard.
    expect(sum(focal)).toBeGreaterThan(1.2 * sum(plain));
    expect(auc(focal, rows.y)!).toBeGreaterThan(auc(plain, rows.y)! - 0.03);
    expect(auc(focal, rows.y)!).toBeGreaterThan(0.7);
    await meanOf(balancedLearner(gbdt(), 'focal'));
  });

  it('reads no row outside its subset, and chooses the number of steps on rows as the market made them', async () => {
    const seen: FitRequest[] = [];
    const spy: Learner = {
      ...gbdt(),
      fit(own) {
        seen.push(own);
        return gbdt().fit(own);
      },
    };
    const half = request.subset.subarray(0, ROWS / 2);
    const other = { ...rows, y: rows.y.map((label, row) => (row < ROWS / 2 ? label : 1 - label)) };
    const learner = balancedLearner(spy, 'smote');
    const fit = (of: FitRows) =>
      learner.fit({ ...request, rows: of, subset: half, budget: { kind: 'early_stopping', stopping: null } });
    const models = [await fit(rows), await fit(other)];
    expect(models[0]!.toOnnx({ metadata: {} })).toEqual(models[1]!.toOnnx({ metadata: {} }));
    const { budget, subset, rows: balanced } = seen[0]!;
    const stopping = budget.kind === 'early_stopping' ? budget.stopping! : new Int32Array(0);
    expect(stopping.length).toBeGreaterThan(100);
    expect(stopping.every((row) => row < ROWS / 2)).toBe(true);
    expect(subset.some((row) => row >= ROWS)).toBe(true);
    const positive = subset.filter((row) => balanced.y[row] === 1).length;
    expect(positive).toBe(subset.length / 2);
    expect(Math.max(...subset.filter((row) => row < ROWS).map((row) => rows.labelEnd[row]!))).toBeLessThan(
      Math.min(...stopping.map((row) => rows.time[row]!)),
    );
  });

  it('is the learner itself where nothing is balanced, and refuses focal loss of other learners', () => {
    const learner = gbdt();
    expect(balancedLearner(learner, 'none')).toBe(learner);
    expect(() => balancedLearner({ ...learner, name: 'logistic' }, 'focal')).toThrow(
      expect.objectContaining({ code: 'LEARNER_TASK' }) as Error,
    );
  });
});
