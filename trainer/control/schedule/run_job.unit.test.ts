import { triggerOfText } from '../../store/trigger_migration.ts';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { pairReversionJobSchema, type TrainingJob } from '../../jobs/kinds/pair_reversion_job.ts';
import { jobOfRun } from './run_job.ts';

const settings = loadSettings({ env: {} });

describe('the job of a run', () => {
  it.each([
    ['full', 'request', {}],
    ['incremental', 'incremental schedule', {}],
    ['thresholds', 'monitor: risk streak 30 > 20', {}],
    ['full', 'first models', {}],
    ['full', 'api --seed 7', { seed: 7, trials: 3, engine: 'gbdt', from: '2026-01-02T00:00:00Z' }],
  ] as const)('of kind %s by "%s" is a valid document', (kind, text, parameters) => {
    const job = jobOfRun({ kind, trigger: triggerOfText(text), parameters }, settings);
    expect(pairReversionJobSchema.parse(JSON.parse(JSON.stringify(job)))).toEqual(job);
  });

  it.each(['request', 'weekly schedule', 'incremental schedule', 'monitor: auc', 'first models'])(
    'by "%s" learns from the features that the policy names, or those of the request',
    (text) => {
      const table = { ...settings, retrain: { ...settings.retrain, retrain_features: 'table:research.features' } };
      const sourceOf = (kind: 'full' | 'incremental' | 'thresholds', features?: string): unknown =>
        (jobOfRun({ kind, trigger: triggerOfText(text), parameters: { features } }, table) as TrainingJob).source
          .features;
      expect(sourceOf('full')).toBe('table:research.features');
      expect(sourceOf('incremental')).toBe('table:research.features');
      expect(sourceOf('thresholds')).toBeNull();
      expect(sourceOf('full', 'store')).toBe('store');
      expect(sourceOf('full', 'bars')).toBeNull();
    },
  );

  it('has what the request chose, and is adopted in this installation', () => {
    const parameters = { seed: 7, trials: 3, engine: 'random_forest', to: '2026-01-02T00:00:00Z' } as const;
    expect(jobOfRun({ kind: 'full', trigger: triggerOfText('api'), parameters }, settings)).toMatchObject({
      kind: 'train',
      seed: 7,
      adopt: true,
      market: settings.minutehand.market,
      parameters: { trials: 3, engine: 'random_forest' },
      window: { from: null, to: '2026-01-02T00:00:00Z', days: null },
      output: { folder: null, is_dry_run: false },
      trigger: triggerOfText('api'),
    });
  });

  it.each([
    ['first models', 'first_models', 0],
    ['weekly schedule', 'schedule', null],
    ['monitor: auc', 'monitor', null],
    ['request', 'request', null],
  ])('by "%s" has the code %s and %s trials', (text, code, trials) => {
    const job = jobOfRun({ kind: 'full', trigger: triggerOfText(text), parameters: {} }, settings);
    expect([job.trigger.code, (job as TrainingJob).parameters.trials]).toEqual([code, trials]);
  });
});
