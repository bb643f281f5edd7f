import { MinutehandError } from '../../../shared/errors.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { ensembleParameters } from '../../learning/learners/mixture/ensemble_parameters.ts';
import { refuseMissingLearner } from '../../learning/learners/registry.ts';
import type { RunKind } from '../schedule/run.ts';
import type { RunParameters } from '../../jobs/kinds/run_parameters.ts';
import { mlTrainingConfig, type MLTrainingConfig, type TrainedLearner } from '../schema/training.ts';
import { directionOf, directionParametersOf, ofDirection } from './direction_request.ts';
import { chosenLearner, CONFIGURED_LEARNER, trainedLearner } from './ensemble_request.ts';
import { runParametersOf } from './training_options.ts';

/** The run that a request begins. */
export interface RequestedTraining {
  readonly kind: RunKind;
  readonly parameters: RunParameters;
  readonly learner: TrainedLearner;
}

/**
 * What a request trains: the direction model of an instrument, or the models of all pairs.
 * @param body null: the training of the configuration, as the button of the dashboard asks for
 * @param refuseMissing called with the one learner that a request names
 * @throws MinutehandError SETTING_UNSUPPORTED for values that would not act, LEARNER_MISSING for a learner that is not
 * on this machine
 */
export function requestedTraining(
  body: MLTrainingConfig | null,
  settings: Settings,
  refuseMissing: typeof refuseMissingLearner = refuseMissingLearner,
): RequestedTraining {
  const config = body ?? mlTrainingConfig.parse({});
  if (!config.save_model)
    throw new MinutehandError('SETTING_UNSUPPORTED', {
      seen: 'save_model false',
      expected: 'true: a run always writes its bundle, and its gates decide whether it becomes active',
      next: 'Omit it. `minutehand train --dry-run` shows what a run would do, and writes nothing.',
    });
  const direction = directionOf(config);
  if (direction !== null) {
    const own = ofDirection(settings);
    const learner = chosenLearner(config, own);
    const parameters = directionParametersOf(config, direction, learner, own);
    return { kind: 'direction', parameters, learner: trainedLearner(learner, own) };
  }
  const chosen = body === null ? CONFIGURED_LEARNER : chosenLearner(config, settings);
  const parameters = runParametersOf(config, settings, chosen);
  const { model_type } = config.single_model_config ?? {};
  if (model_type !== undefined) refuseMissing(model_type, ensembleParameters(settings.minutehand.train));
  return {
    kind: config.kind,
    parameters,
    learner: trainedLearner(chosen, settings),
  };
}
