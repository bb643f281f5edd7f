import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { trainingJobSchema, type TrainingJob } from '../../jobs/training_job.ts';
import { FIRST_MODELS, parametersOfTrigger } from './run.ts';
import { jobOfRun } from './run_job.ts';

const settings = loadSettings({ env: {} });

describe('the job of a run', () => {
  it.each([
    ['full', 'request', {}],
    ['incremental', 'incremental schedule', {}],
    ['thresholds', 'monitor: risk streak 30 > 20', {}],
    ['full', FIRST_MODELS, {}],
    ['full', 'api --seed 7', { seed: 7, trials: 3, engine: 'gbdt', from: '2026-01-02T00:00:00Z' }],
  ] as const)('of kind %s by "%s" is a valid document', (kind, trigger, parameters) => {
    const job = jobOfRun({ kind, trigger, parameters }, settings);
    expect(trainingJobSchema.parse(JSON.parse(JSON.stringify(job)))).toEqual(job);
  });

  it('has what the request chose, and is adopted in this installation', () => {
    const parameters = { seed: 7, trials: 3, engine: 'random_forest', to: '2026-01-02T00:00:00Z' } as const;
    expect(jobOfRun({ kind: 'full', trigger: 'api', parameters }, settings)).toMatchObject({
      kind: 'train',
      seed: 7,
      adopt: true,
      market: settings.minutehand.market,
      parameters: { trials: 3, engine: 'random_forest' },
      window: { from: null, to: '2026-01-02T00:00:00Z', days: null },
      output: { folder: null, is_dry_run: false },
      trigger: { code: 'request', text: 'api' },
    });
  });

  it.each([
    [FIRST_MODELS, 'first_models', 0],
    ['weekly schedule', 'schedule', null],
    ['monitor: auc', 'monitor', null],
    ['request', 'request', null],
  ])('by "%s" has the code %s and %s trials', (trigger, code, trials) => {
    const job = jobOfRun({ kind: 'full', trigger, parameters: {} }, settings);
    expect([job.trigger.code, (job as TrainingJob).parameters.trials]).toEqual([code, trials]);
  });
});

describe('a queued run of an earlier version', () => {
  it('has its parameters in its trigger', () => {
    expect(
      parametersOfTrigger('api --seed 3 --trials 12 --engine gbdt --from 2024-01-02 --to 2024-01-05T12:00Z'),
    ).toEqual({
      seed: 3,
      trials: 12,
      engine: 'gbdt',
      from: '2024-01-02T00:00:00Z',
      to: '2024-01-05T12:00:00Z',
    });
  });

  it.each(['api', 'request', 'monitor: --seed 3', 'api --unknown 3', 'api --seed x'])('has none in "%s"', (trigger) => {
    expect(parametersOfTrigger(trigger)).toEqual({});
  });
});
