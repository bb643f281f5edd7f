import { MinutehandError } from '../../../../shared/errors.ts';
import type { ModelName } from '../../../../shared/core/features/feature.ts';
import { NETWORKS, SEQUENCE_NETWORKS, type Network } from '../../../../shared/policy/engines.ts';
import { networkFigureOf } from '../../../../shared/policy/network_settings.ts';
import { withWindows } from '../../../../shared/policy/feature_settings.ts';
import type { NetworkFigures, NetworksPolicy, Settings, TrainPolicy } from '../../../../shared/policy/policy.ts';

/** Every figure of a network. `lstm_units` is one of `lstm` alone; a search of another network leaves it out. */
export type NetworkParameters = Readonly<Record<Exclude<keyof NetworkFigures, 'lstm_units'>, number>> & {
  readonly lstm_units?: number;
};

/** Figures of the specification, where `train.networks` names no others. */
const DEFAULTS: NetworkParameters = {
  learning_rate: 0.001,
  dropout: 0.2,
  batch_size: 512,
  epochs: 100,
  patience: 10,
  class_weight_ratio: 0.25,
  focal_gamma: 2,
  lstm_units: 128,
};
export const DEFAULT_SEQUENCE_BARS = 60;

export function isNetwork(name: string): name is Network {
  return (NETWORKS as readonly string[]).includes(name);
}

/** The figures of a model's network: its own, else those of all models, else the defaults. */
export function networkParameters(configured: NetworksPolicy | undefined, model: ModelName): NetworkParameters {
  return { ...commonNetworkParameters(configured), ...numbersOf(configured?.[model]) };
}

/** The figures of the networks that have none of their own. */
export function commonNetworkParameters(configured: NetworksPolicy | undefined): NetworkParameters {
  return { ...DEFAULTS, ...numbersOf(configured) };
}

/** The figures that a search of the engine's parameters changes or keeps; null: the engine is no network. */
export function searchedNetwork({ engine, networks }: TrainPolicy, model: ModelName): NetworkParameters | null {
  if (!isNetwork(engine)) return null;
  const { lstm_units, ...own } = networkParameters(networks, model);
  return engine === 'lstm' ? { ...own, lstm_units: lstm_units! } : own;
}

/** Without `sequence_bars`, which is a property of the rows. */
function numbersOf({ sequence_bars: _bars, ...figures }: NetworksPolicy = {}): Partial<NetworkParameters> {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => typeof value === 'number'));
}

/**
 * The settings of a training in which these learners take part: their features are those of the last bars together
 * where one of them reads a sequence.
 */
export function withSequence(settings: Settings, learners: readonly string[]): Settings {
  if (!learners.some((name) => SEQUENCE_NETWORKS.includes(name))) return settings;
  const { windows, train } = settings.minutehand;
  return withWindows(settings, { ...windows, sequence: train.networks?.sequence_bars ?? DEFAULT_SEQUENCE_BARS });
}

/**
 * Refuses figures of networks that no learner of a training has.
 * @param settings names, such as `train.networks.epochs`; others are left alone
 * @param learners all that take part
 * @throws MinutehandError SETTING_UNSUPPORTED
 */
export function refuseIdleFigures(settings: readonly string[], learners: readonly string[]): void {
  for (const name of settings) {
    const figure = networkFigureOf(name);
    if (figure === null) continue;
    const reading = figure === 'lstm_units' ? ['lstm'] : figure === 'sequence_bars' ? SEQUENCE_NETWORKS : NETWORKS;
    if (learners.some((learner) => reading.includes(learner as Network))) continue;
    throw new MinutehandError('SETTING_UNSUPPORTED', {
      seen: `${name} with the learner ${learners[0] ?? 'none'}`,
      expected: `a learner that has it: ${reading.join(', ')}`,
      next: 'Omit it, or choose such a learner.',
    });
  }
}
