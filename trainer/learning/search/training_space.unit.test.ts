import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { EVALUATION_BARRIERS } from '../strategies/pair_reversion/label/reversion.ts';
import { networkParameters } from '../learners/networks/network_parameters.ts';
import { balancePenalty } from './search_model.ts';
import { checkParams } from './space.ts';
import { createStudy } from './study.ts';
import { configuredParams, type SearchedSettings, settingsOf, trainingSpace } from './training_space.ts';

const { train } = loadSettings({ env: {} }).minutehand;
const current: SearchedSettings = { trees: train.ai1, network: null, barriers: EVALUATION_BARRIERS };
describe('trainingSpace', () => {
  it.each([false, true])('contains the current settings, and maps back to them (with the label: %s)', (label) => {
    const space = trainingSpace(current, label);
    const configured = configuredParams(current, label);
    checkParams(space, configured);
    expect(settingsOf(configured, current)).toEqual(current);
  });

  it('widens to contain settings beyond it', () => {
    const far: SearchedSettings = {
      ...current,
      trees: { ...train.ai1, learning_rate: 0.5, leaves: 2, min_data_in_leaf: 10_000, l2: 0, row_fraction: 0.1 },
      barriers: { z_entry: 3.1, z_exit: 0.5, stop: 0.75, horizon: 240 },
    };
    const space = trainingSpace(far, true);
    checkParams(space, configuredParams(far, true));
    expect(space['label.z_entry']).toMatchObject({ low: 3.1, high: 3.6 });
    expect(space['label.stop']).toMatchObject({ low: 0.5, high: 3 });
    expect(space['label.horizon']).toMatchObject({ low: 30, high: 240 });
    expect(settingsOf(configuredParams(far, true), far).trees.l2).toBeCloseTo(0.001, 12);
  });

  it('has the configured ranges in place of the delivered ones, widened to contain the current settings', () => {
    const ranges = {
      leaves: { low: 4, high: 16 },
      l2: { low: 0 },
      row_fraction: { high: 0.2 },
      learning_rate: { low: 0.3 },
    };
    const space = trainingSpace(current, false, ranges);
    checkParams(space, configuredParams(current, false));
    const { leaves, learning_rate } = train.ai1;
    expect([leaves, train.ai1.row_fraction]).toEqual([8, 0.5]);
    expect(space).toMatchObject({
      'trees.leaves': { low: 4, high: 16 },
      'trees.l2': { low: 0.001, high: 100 },
      // The configured fraction is greater, the configured rate less than the range.
      'trees.row_fraction': { low: 0.2, high: 0.5 },
      'trees.learning_rate': { low: learning_rate, high: 0.3 },
      'trees.column_fraction': trainingSpace(current, false)['trees.column_fraction'],
    });
  });

  it('of a network is that of the specification, and maps back to its figures', () => {
    const network = networkParameters({ epochs: 7, class_weight_ratio: 0.4 }, 'ai1');
    const own: SearchedSettings = { ...current, network };
    const space = trainingSpace(own, true);
    const configured = configuredParams(own, true);
    checkParams(space, configured);
    expect(space).toMatchObject({
      'network.learning_rate': { kind: 'float', low: 1e-5, high: 1e-2, log: true },
      'network.dropout': { kind: 'float', low: 0.1, high: 0.5 },
      'network.batch_size': { kind: 'categorical', choices: [256, 512, 1024] },
      'network.class_weight_ratio': { kind: 'float', low: 0.3, high: 0.7 },
      'label.barriers': { kind: 'categorical' },
    });
    expect(Object.keys(space).filter((name) => name.startsWith('trees.'))).toEqual([]);
    expect(settingsOf(configured, own)).toEqual(own);
    const changed = settingsOf({ ...configured, 'network.batch_size': 1024, 'network.dropout': 0.5 }, own);
    expect(changed.network).toEqual({ ...network, batch_size: 1024, dropout: 0.5 });
    // The delivered figure is below the range.
    const delivered = trainingSpace({ ...own, network: networkParameters(undefined, 'ai1') }, false);
    expect(delivered['network.class_weight_ratio']).toMatchObject({ low: 0.25, high: 0.7 });
  });

  it('adds to the log loss of a network what its mean answer is from one half', () => {
    expect(balancePenalty(Float64Array.of(0.2, 0.4))).toBeCloseTo(0.5 * 0.2, 12);
    expect(balancePenalty(Float64Array.of(0.9, 0.7))).toBeCloseTo(0.5 * 0.3, 12);
    expect(balancePenalty(Float64Array.of(0.1, 0.9))).toBeCloseTo(0, 12);
  });

  it('gives trials with trainable settings', () => {
    const study = createStudy({
      space: trainingSpace(current, true),
      seed: 3,
      direction: 'maximize',
      sampler: 'random',
      journal: null,
    });
    const kinds = new Set<unknown>();
    for (let k = 0; k < 300; k++) {
      const { params } = study.ask();
      const { trees, barriers } = settingsOf(params, current);
      kinds.add(params['label.barriers']);
      if (params['label.barriers'] === 'configured') expect(barriers).toEqual(EVALUATION_BARRIERS);
      expect(barriers.z_exit).toBeLessThan(barriers.z_entry);
      expect(Number.isInteger(barriers.horizon)).toBe(true);
      expect(trees.rounds).toBe(train.ai1.rounds);
      expect(Number.isInteger(trees.leaves) && Number.isInteger(trees.min_data_in_leaf)).toBe(true);
      expect(trees.row_fraction).toBeLessThanOrEqual(1);
    }
    expect(kinds).toEqual(new Set(['configured', 'searched']));
  });
});
