import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { requestTrigger, runParametersSchema } from '../schedule/run.ts';
import { jobOfRun } from '../schedule/run_job.ts';
import { mlTrainingConfig } from '../schema/training.ts';
import { runParametersOf } from './training_options.ts';

const settings = loadSettings({ env: {} });

/** The settings in the job of a request, as a queued run stores them. */
function settingsFor(body: object): unknown {
  const parameters = runParametersOf(mlTrainingConfig.parse(body), settings);
  const stored = runParametersSchema.parse(JSON.parse(JSON.stringify(parameters)));
  const { parameters: ofJob } = jobOfRun(
    { kind: 'full', trigger: requestTrigger('api', stored), parameters: stored },
    settings,
  );
  return 'settings' in ofJob ? ofJob.settings : undefined;
}

const ofAllModels = (name: string, value: number): Record<string, number> =>
  Object.fromEntries(['ai1', 'ai2', 'ai3'].map((model) => [`train.${model}.${name}`, value]));

const search = (parameter_space: object): object => ({
  optimization_settings: { enabled: true, n_calls: 2, parameter_space },
});

describe('fields of a training request', () => {
  it.each([
    [{ n_estimators: 40 }, ofAllModels('rounds', 40)],
    [{ learning_rate: 0.2 }, ofAllModels('learning_rate', 0.2)],
    [{ max_depth: 3 }, ofAllModels('leaves', 8)],
    [{ cross_validation_folds: 3 }, { 'train.folds': 3 }],
    [{ validation_split: 0.3 }, { 'train.holdout_fraction': 0.3 }],
    [{ train_test_split: 0.9 }, { 'train.holdout_fraction': 0.1 }],
    [{ validation_split: 0.2, train_test_split: 0.8 }, { 'train.holdout_fraction': 0.2 }],
    [
      search({ num_leaves: { type: 'integer', low: 4, high: 16 }, reg_lambda: { type: 'real', low: 1 } }),
      { 'search.ranges.leaves.low': 4, 'search.ranges.leaves.high': 16, 'search.ranges.l2.low': 1 },
    ],
    [
      search({ max_depth: { type: 'integer', low: 2, high: 4 } }),
      { 'search.ranges.leaves.low': 4, 'search.ranges.leaves.high': 16 },
    ],
    [{ early_stopping_rounds: 20 }, undefined],
    [{}, undefined],
  ])('%j are the settings %j of its training', (body, expected) => {
    expect(settingsFor(body)).toEqual(expected);
  });

  it('are shown in its trigger', () => {
    const parameters = runParametersOf(
      mlTrainingConfig.parse({ random_state: 3, cross_validation_folds: 3, validation_split: 0.3 }),
      settings,
    );
    expect(triggerText(requestTrigger('api', parameters))).toBe(
      'api --seed 3 --set train.folds=3 --set train.holdout_fraction=0.3',
    );
  });

  it.each([
    [{ n_estimators: { type: 'integer', low: 4 } }, 'n_estimators'],
    [{ leaves: { type: 'categorical', categories: [4, 8] } }, 'categorical'],
    [{ leaves: { type: 'integer' } }, 'without low and high'],
    [{ leaves: { type: 'integer', low: 9, high: 8 } }, 'at most high'],
    [{ leaves: { type: 'integer', low: 4 }, num_leaves: { type: 'integer', low: 8 } }, 'one range'],
    [{ leaves: { type: 'integer', low: 1 } }, 'search.ranges.leaves.low'],
  ])('refuse the ranges %j', (ranges, words) => {
    expect(() => settingsFor(search(ranges))).toThrow(words);
    expect(() => settingsFor({ optimization_settings: { parameter_space: ranges } })).toThrow('enabled');
  });
});
