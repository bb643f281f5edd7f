import { MinutehandError } from '../../../shared/errors.ts';
import { ENSEMBLES, VOTERS, type Ensemble, type TrainEngine } from '../../../shared/policy/engines.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { ensemblePolicy, type EnsemblePolicy } from '../../../shared/policy/schema.ts';
import { ensembleParameters } from '../../learning/learners/mixture/ensemble_parameters.ts';
import { partsOf, refuseMissingLearner } from '../../learning/learners/registry.ts';
import { installedEngines } from '../../learning/learners/trees/engines/engines.ts';
import type { MLTrainingConfig, TrainedLearner } from '../schema/training.ts';

/** Members of the vote that a request trains when it names no learner. */
const SPECIFIED_MEMBERS = ['lightgbm', 'xgboost', 'random_forest'] as const;
/** What every machine has. */
const STAND_IN = 'gbdt';

/** What a request chooses to learn with; undefined: the configured engine. */
export interface ChosenLearner {
  readonly engine: TrainEngine | undefined;
  readonly ensemble: EnsemblePolicy | undefined;
  readonly standIns: TrainedLearner['stand_ins'];
}

/** The engine and the ensembles of the configuration. */
export const CONFIGURED_LEARNER: ChosenLearner = { engine: undefined, ensemble: undefined, standIns: [] };

/**
 * The learner of a request. One that has neither `ensemble_config` nor `single_model_config` trains the weighted vote
 * of LightGBM, XGBoost and a random forest, in which `gbdt` stands in for an engine that is not installed.
 * @param installed names of the engines of trees that this machine has
 * @throws MinutehandError SETTING_UNSUPPORTED for fields that would not act, LEARNER_MISSING for a named member whose
 * library is not installed
 */
export function chosenLearner(
  config: MLTrainingConfig,
  { minutehand: { train } }: Settings,
  installed: () => readonly string[] = installedEngines,
): ChosenLearner {
  const { ensemble_config: ensemble, single_model_config: single, kind } = config;
  if (single !== undefined && isEnsemble(single.model_type))
    throw refused(
      `single_model_config.model_type ${single.model_type}`,
      'a single learner',
      'Set ensemble_config.enabled to true, with method bagging or stacking, or without a method for the vote.',
    );
  if (ensemble === undefined) {
    if (single !== undefined) return { ...CONFIGURED_LEARNER, engine: single.model_type };
    return kind === 'full' ? specifiedVote(installed()) : CONFIGURED_LEARNER;
  }
  if (!ensemble.enabled) {
    refuseBesideDisabled(ensemble);
    return { ...CONFIGURED_LEARNER, engine: single?.model_type ?? configuredSingle(train.engine, kind) };
  }
  if (single !== undefined)
    throw refused(
      `single_model_config.model_type ${single.model_type}`,
      'no value beside an enabled ensemble',
      'Set ensemble_config.enabled to false, or leave single_model_config out.',
    );
  return enabledEnsemble(ensemble, installed, train);
}

/**
 * The learner of a request that wants one model and names none: the configured one, or `gbdt` where that is an
 * ensemble. What continues models has their learner.
 */
function configuredSingle(engine: TrainEngine, kind: MLTrainingConfig['kind']): TrainEngine | undefined {
  return kind === 'full' && isEnsemble(engine) ? STAND_IN : undefined;
}

/** The weighted vote, of what this machine has. */
function specifiedVote(installed: readonly string[]): ChosenLearner {
  const missing = SPECIFIED_MEMBERS.filter((name) => !installed.includes(name));
  const members = SPECIFIED_MEMBERS.map((name) => (installed.includes(name) ? name : STAND_IN));
  return {
    engine: 'vote',
    ensemble: { vote_members: [...new Set(members)] },
    standIns: missing.map((name) => ({
      engine: name,
      by: STAND_IN,
      reason: `the library of ${name} is not installed`,
    })),
  };
}

function enabledEnsemble(
  config: NonNullable<MLTrainingConfig['ensemble_config']>,
  installed: () => readonly string[],
  train: Settings['minutehand']['train'],
): ChosenLearner {
  const { method } = config;
  for (const name of METHODS)
    if (config[`${name}_params`] !== undefined && method !== name)
      throw refused(
        `ensemble_config.${name}_params`,
        `no value unless ensemble_config.method is ${name}`,
        `Set ensemble_config.method to ${name}, or leave ${name}_params out.`,
      );
  if (method === undefined) {
    if (train.vote_members === undefined) return specifiedVote(installed());
    refuseMissingLearner('vote', ensembleParameters(train));
    return { ...CONFIGURED_LEARNER, engine: 'vote', ensemble: { vote_members: [...train.vote_members] } };
  }
  const ensemble = checked(OF_METHOD[method](config));
  refuseMissingLearner(method, ensembleParameters({ ...train, ...ensemble }));
  return { engine: method, ensemble, standIns: [] };
}

/** Without its parameters, the configured ensemble; with them, their defaults for what is not given. */
function baggingOf({ bagging_params: given }: NonNullable<MLTrainingConfig['ensemble_config']>): unknown {
  if (given === undefined) return {};
  const { n_estimators, bootstrap_fraction, base_model_type, mixed_models, random_state } = given;
  if (base_model_type !== undefined && mixed_models != null)
    throw refused(
      'ensemble_config.bagging_params.mixed_models',
      'no value beside base_model_type',
      'Name one learner by base_model_type, or several by mixed_models.',
    );
  const names = 'ensemble_config.bagging_params';
  return {
    bagging: present({
      members: n_estimators,
      fraction: bootstrap_fraction,
      base: base_model_type === undefined ? undefined : memberNamed(`${names}.base_model_type`, base_model_type),
      mixed: mixed_models?.map((name) => memberNamed(`${names}.mixed_models`, name)),
      seed: random_state,
    }),
  };
}

function stackingOf({ stacking_params: given }: NonNullable<MLTrainingConfig['ensemble_config']>): unknown {
  if (given === undefined) return {};
  const { base_models, meta_model, cv_folds, use_probas, random_state } = given;
  return {
    stacking: present({
      members: base_models?.map((name) => memberNamed('ensemble_config.stacking_params.base_models', name)),
      meta: meta_model === 'logistic_regression' ? 'logistic' : meta_model,
      folds: cv_folds,
      probabilities: use_probas,
      seed: random_state,
    }),
  };
}

const OF_METHOD = { bagging: baggingOf, stacking: stackingOf } as const;
const METHODS = ['bagging', 'stacking'] as const;

/** Names of the fields of a request by those of the configuration. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  'bagging.members': 'bagging_params.n_estimators',
  'bagging.fraction': 'bagging_params.bootstrap_fraction',
  'bagging.base': 'bagging_params.base_model_type',
  'bagging.mixed': 'bagging_params.mixed_models',
  'bagging.seed': 'bagging_params.random_state',
  'stacking.members': 'stacking_params.base_models',
  'stacking.meta': 'stacking_params.meta_model',
  'stacking.folds': 'stacking_params.cv_folds',
  'stacking.seed': 'stacking_params.random_state',
};

function checked(ensemble: unknown): EnsemblePolicy {
  const { data, error } = ensemblePolicy.safeParse(ensemble);
  const issue = error?.issues[0];
  if (issue === undefined) return data!;
  const name = FIELD_NAMES[issue.path.slice(0, 2).join('.')] ?? issue.path.join('.');
  throw refused(`ensemble_config.${name}`, issue.message, 'Limits are in docs/reference/CONFIGURATION.md#train.');
}

const learnerOf = (name: string): string => (name === 'logistic_regression' ? 'logistic' : name);

function memberNamed(field: string, name: string): string {
  const member = learnerOf(name);
  if ((VOTERS as readonly string[]).includes(member)) return member;
  throw refused(`${field} ${name}`, `of ${VOTERS.join(', ')}`, 'docs/reference/ENGINES.md says what each of them is.');
}

function refuseBesideDisabled({ enabled: _, ...parts }: NonNullable<MLTrainingConfig['ensemble_config']>): void {
  for (const [name, value] of Object.entries(parts))
    if (value !== undefined)
      throw refused(
        `ensemble_config.${name}`,
        'no value unless ensemble_config.enabled is true',
        'Set ensemble_config.enabled to true, or leave its parts out.',
      );
}

/** What a request trains, as it is stated in the answer. */
export function trainedLearner(
  { engine, ensemble, standIns }: ChosenLearner,
  { minutehand: { train } }: Settings,
): TrainedLearner {
  const own = engine ?? train.engine;
  const members = isEnsemble(own) ? partsOf(own, ensembleParameters({ ...train, ...ensemble })) : [];
  return { engine: own, members: [...members], stand_ins: standIns };
}

function isEnsemble(engine: TrainEngine): engine is Ensemble {
  return (ENSEMBLES as readonly string[]).includes(engine);
}

/** Without what is absent, or null. */
function present(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value != null));
}

function refused(seen: string, expected: string, next: string): MinutehandError {
  return new MinutehandError('SETTING_UNSUPPORTED', { seen: seen.slice(0, 200), expected, next });
}
