import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../../shared/policy/policy.ts';
import { DIRECTION_DEFAULTS, defaultLabel } from '../../../jobs/kinds/direction_defaults.ts';
import { planOf } from '../../../jobs/kinds/run_direction.ts';
import { refuseIdleFigures } from './network_parameters.ts';

const settings = loadSettings({ env: {} });

describe('figures of networks among the settings of one training', () => {
  const planWith = (engine: 'lstm' | 'neural_net' | 'gbdt', own: Record<string, number>) =>
    planOf(
      {
        parameters: { ...DIRECTION_DEFAULTS, label: defaultLabel('1h'), compare: [], peers: [], engine, settings: own },
        seed: 0,
        resources: { workers: 1 },
      },
      settings,
    );

  it('are those of the network of an instrument', () => {
    const figures = { 'train.networks.epochs': 3, 'train.networks.lstm_units': 64, 'train.networks.sequence_bars': 12 };
    const { learner, windows } = planWith('lstm', figures);
    expect(learner).toMatchObject({ network: { epochs: 3, lstm_units: 64, dropout: 0.2 }, sequenceBars: 12 });
    expect(windows.sequence).toBe(12);
  });

  it('are refused by name where no learner has them', () => {
    expect(() => planWith('gbdt', { 'train.networks.epochs': 3 })).toThrow(
      'train.networks.epochs with the learner gbdt',
    );
    expect(() => planWith('neural_net', { 'train.networks.sequence_bars': 12 })).toThrow('gru, lstm, transformer');
    expect(() => refuseIdleFigures(['train.networks.lstm_units'], ['gru'])).toThrow('it: lstm');
    expect(() => refuseIdleFigures(['train.networks.ai2.dropout'], ['vote', 'gbdt', 'gru'])).not.toThrow();
    expect(() => refuseIdleFigures(['train.folds', 'train.ai1.leaves'], ['logistic'])).not.toThrow();
  });
});
