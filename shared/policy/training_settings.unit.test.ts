import { describe, expect, it } from 'vitest';
import { loadSettings } from './policy.ts';
import { TRAINING_SETTINGS, trainingSettingsSchema, withTrainingSettings } from './training_settings.ts';

const { minutehand } = loadSettings({ env: {} });

/** The configured value of a setting. */
function valueAt(name: string, settings: object): unknown {
  return name
    .split('.')
    .reduce<unknown>((section, key) => (section as Record<string, unknown> | undefined)?.[key], settings);
}

describe('settings of one training', () => {
  it('are those of the configuration, by name, each changed alone', () => {
    for (const name of TRAINING_SETTINGS) {
      const other = name === 'search.max_rows' ? 2000 : /rate|fraction|dropout|ratio/.test(name) ? 0.25 : 7;
      const changed = withTrainingSettings(minutehand, { [name]: other });
      for (const each of TRAINING_SETTINGS)
        expect(valueAt(each, changed)).toBe(each === name ? other : valueAt(each, minutehand));
    }
  });

  it('leave the configuration as it is, and everything else the same', () => {
    const before = structuredClone(minutehand);
    const { train: _train, search: _search, ...others } = withTrainingSettings(minutehand, { 'train.folds': 3 });
    expect(minutehand).toEqual(before);
    const { train: _own, search: _ownSearch, ...configured } = minutehand;
    expect(others).toEqual(configured);
  });

  it('may not contradict each other, nor what is configured', () => {
    const low = { 'search.ranges.leaves.low': 20 };
    expect(() => withTrainingSettings(minutehand, { ...low, 'search.ranges.leaves.high': 10 })).toThrow(
      'ranges.leaves',
    );
    const narrow = withTrainingSettings(minutehand, { 'search.ranges.leaves.high': 10 });
    expect(() => withTrainingSettings(narrow, low)).toThrow('ranges.leaves');
  });

  it('have the limits of the configuration, and its names', () => {
    expect(trainingSettingsSchema.parse({ 'train.folds': 3 })).toEqual({ 'train.folds': 3 });
    for (const refused of [
      { 'train.folds': 1 },
      { 'train.folds': 2.5 },
      { 'train.ai1.learning_rate': 0 },
      { 'train.fold': 3 },
      { 'risk.limit': 1 },
    ])
      expect(trainingSettingsSchema.safeParse(refused).success, JSON.stringify(refused)).toBe(false);
  });
});
