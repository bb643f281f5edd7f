import { monitored, REQUESTED, REQUESTED_BY_API, scheduled } from '../../../shared/run_trigger/run_triggers.fixture.ts';
import { FIRST_MODELS } from './run.ts';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { pairReversionJobSchema, type TrainingJob } from '../../jobs/kinds/pair_reversion_job.ts';
import { jobOfRun } from './run_job.ts';

const settings = loadSettings({ env: {} });

describe('the job of a run', () => {
  it.each([
    ['full', REQUESTED, {}],
    ['incremental', scheduled('incremental'), {}],
    ['thresholds', monitored(), {}],
    ['full', FIRST_MODELS, {}],
    ['full', REQUESTED_BY_API, { seed: 7, trials: 3, engine: 'gbdt', from: '2026-01-02T00:00:00Z' }],
  ] as const)('of kind %s by %j is a valid document', (kind, trigger, parameters) => {
    const job = jobOfRun({ kind, trigger, parameters }, settings);
    expect(pairReversionJobSchema.parse(JSON.parse(JSON.stringify(job)))).toEqual(job);
  });

  it.each([REQUESTED, scheduled('weekly'), scheduled('incremental'), monitored(), FIRST_MODELS])(
    'by %j learns from the features that the policy names, or those of the request',
    (trigger) => {
      const table = { ...settings, retrain: { ...settings.retrain, retrain_features: 'table:research.features' } };
      const sourceOf = (kind: 'full' | 'incremental' | 'thresholds', features?: string): unknown =>
        (jobOfRun({ kind, trigger, parameters: { features } }, table) as TrainingJob).source.features;
      expect(sourceOf('full')).toBe('table:research.features');
      expect(sourceOf('incremental')).toBe('table:research.features');
      expect(sourceOf('thresholds')).toBeNull();
      expect(sourceOf('full', 'store')).toBe('store');
      expect(sourceOf('full', 'bars')).toBeNull();
    },
  );

  it('has what the request chose, and is adopted in this installation', () => {
    const parameters = { seed: 7, trials: 3, engine: 'random_forest', to: '2026-01-02T00:00:00Z' } as const;
    expect(jobOfRun({ kind: 'full', trigger: REQUESTED_BY_API, parameters }, settings)).toMatchObject({
      kind: 'train',
      seed: 7,
      adopt: true,
      market: settings.minutehand.market,
      parameters: { trials: 3, engine: 'random_forest' },
      window: { from: null, to: '2026-01-02T00:00:00Z', days: null },
      output: { folder: null, is_dry_run: false },
      trigger: REQUESTED_BY_API,
    });
  });

  it.each([
    [FIRST_MODELS, 0],
    [scheduled('weekly'), null],
    [monitored(), null],
    [REQUESTED, null],
  ])('by %j has it, and %s trials', (trigger, trials) => {
    const job = jobOfRun({ kind: 'full', trigger, parameters: {} }, settings);
    expect([job.trigger, (job as TrainingJob).parameters.trials]).toEqual([trigger, trials]);
  });
});
