import { MODEL_NAMES } from '../../../shared/core/features/feature.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { withTrainingSettings } from '../../../shared/policy/training_settings.ts';
import { DIRECTION_DEFAULTS } from '../../jobs/kinds/direction_defaults.ts';
import { paramsWith, walkForwardWith } from '../../learning/strategies/direction/direction_settings.ts';
import { directionSearchFits } from '../../learning/strategies/direction/search_direction.ts';
import { DIRECTION_PARAMS, DIRECTION_WALK_FORWARD } from '../../learning/strategies/direction/train_direction.ts';
import { treeFitsOf } from '../../learning/learners/registry.ts';
import { trainingFits } from '../../learning/training/pipeline.ts';
import { FIRST_MODELS, type RetrainRun } from './run.ts';

/**
 * What the learning of a run takes, for a comparison with another run of its kind and learner on the same bars: models
 * of its folds, blocks, trials and members, each with as many trees as it may have. Early stopping may end sooner.
 */
export function learningWork(
  { kind, parameters, trigger }: Pick<RetrainRun, 'kind' | 'parameters' | 'trigger'>,
  settings: Settings,
): number {
  if (kind === 'direction') return directionWork(parameters);
  if (kind !== 'full') return 1;
  const { train, search } = withTrainingSettings(settings.minutehand, parameters.settings ?? {});
  const isFirst = trigger.code === FIRST_MODELS.code;
  const trials = isFirst ? 0 : (parameters.trials ?? search.trials);
  const members = treeFitsOf({ ...train, ...parameters.ensemble, engine: parameters.engine ?? train.engine });
  const trees = MODEL_NAMES.reduce((sum, name) => sum + train[name].rounds, 0) / MODEL_NAMES.length;
  return trainingFits(train.folds, trials) * members * trees;
}

function directionWork({ trials = DIRECTION_DEFAULTS.trials, direction_settings = {} }: RetrainRun['parameters']) {
  const { blocks } = walkForwardWith(DIRECTION_WALK_FORWARD, direction_settings);
  const { rounds } = paramsWith(DIRECTION_PARAMS, direction_settings);
  return (blocks + 1 + (trials === 0 ? 0 : directionSearchFits(trials))) * rounds;
}
