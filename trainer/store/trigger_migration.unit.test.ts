import { describe, expect, it } from 'vitest';
import { runTriggerSchema } from '../../shared/run_trigger/run_trigger.ts';
import { triggerText } from '../../shared/run_trigger/trigger_text.ts';
import { parametersOfText, triggerOfText } from './trigger_migration.ts';

describe('a trigger that an earlier version wrote', () => {
  it.each([
    ['first models', 'first_models'],
    ['schedule', 'schedule'],
    ['weekly schedule', 'schedule'],
    ['incremental schedule', 'schedule'],
    ['direction schedule', 'schedule'],
    ['monitor: auc 0.501 against 0.640 of the bundle: 22 % apart > 15 %', 'monitor'],
    ['request', 'request'],
    ['api', 'request'],
    ['api --seed 3 --set train.folds=3', 'request'],
    ['drift', 'other'],
    ['constructor', 'other'],
  ])('"%s" has the code %s, and reads as before', (text, code) => {
    const trigger = triggerOfText(text);
    expect(trigger.code).toBe(code);
    expect(runTriggerSchema.parse(trigger)).toEqual(trigger);
    expect(triggerText(trigger)).toBe(text);
  });
});

describe('a queued run of a version that had its parameters in its trigger', () => {
  it('has them', () => {
    expect(parametersOfText('api --seed 3 --trials 12 --engine gbdt --from 2024-01-02 --to 2024-01-05T12:00Z')).toEqual(
      {
        seed: 3,
        trials: 12,
        engine: 'gbdt',
        from: '2024-01-02T00:00:00Z',
        to: '2024-01-05T12:00:00Z',
      },
    );
  });

  it.each(['api', 'request', 'monitor: --seed 3', 'api --unknown 3', 'api --seed x'])('has none in "%s"', (text) => {
    expect(parametersOfText(text)).toEqual({});
  });
});
