import { MinutehandError } from '../../../shared/errors.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { refuseUnfitWays } from '../../learning/strategies/direction/train_direction.ts';
import { refuseUnusableLearner } from '../../learning/training/pipeline.ts';
import { learnerParameters } from '../strategies/direction/learner_parameters.ts';
import { DIRECTION_DEFAULTS, defaultLabel, directionEngine } from './direction_defaults.ts';
import { planOf } from './run_direction.ts';
import { trainingDevice } from './training_device.ts';

/**
 * Why the trainings that the configuration describes would be refused before they begin: a GPU or a loss that its
 * engine cannot use, or a library that is not on this machine; none: they can begin.
 */
export function unusableLearners(settings: Settings): MinutehandError[] {
  const { pairs, instruments } = settings.minutehand;
  return [
    ...(pairs.length > 0 ? refusalOf(() => refusePairs(settings)) : []),
    ...(instruments.length > 0 ? refusalOf(() => refuseInstruments(settings)) : []),
  ];
}

function refusePairs(settings: Settings): void {
  const { minutehand } = settings;
  const { device: _configured, ...train } = minutehand.train;
  const engines = { engines: [train.engine], others: [directionEngine(undefined, settings)] };
  const device = trainingDevice({ asked: undefined, ...engines }, minutehand.train);
  const own = { ...minutehand, train: { ...train, ...(device && { device }) } };
  refuseUnusableLearner({ ...settings, minutehand: own }, undefined);
}

function refuseInstruments(settings: Settings): void {
  const parameters = { ...DIRECTION_DEFAULTS, label: defaultLabel('1h'), ...learnerParameters({}, settings) };
  const job = { parameters: { ...parameters, compare: [], peers: [] }, seed: 0, resources: { workers: 1 } };
  refuseUnfitWays(planOf(job, settings));
}

function refusalOf(refuse: () => void): MinutehandError[] {
  try {
    refuse();
    return [];
  } catch (error) {
    if (error instanceof MinutehandError) return [error];
    throw error;
  }
}
