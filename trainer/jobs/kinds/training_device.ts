import type { Device, TrainEngine } from '../../../shared/policy/engines.ts';
import type { TrainPolicy } from '../../../shared/policy/policy.ts';
import { ensembleParameters } from '../../learning/learners/mixture/ensemble_parameters.ts';
import { usesGpu } from '../../learning/learners/registry.ts';

/** What decides where a training learns. */
export interface DeviceChoice {
  /** Of this training; undefined: the configured one. */
  readonly asked: Device | undefined;
  /** What this training learns with. */
  readonly engines: readonly TrainEngine[];
}

/**
 * Where a training learns; undefined: on the processor. `train.device` is of all strategies: where their engines can
 * use a GPU and those of this training cannot, it is meant for the others. Where none can, the training has it, and is
 * refused for it.
 * @param train the configuration, with the members of the training
 */
export function trainingDevice({ asked, engines }: DeviceChoice, train: TrainPolicy): Device | undefined {
  if (asked !== undefined || train.device !== 'gpu') return asked ?? train.device;
  const ensembles = ensembleParameters(train);
  const canUse = (names: readonly string[]): boolean => names.some((name) => usesGpu(name, ensembles));
  const { engine, direction_engine = engine } = train;
  return canUse(engines) || !canUse([engine, direction_engine]) ? train.device : undefined;
}
