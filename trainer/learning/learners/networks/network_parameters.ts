import type { ModelName } from '../../../../shared/core/features/feature.ts';
import { NETWORKS, type Network } from '../../../../shared/policy/engines.ts';
import type { NetworkFigures, NetworksPolicy } from '../../../../shared/policy/policy.ts';

/** Every figure of a network. */
export type NetworkParameters = Readonly<Record<keyof NetworkFigures, number>>;

/** Figures of the specification, where `train.networks` names no others. */
const DEFAULTS: NetworkParameters = {
  learning_rate: 0.001,
  dropout: 0.2,
  batch_size: 512,
  epochs: 100,
  patience: 10,
  class_weight_ratio: 0.25,
  focal_gamma: 2,
};

export function isNetwork(name: string): name is Network {
  return (NETWORKS as readonly string[]).includes(name);
}

/** The figures of a model's network: its own, else those of all models, else the defaults. */
export function networkParameters(configured: NetworksPolicy | undefined, model: ModelName): NetworkParameters {
  return { ...DEFAULTS, ...numbersOf(configured), ...numbersOf(configured?.[model]) };
}

function numbersOf(figures: NetworksPolicy | undefined): Partial<NetworkParameters> {
  return Object.fromEntries(Object.entries(figures ?? {}).filter(([, value]) => typeof value === 'number'));
}
