import { MODEL_NAMES } from '../../../shared/core/features/feature.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { SEARCHED_PARAMETERS, type SearchedParameter } from '../../../shared/policy/schema.ts';
import { networkSettingsOf } from '../../../shared/policy/network_settings.ts';
import { trainingSettingsSchema, type TrainingSettings } from '../../../shared/policy/training_settings.ts';
import { spelledTimeframe } from '../../../shared/timeframe_spelling.ts';
import { ensembleParameters } from '../../learning/learners/mixture/ensemble_parameters.ts';
import { isNetwork, refuseIdleFigures } from '../../learning/learners/networks/network_parameters.ts';
import { isTreeEngine, learnersIn } from '../../learning/learners/registry.ts';
import { chosenLearner, type ChosenLearner } from './ensemble_request.ts';
import type { RunParameters } from '../../jobs/kinds/run_parameters.ts';
import { ALL_SUBJECTS } from './spelled_subjects.ts';
import type { MLTrainingConfig } from '../schema/training.ts';

/**
 * Converts a request to the parameters of its run.
 * @throws MinutehandError SETTING_UNSUPPORTED for unsupported values
 */
export function runParametersOf(
  config: MLTrainingConfig,
  settings: Settings,
  learner: ChosenLearner = chosenLearner(config, settings),
): RunParameters {
  const { minutehand } = settings;
  if (config.symbol !== undefined && config.symbol !== ALL_SUBJECTS)
    throw unsupported('symbol', config.symbol, ALL_SUBJECTS, 'Leave it out: these models learn from all pairs.');
  if (config.timeframe !== undefined && spelledTimeframe(config.timeframe) !== '1m')
    throw unsupported(
      'timeframe',
      config.timeframe,
      '1m for all pairs, whose own timeframes are in their names, such as XAUUSD_XAGUSD@1h',
      'Omit it, give an instrument as symbol, or propose other `pairs`: PUT /api/ml/config.',
    );
  const { horizon_bars } = minutehand.label;
  if (config.prediction_horizon !== undefined && config.prediction_horizon !== horizon_bars)
    throw new MinutehandError('SETTING_UNSUPPORTED', {
      seen: `prediction_horizon ${config.prediction_horizon}`,
      expected: `${horizon_bars}: the horizon of the labels, by which folds are purged and models are compared`,
      next: 'Omit it, or propose a change of label.horizon_bars: PUT /api/ml/config.',
    });
  for (const name of ['threshold_up', 'threshold_down'] as const)
    if (config[name] !== undefined)
      throw unsupported(
        name,
        config[name],
        'no value: pairs are labeled by barriers in their volatility (minutehand.yaml, label)',
        'Omit it, give an instrument as symbol, or propose a change of label: PUT /api/ml/config.',
      );
  refuseGenerators(config);
  const engine = learner.engine ?? minutehand.train.engine;
  const { direction: ofDirection, ...balance } = config.balance ?? {};
  if (ofDirection !== undefined)
    throw unsupported(
      'balance.direction',
      ofDirection,
      'no value: models of pairs have balance.ai1 and balance.ai2',
      'Give one of these, or an instrument as symbol.',
    );
  const parts = learnersIn(engine, ensembleParameters({ ...minutehand.train, ...learner.ensemble }));
  refuseIdleFigures(Object.keys(networkSettingsOf(config.networks ?? {})), parts);
  refuseOfOtherLearners(config, {
    engine,
    parts,
    searches: minutehand.search.label ? 'the label as well' : 'trees and networks',
  });
  for (const [model, method] of Object.entries({ ...minutehand.train.balance, ...balance }))
    if (method === 'focal' && engine !== 'gbdt')
      throw unsupported(
        `balance.${model}`,
        `focal with the engine ${engine}`,
        'another one: only gbdt has this loss',
        'Choose another method, or set single_model_config.model_type to gbdt.',
      );
  const { random_state, start_date, end_date } = config;
  const options = {
    seed: random_state,
    trials: trialsOf(config),
    engine: learner.engine,
    ensemble: learner.ensemble,
    from: instantOf(start_date),
    to: instantOf(end_date, 'end'),
    balance: config.balance && balance,
    settings: settingsOf(config),
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  if (config.kind !== 'full' && given.length > 0)
    throw unsupported(
      'kind',
      config.kind,
      `full, for ${given.map(([name]) => name).join(', ')}`,
      'Omit these, or set kind to full.',
    );
  const { features } = config;
  if (config.kind === 'thresholds' && features !== undefined)
    throw unsupported(
      'features',
      features,
      'no value: a search of θ2 asks the active models about the bars',
      'Omit it.',
    );
  return { ...Object.fromEntries(given), ...(features !== undefined && { features }) };
}

/**
 * The settings that a request names otherwise than the configuration; undefined: none.
 * @throws MinutehandError SETTING_UNSUPPORTED for values that contradict each other, or beyond a limit
 */
function settingsOf(config: MLTrainingConfig): TrainingSettings | undefined {
  const wanted: Record<string, number | undefined> = {
    'train.folds': config.cross_validation_folds,
    'train.holdout_fraction': validationShare(config),
  };
  Object.assign(wanted, rangesOf(config), networkSettingsOf(config.networks ?? {}));
  for (const model of MODEL_NAMES)
    for (const [name, value] of Object.entries(treesOf(config))) wanted[`train.${model}.${name}`] = value;
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
  if (given.length === 0) return undefined;
  const { data, error } = trainingSettingsSchema.safeParse(Object.fromEntries(given));
  const issue = error?.issues[0];
  if (issue === undefined) return data;
  throw beyondLimit(String(issue.path[0]), wanted, issue.message);
}

/**
 * Share of the rows that a model is validated on, by `validation_split` or its rest; undefined: not given.
 * @throws MinutehandError SETTING_UNSUPPORTED for both where they contradict each other
 */
export function validationShare({ validation_split, train_test_split }: MLTrainingConfig): number | undefined {
  const share = validation_split ?? (train_test_split === undefined ? undefined : rest(train_test_split));
  if (train_test_split !== undefined && share !== undefined && train_test_split !== rest(share))
    throw unsupported(
      'train_test_split',
      train_test_split,
      `${rest(share)}, the rest of validation_split ${share}`,
      'Give one of them; the other one is its rest.',
    );
  return share;
}

/** Fields by the end of the names of their settings. */
const FIELD_OF: Readonly<Record<string, string>> = {
  rounds: 'n_estimators',
  early_stopping_rounds: 'early_stopping_rounds',
  learning_rate: 'learning_rate',
  leaves: 'max_depth',
  folds: 'cross_validation_folds',
  blocks: 'cross_validation_folds',
  holdout_fraction: 'validation_split',
  first_share: 'train_test_split (1 − validation_split)',
};

/** The refusal of a setting beyond its limit, by the name of its field. */
export function beyondLimit(
  setting: string,
  wanted: Readonly<Record<string, number | undefined>>,
  message: string,
): MinutehandError {
  const field = setting.startsWith('search.')
    ? `optimization_settings.parameter_space (${setting})`
    : (FIELD_OF[setting.split('.').at(-1)!] ?? setting);
  const seen = setting.endsWith('.leaves') ? `of ${wanted[setting]} leaves` : wanted[setting];
  return unsupported(field, seen, message, 'Give a value within this limit, or omit it.');
}

/** Parameters of trees by the names of the configuration; undefined: not given. */
export function treesOf({
  n_estimators,
  learning_rate,
  max_depth,
  early_stopping_rounds,
}: MLTrainingConfig): Record<string, number | undefined> {
  return {
    rounds: n_estimators,
    early_stopping_rounds,
    learning_rate,
    leaves: max_depth === undefined ? undefined : 2 ** max_depth,
  };
}

/** What a request learns with. */
export interface RequestedLearner {
  readonly engine: string;
  /** Learners of its members; its own where it has none. */
  readonly parts: readonly string[];
  /** What a search can vary beside trees: figures of a network, the label, which every learner has. */
  readonly searches: 'trees and networks' | 'the label as well';
}

/** Its trees have no weight and are as many as are asked for. */
const FOREST = 'random_forest';

/**
 * Refuses parameters of trees where no member has trees, and a search of a learner that has nothing to search.
 * @throws MinutehandError SETTING_UNSUPPORTED
 */
export function refuseOfOtherLearners(
  { n_estimators, max_depth, learning_rate, early_stopping_rounds, optimization_settings }: MLTrainingConfig,
  { engine, parts, searches }: RequestedLearner,
): void {
  const hasTrees = parts.some(isTreeEngine);
  const isBoosted = parts.some((part) => isTreeEngine(part) && part !== FOREST);
  const refuseOf = (fields: Readonly<Record<string, unknown>>, isUsed: boolean, expected: string): void => {
    for (const [name, value] of Object.entries(fields))
      if (value !== undefined && !isUsed)
        throw new MinutehandError('SETTING_UNSUPPORTED', {
          seen: `${name} ${String(value)} with the learner ${engine}`,
          expected,
          next: 'Omit it, or set single_model_config.model_type to gbdt.',
        });
  };
  refuseOf({ n_estimators, max_depth }, hasTrees, 'no value: it has no trees');
  refuseOf({ learning_rate, early_stopping_rounds }, isBoosted, 'no value: it has no boosted trees');
  if (optimization_settings?.enabled !== true) return;
  refuseOf(
    { 'optimization_settings.enabled': true },
    hasTrees || isNetwork(engine) || searches === 'the label as well',
    'false: it has no parameters that a search varies',
  );
  const [range] = Object.keys(optimization_settings.parameter_space);
  if (range === undefined) return;
  const name = `optimization_settings.parameter_space.${range}`;
  if (isNetwork(engine))
    throw unsupported(
      name,
      `with the learner ${engine}`,
      'no range: a search of a network varies learning rate, dropout, batch size, class weights and, of lstm, its units within fixed ranges (docs/reference/MODELS.md#search)',
      'Leave parameter_space out: `enabled` alone searches these. Their figures are in train.networks.',
    );
  refuseOf({ [name]: 'given' }, hasTrees, 'no range: it has no trees');
}

/**
 * Parameters of a search by the names that they have in LightGBM, XGBoost and scikit-learn, and in the configuration.
 */
const PARAMETER_NAMES: Readonly<Record<string, SearchedParameter>> = {
  ...Object.fromEntries(SEARCHED_PARAMETERS.map((name) => [name, name])),
  num_leaves: 'leaves',
  max_leaves: 'leaves',
  min_child_samples: 'min_data_in_leaf',
  min_samples_leaf: 'min_data_in_leaf',
  reg_lambda: 'l2',
  lambda_l2: 'l2',
  subsample: 'row_fraction',
  bagging_fraction: 'row_fraction',
  colsample_bytree: 'column_fraction',
  feature_fraction: 'column_fraction',
};

/**
 * Ends of the ranges of a search, as settings; `max_depth` is a range of leaves.
 * @throws MinutehandError SETTING_UNSUPPORTED for what no search tries, and for ranges of a disabled search
 */
export function rangesOf({ optimization_settings: search }: MLTrainingConfig): Record<string, number> {
  const settings: Record<string, number> = {};
  for (const [name, { type, low, high, categories }] of Object.entries(search?.parameter_space ?? {})) {
    const at = `optimization_settings.parameter_space.${name}`;
    if (search?.enabled !== true) throw unsupported(at, 'given', 'no value unless `enabled` is true', ENABLE_SEARCH);
    const parameter = name === 'max_depth' ? 'leaves' : PARAMETER_NAMES[name];
    if (parameter === undefined)
      throw unsupported(
        at,
        'given',
        `${Object.keys(PARAMETER_NAMES).join(', ')}, max_depth`,
        'Give a range of one of these, which a search varies.',
      );
    if (type === 'categorical' || categories != null)
      throw unsupported(
        at,
        type,
        'a range, of type real or integer: every parameter is a number',
        'Give low and high in place of categories.',
      );
    const ends = Object.entries({ low, high });
    if (ends.every(([, value]) => value == null))
      throw unsupported(at, 'without low and high', 'one of them or both', 'Give an end of the range.');
    for (const [end, value] of ends) {
      if (value == null) continue;
      const setting = `search.ranges.${parameter}.${end}`;
      if (setting in settings)
        throw unsupported(at, 'given', 'one range of each parameter', 'Two of the names mean the same: omit one.');
      settings[setting] = name === 'max_depth' ? 2 ** value : value;
    }
    const pair = [settings[`search.ranges.${parameter}.low`], settings[`search.ranges.${parameter}.high`]] as const;
    if (pair[0] !== undefined && pair[1] !== undefined && pair[0] > pair[1])
      throw unsupported(at, `low ${low}, high ${high}`, 'low to be at most high', 'Exchange them.');
  }
  return settings;
}

/** Without the noise of the last binary digit: 1 − 0.8 is 0.2. */
export const rest = (fraction: number): number => Number((1 - fraction).toFixed(12));

const ENABLE_SEARCH = 'Set optimization_settings.enabled to true, or omit it.';
/** Trials of a search of a request that names no number. */
const DEFAULT_TRIALS = 50;

/**
 * Trials of the search of a request; undefined: those of the configuration.
 * @throws MinutehandError SETTING_UNSUPPORTED for a number of trials of a search that is disabled
 */
export function trialsOf({ optimization_settings: search }: MLTrainingConfig): number | undefined {
  if (search === undefined) return undefined;
  if (search.enabled) return search.n_calls ?? DEFAULT_TRIALS;
  if (search.n_calls !== undefined)
    throw unsupported(
      'optimization_settings.n_calls',
      search.n_calls,
      'no value unless `enabled` is true',
      ENABLE_SEARCH,
    );
  return 0;
}

const SEARCH_FORMULAS =
  'Search formulas by POST /api/automl-features/generate, and put its entries into features.yaml.';

/**
 * No training reads what generators consist of, so it is refused, also where they are disabled: nobody should believe
 * that it acts.
 * @throws MinutehandError SETTING_UNSUPPORTED for feature generators
 */
export function refuseGenerators({ automl_config }: Partial<MLTrainingConfig>): void {
  for (const [name, { enabled, ...parts }] of Object.entries(automl_config ?? {})) {
    const of = `automl_config.${name}`;
    if (enabled)
      throw new MinutehandError('SETTING_UNSUPPORTED', {
        seen: `${of}.enabled true`,
        expected: 'false: a training has the columns of the configuration',
        next: SEARCH_FORMULAS,
      });
    refuseParts(of, parts);
  }
}

function refuseParts(of: string, parts: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(parts))
    if (value !== undefined)
      throw unsupported(
        `${of}.${name}`,
        JSON.stringify(value),
        'no value: a training searches no formulas',
        SEARCH_FORMULAS,
      );
}

export function unsupported(name: string, seen: unknown, expected: string, next: string): MinutehandError {
  return new MinutehandError('SETTING_UNSUPPORTED', { seen: `${name} ${String(seen)}`.slice(0, 200), expected, next });
}

/** The minute of a UTC time; the start of a UTC day, or its end, which a period of days includes. */
export function instantOf(text: string | undefined, of: 'start' | 'end' = 'start'): string | undefined {
  if (text === undefined) return undefined;
  const isDay = text.length === 10;
  const time = new Date(isDay ? `${text}T00:00Z` : text);
  if (isDay && of === 'end') time.setUTCDate(time.getUTCDate() + 1);
  return `${time.toISOString().slice(0, 16)}:00Z`;
}

/** A day or a UTC minute, as `train --from` takes it. */
export function minuteOf(text: string | undefined): string | undefined {
  return text === undefined || text.length === 10 ? text : `${new Date(text).toISOString().slice(0, 16)}Z`;
}
