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
  /** What the trainings of the other strategy learn with. */
  readonly others: readonly TrainEngine[];
}

/**
 * Where a training learns; undefined: on the processor. `train.device` is of both strategies: where only the engines of
 * the other one can use a GPU, it is meant for these. Where none can, the training has it, and is refused for it.
 */
export function trainingDevice({ asked, engines, others }: DeviceChoice, train: TrainPolicy): Device | undefined {
  if (asked !== undefined || train.device !== 'gpu') return asked ?? train.device;
  const ensembles = ensembleParameters(train);
  const canUse = (names: readonly string[]): boolean => names.some((name) => usesGpu(name, ensembles));
  return canUse(engines) || !canUse(others) ? train.device : undefined;
}
