import { DIRECTION_ENGINE, type Device, type TrainEngine } from '../../../../shared/policy/engines.ts';
import type { Settings } from '../../../../shared/policy/policy.ts';
import { ensemblePolicy, trainedNetworks, type EnsemblePolicy } from '../../../../shared/policy/schema.ts';
import { ensembleParameters } from '../../../learning/learners/mixture/ensemble_parameters.ts';
import { isNetwork } from '../../../learning/learners/networks/network_parameters.ts';
import { learnersIn } from '../../../learning/learners/registry.ts';
import { directionEngine } from '../../kinds/direction_defaults.ts';
import { trainingDevice } from '../../kinds/training_device.ts';
import type { DirectionJob } from '../../kinds/direction_job.ts';

/** What a person, a request or the schedule chooses to learn direction models with. */
export interface ChosenDirectionLearner {
  /** undefined: the configured one. */
  readonly engine?: TrainEngine | undefined;
  /** Over the configured ensembles. */
  readonly ensemble?: EnsemblePolicy | undefined;
  /** Engines that are measured beside it. */
  readonly peers?: readonly TrainEngine[];
  /** Over the configured one. */
  readonly device?: Device | undefined;
}

/**
 * The learners of a job as its parameters state them: with the members and the networks that take part, so that a later
 * change of the configuration does not change what the job means.
 */
export function learnerParameters(
  { engine, ensemble, peers = [], device }: ChosenDirectionLearner,
  settings: Settings,
): Pick<DirectionJob['parameters'], 'engine' | 'ensemble' | 'networks' | 'device'> {
  const { train } = settings.minutehand;
  const chosen = directionEngine(engine, settings);
  const ensembles = { ...configuredEnsembles(train), ...ensemble };
  const parts = [chosen, ...peers].flatMap((name) => learnersIn(name, ensembleParameters(ensembles)));
  const own = trainingDevice({ asked: device, engines: [chosen, ...peers] }, { ...train, ...ensemble });
  return {
    ...(chosen !== DIRECTION_ENGINE && { engine: chosen }),
    ...(parts.length > 1 + peers.length && { ensemble: ensembles }),
    ...(parts.some(isNetwork) && { networks: trainedNetworks.parse(ownFigures(train)) }),
    ...(own === 'gpu' && { device: own }),
  };
}

function configuredEnsembles({ vote_members, bagging, stacking }: Settings['minutehand']['train']): EnsemblePolicy {
  return ensemblePolicy.parse({ vote_members, bagging, stacking });
}

/** Of all networks, without those of models of pairs. */
function ownFigures({ networks = {} }: Settings['minutehand']['train']): object {
  const { ai1: _ai1, ai2: _ai2, ai3: _ai3, ...figures } = networks;
  return figures;
}
