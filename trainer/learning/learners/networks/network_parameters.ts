import { NETWORKS, type Network } from '../../../../shared/policy/engines.ts';
import type { NetworksPolicy } from '../../../../shared/policy/policy.ts';

export type NetworkParameters = Readonly<Record<keyof NetworksPolicy, number>>;

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

/** What learners/python gets: every figure. */
export function networkParameters(own: NetworksPolicy = {}): NetworkParameters {
  const chosen: [string, number][] = Object.entries(own).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value]],
  );
  return { ...DEFAULTS, ...Object.fromEntries(chosen) };
}
