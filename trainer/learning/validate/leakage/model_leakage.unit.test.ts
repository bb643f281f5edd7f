import { writtenGate } from '../../../../test/written_gate.ts';
import { expect, it } from 'vitest';
import type { LearnedModel } from '../../calibrate/calibrate_model.ts';
import type { ModelJob } from '../../learners/model_job.ts';
import type { Fitted } from '../../learners/contract/fitted.ts';
import { fittedAnswers, validateSplits } from '../../learners/cross_validation.ts';
import { smallFits, walkRows } from '../../dataset/rows.fixture.ts';
import { kFoldSplits } from '../../splits/splits.ts';
import { countLeakageFits, testModelLeakage } from './model_leakage.ts';

const EMBARGO = 2400;
const rows = walkRows({ seed: 'model leakage', rows: 300, signal: 1 });
const train = smallFits();

it('a model is fitted once more on altered test rows, and on shuffled labels of every fold from nothing', async () => {
  const rawFolds = await validateSplits(rows, kFoldSplits(rows, 3, EMBARGO), train, fittedAnswers);
  const verdictsOf = async (name: ModelJob['name']) => {
    const asked: string[] = [];
    const fit =
      (how: string) =>
      (of: typeof rows, subset: Int32Array, trees: number | null): Promise<Fitted> => {
        asked.push(`${how} ${trees}`);
        return Promise.resolve(train(of, subset));
      };
    const job = { name, rows: { trained: rows }, samples: rows.y.length, embargo: EMBARGO, fit: fit('fit') };
    const found = await testModelLeakage(
      { ...job, fitFromNothing: fit('from nothing') } as unknown as ModelJob,
      { rawFolds } as unknown as LearnedModel,
      { rate: 0.5 },
      { retrain: { quality_min_samples: 100, quality_f1_floor: 0.6, quality_f1_gates: [] } } as never,
      'seed',
    );
    expect(asked.sort()).toEqual(['fit null', ...Array.from({ length: 3 }, () => 'from nothing null')]);
    expect(countLeakageFits(3)).toBe(asked.length);
    return found.map((result) => [writtenGate(result).name, result.passed]);
  };
  const all = ['fold borders', 'fitted on training rows only', 'shuffled labels', 'shuffled labels refused'];
  expect(await verdictsOf('ai2')).toEqual(all.map((own) => [`ai2 ${own}`, true]));
  // No quality gate refuses AI3.
  expect(await verdictsOf('ai3')).toEqual(all.slice(0, 3).map((own) => [`ai3 ${own}`, true]));
});
