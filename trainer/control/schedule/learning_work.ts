import type { Settings } from '../../../shared/policy/policy.ts';
import { trainingOfRun } from '../../jobs/strategies/registry.ts';
import type { RetrainRun } from './run.ts';

/**
 * What the learning of a run takes, for a comparison with another run of its kind and learner on the same bars. Early
 * stopping may end sooner.
 */
export function learningWork(run: Pick<RetrainRun, 'kind' | 'parameters' | 'trigger'>, settings: Settings): number {
  return trainingOfRun(run.kind)?.workOf(run, settings) ?? 1;
}
