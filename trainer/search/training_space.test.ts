import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../shared/policy/policy.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';
import { checkParams } from './space.ts';
import { createStudy } from './study.ts';
import { configuredParams, settingsOf, trainingSpace, type SearchedSettings } from './training_space.ts';

const { train, windows } = loadSettings({ env: {} }).minutehand;
const inForce: SearchedSettings = { trees: train.ai1, barriers: EVALUATION_BARRIERS, windows };
const PARTS = [
  { label: false, windows: false },
  { label: true, windows: false },
  { label: true, windows: true },
];

describe('trainingSpace', () => {
  it.each(PARTS)('of %j holds the settings in force, and leads back to them', (parts) => {
    const space = trainingSpace(inForce, parts);
    const configured = configuredParams(inForce, parts);
    checkParams(space, configured);
    expect(settingsOf(configured, inForce)).toEqual(inForce);
  });

  it('widens to hold settings beyond it', () => {
    const far: SearchedSettings = {
      ...inForce,
      trees: { ...train.ai1, learning_rate: 0.5, leaves: 2, min_data_in_leaf: 10_000, l2: 0, row_fraction: 0.1 },
      barriers: { z_entry: 3.1, z_exit: 0.5, stop: 0.75, horizon: 240 },
    };
    const parts = { label: true, windows: true };
    const space = trainingSpace(far, parts);
    checkParams(space, configuredParams(far, parts));
    expect(space['label.z_entry']).toMatchObject({ low: 1.5, high: 3.25 });
    expect(space['label.stop']).toMatchObject({ low: 0.5, high: 3 });
    expect(space['label.horizon']).toMatchObject({ low: 30, high: 240 });
    expect(settingsOf(configuredParams(far, parts), far).trees.l2).toBeCloseTo(0.001, 12);
  });

  it('gives trials whose settings can be learned with', () => {
    const parts = { label: true, windows: true };
    const study = createStudy({
      space: trainingSpace(inForce, parts),
      seed: 3,
      direction: 'maximize',
      sampler: 'random',
      journal: null,
    });
    const kinds = new Set<unknown>();
    for (let k = 0; k < 300; k++) {
      const { params } = study.ask();
      const { trees, barriers, windows: look } = settingsOf(params, inForce);
      kinds.add(params['label.barriers']);
      if (params['label.barriers'] === 'configured') expect(barriers).toEqual(EVALUATION_BARRIERS);
      expect(barriers.z_exit).toBeLessThan(barriers.z_entry);
      expect(Number.isInteger(barriers.horizon)).toBe(true);
      expect(trees.rounds).toBe(train.ai1.rounds);
      expect(Number.isInteger(trees.leaves) && Number.isInteger(trees.min_data_in_leaf)).toBe(true);
      expect(trees.row_fraction).toBeLessThanOrEqual(1);
      // Which bars are candidates is the same in every trial.
      expect([look.beta_window, look.z_window]).toEqual([windows.beta_window, windows.z_window]);
      expect(look.vol_short).toBeLessThan(look.vol_window);
      expect(look.vol_window).toBeLessThan(look.vol_long);
      for (const bars of Object.values(look)) expect(Number.isInteger(bars) && bars >= 5).toBe(true);
    }
    expect(kinds).toEqual(new Set(['configured', 'searched']));
  });
});
