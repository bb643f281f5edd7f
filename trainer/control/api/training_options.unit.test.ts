import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../../../shared/errors.ts';
import type { TrainEngine } from '../../../shared/policy/engines.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { requestTrigger } from '../schedule/run.ts';
import { runParametersSchema } from '../../jobs/kinds/run_parameters.ts';
import { jobOfRun } from '../schedule/run_job.ts';
import { pairReversionJobSchema } from '../../jobs/kinds/pair_reversion_job.ts';
import {
  mlTrainingConfig,
  optimizationSettingsConfig,
  parameterSpaceConfig,
  singleModelConfig,
} from '../schema/training.ts';
import { directionOf } from './direction_request.ts';
import { NO_SYMBOL_NAMES } from '../../../shared/symbol/symbol.ts';
import { spellSubjects } from './spelled_subjects.ts';
import { directionJobSchema, type DirectionJob } from '../../jobs/kinds/direction_job.ts';
import type { TrainingJob } from '../../jobs/kinds/pair_reversion_job.ts';
import { chosenLearner, trainedLearner } from './ensemble_request.ts';
import { runParametersOf } from './training_options.ts';
import { requestedTraining } from './training_request.ts';

const settings = loadSettings({ env: {} });

/** The settings in the job of a request, as a queued run stores them. */
function settingsFor(body: object): unknown {
  const parameters = runParametersOf(mlTrainingConfig.parse(body), settings);
  const stored = runParametersSchema.parse(JSON.parse(JSON.stringify(parameters)));
  const job = jobOfRun({ kind: 'full', trigger: requestTrigger('api', stored), parameters: stored }, settings);
  return pairReversionJobSchema.parse(job).parameters.settings;
}

/** Engine and ensemble in the job of a request, on a machine without LightGBM and XGBoost. */
function learnerFor(body: object, installed: readonly string[] = ['gbdt', 'random_forest']): unknown {
  const config = mlTrainingConfig.parse(body);
  const parameters = runParametersOf(
    config,
    settings,
    chosenLearner(config, settings, () => installed),
  );
  const stored = runParametersSchema.parse(JSON.parse(JSON.stringify(parameters)));
  const { parameters: ofJob } = jobOfRun(
    { kind: config.kind, trigger: requestTrigger('api', stored), parameters: stored },
    settings,
  ) as TrainingJob;
  return [ofJob.engine, ofJob.ensemble];
}

const ofAllModels = (name: string, value: number): Record<string, number> =>
  Object.fromEntries(['ai1', 'ai2', 'ai3'].map((model) => [`train.${model}.${name}`, value]));

const search = (parameter_space: object): object => ({
  optimization_settings: { enabled: true, n_calls: 2, parameter_space },
});

describe('fields of a training request', () => {
  it.each([
    [{ n_estimators: 40 }, ofAllModels('rounds', 40)],
    [{ learning_rate: 0.2 }, ofAllModels('learning_rate', 0.2)],
    [{ max_depth: 3 }, ofAllModels('leaves', 8)],
    [{ max_depth: 10 }, ofAllModels('leaves', 1024)],
    [{ max_depth: 12 }, ofAllModels('leaves', 4096)],
    [{ cross_validation_folds: 3 }, { 'train.folds': 3 }],
    [{ validation_split: 0.3 }, { 'train.holdout_fraction': 0.3 }],
    [{ train_test_split: 0.9 }, { 'train.holdout_fraction': 0.1 }],
    [{ validation_split: 0.2, train_test_split: 0.8 }, { 'train.holdout_fraction': 0.2 }],
    [
      search({ num_leaves: { type: 'integer', low: 4, high: 16 }, reg_lambda: { type: 'real', low: 1 } }),
      { 'search.ranges.leaves.low': 4, 'search.ranges.leaves.high': 16, 'search.ranges.l2.low': 1 },
    ],
    [
      search({ max_depth: { type: 'integer', low: 2, high: 4 } }),
      { 'search.ranges.leaves.low': 4, 'search.ranges.leaves.high': 16 },
    ],
    [{ early_stopping_rounds: 7 }, ofAllModels('early_stopping_rounds', 7)],
    [
      { single_model_config: { model_type: 'lstm' }, networks: { epochs: 3, ai1: { lstm_units: 64 } } },
      { 'train.networks.epochs': 3, 'train.networks.ai1.lstm_units': 64 },
    ],
    [{}, undefined],
  ])('%j are the settings %j of its training', (body, expected) => {
    expect(settingsFor(body)).toEqual(expected);
  });

  it('are shown in its trigger', () => {
    const parameters = runParametersOf(
      mlTrainingConfig.parse({
        random_state: 3,
        cross_validation_folds: 3,
        validation_split: 0.3,
        ensemble_config: {},
      }),
      settings,
    );
    expect(triggerText(requestTrigger('api', parameters))).toBe(
      'api --seed 3 --set train.folds=3 --set train.holdout_fraction=0.3',
    );
  });

  it.each([
    [{ n_estimators: { type: 'integer', low: 4 } }, 'n_estimators'],
    [{ leaves: { type: 'categorical', categories: [4, 8] } }, 'categorical'],
    [{ leaves: { type: 'integer' } }, 'without low and high'],
    [{ leaves: { type: 'integer', low: 9, high: 8 } }, 'at most high'],
    [{ leaves: { type: 'integer', low: 4 }, num_leaves: { type: 'integer', low: 8 } }, 'one range'],
    [{ leaves: { type: 'integer', low: 1 } }, 'search.ranges.leaves.low'],
  ])('refuse the ranges %j', (ranges, words) => {
    expect(() => settingsFor(search(ranges))).toThrow(words);
    expect(() => settingsFor({ optimization_settings: { parameter_space: ranges } })).toThrow('enabled');
  });
});

describe('a body with each field of a schema', () => {
  type Body = Record<string, unknown>;
  const parametersOf = (body: Body): object =>
    requestedTraining(mlTrainingConfig.parse(body), settings, () => undefined).parameters;
  /** A field acts on the parameters of the run, or the words name it in a refusal. */
  type Effect = readonly [value: unknown, effect: object | string];
  const check = (wrap: (field: string, value: unknown) => Body, fields: Readonly<Record<string, Effect>>): void => {
    for (const [field, [value, effect]] of Object.entries(fields)) {
      const body = wrap(field, value);
      if (typeof effect === 'string') expect(() => parametersOf(body), field).toThrow(effect);
      else expect(parametersOf(body), field).toMatchObject(effect);
    }
  };
  const whole = (schema: { readonly shape: object }, fields: object): void =>
    expect(Object.keys(fields).sort()).toEqual(Object.keys(schema.shape).sort());

  it('MLTrainingConfig: each acts on the run of all pairs, or is refused by its name', () => {
    const holdout = { settings: { 'train.holdout_fraction': 0.3 } };
    const fields: Record<string, Effect> = {
      symbol: ['XAUUSD_XAGUSD', 'symbol XAUUSD_XAGUSD'],
      timeframe: ['4h', 'timeframe 4h'],
      start_date: ['2022-01-01', { from: '2022-01-01T00:00:00Z' }],
      end_date: ['2023-12-31', { to: '2024-01-01T00:00:00Z' }],
      save_model: [false, 'save_model false'],
      validation_split: [0.3, holdout],
      train_test_split: [0.7, holdout],
      cross_validation_folds: [3, { settings: { 'train.folds': 3 } }],
      prediction_horizon: [7, 'prediction_horizon 7'],
      threshold_up: [0.01, 'threshold_up 0.01'],
      threshold_down: [-0.01, 'threshold_down -0.01'],
      random_state: [3, { seed: 3 }],
      early_stopping_rounds: [7, { settings: { 'train.ai3.early_stopping_rounds': 7 } }],
      max_depth: [3, { settings: { 'train.ai1.leaves': 8 } }],
      n_estimators: [40, { settings: { 'train.ai2.rounds': 40 } }],
      learning_rate: [0.2, { settings: { 'train.ai3.learning_rate': 0.2 } }],
      optimization_settings: [{ enabled: true, n_calls: 7 }, { trials: 7 }],
      automl_config: [{ autofeat: { enabled: true } }, 'automl_config.autofeat.enabled'],
      ensemble_config: [{ enabled: true }, { engine: 'vote' }],
      single_model_config: [{ model_type: 'random_forest' }, { engine: 'random_forest' }],
      networks: [{ epochs: 3 }, 'train.networks.epochs with the learner vote'],
      balance: [{ ai1: 'smote', ai2: 'none' }, { balance: { ai1: 'smote', ai2: 'none' } }],
      features: ['store', { features: 'store' }],
      kind: ['nothing', 'kind'],
      reason: [7, 'reason'],
    };
    whole(mlTrainingConfig, fields);
    check((field, value) => ({ [field]: value }), fields);
    // A symbol of an instrument is another strategy, in any spelling and timeframe.
    for (const symbol of ['BTC/USDT', 'BTC-USDT', 'btcusdt']) {
      const body = { symbol, timeframe: '4h' };
      spellSubjects(body, NO_SYMBOL_NAMES);
      expect(directionOf(mlTrainingConfig.parse(body))).toEqual({ symbol: 'BTCUSDT', timeframe: '4h' });
    }
    for (const [name, next] of [
      ['BINANCE:BTCUSDT', /^Give BTCUSDT, or map the name for good/],
      ['XAUUSD_XAGUSD', /^Give one symbol/],
    ] as const) {
      const refused = (): unknown => directionOf(mlTrainingConfig.parse({ symbol: name }));
      expect(refused).toThrow(expect.objectContaining({ next: expect.stringMatching(next) as string }) as Error);
    }
    // What only a full training takes is refused of another kind, by name.
    for (const kind of ['incremental', 'thresholds']) {
      const config = mlTrainingConfig.parse({ kind });
      expect(requestedTraining(config, settings)).toMatchObject({ kind, parameters: {}, learner: { engine: 'gbdt' } });
      expect(() => parametersOf({ kind, random_state: 3 })).toThrow(/kind .*full, for seed/);
    }
    expect(() => mlTrainingConfig.parse({ epochs: 3 })).toThrow('epochs');
  });

  it('MLTrainingConfig: each acts on the job of an instrument, or is refused by its name with a next step', () => {
    const jobOf = (body: Body): DirectionJob => {
      const { kind, parameters } = requestedTraining(mlTrainingConfig.parse({ symbol: 'BTCUSDT', ...body }), settings);
      const stored = runParametersSchema.parse(JSON.parse(JSON.stringify(parameters)));
      return directionJobSchema.parse(
        jobOfRun({ kind, trigger: requestTrigger('api', stored), parameters: stored }, settings),
      );
    };
    const parameters = (of: object): object => ({ parameters: of });
    const set = (name: string, value: number): object => parameters({ settings: { [name]: value } });
    const range = { leaves: { type: 'integer', low: 4, high: 16 } };
    const fields: Record<string, Effect> = {
      symbol: ['ETHUSDT', { symbols: ['ETHUSDT'] }],
      timeframe: ['4h', { timeframe: '4h' }],
      start_date: ['2022-01-01', { window: { from: '2022-01-01T00:00:00Z' } }],
      end_date: ['2023-12-31', { window: { to: '2024-01-01T00:00:00Z' } }],
      save_model: [false, 'save_model false'],
      validation_split: [0.3, set('walk_forward.first_share', 0.7)],
      train_test_split: [0.8, set('walk_forward.first_share', 0.8)],
      cross_validation_folds: [6, set('walk_forward.blocks', 6)],
      prediction_horizon: [7, parameters({ label: { horizon: 7 } })],
      threshold_up: [0.01, parameters({ label: { unit: 'percent', threshold: 0.01 } })],
      threshold_down: [-0.03, parameters({ label: { threshold: 0.03 } })],
      random_state: [3, { seed: 3 }],
      early_stopping_rounds: [7, set('trees.early_stopping_rounds', 7)],
      max_depth: [3, set('trees.leaves', 8)],
      n_estimators: [40, set('trees.rounds', 40)],
      learning_rate: [0.2, set('trees.learning_rate', 0.2)],
      optimization_settings: [
        { enabled: true, n_calls: 7, parameter_space: range },
        parameters({ trials: 7, settings: { 'search.ranges.leaves.low': 4, 'search.ranges.leaves.high': 16 } }),
      ],
      automl_config: [{ autofeat: { enabled: true } }, 'automl_config.autofeat.enabled'],
      ensemble_config: [{ enabled: true, method: 'bagging' }, parameters({ engine: 'bagging' })],
      single_model_config: [{ model_type: 'logistic' }, parameters({ engine: 'logistic' })],
      networks: [{ epochs: 3 }, 'train.networks.epochs with the learner vote'],
      balance: [{ direction: 'smote' }, parameters({ balance: 'smote' })],
      features: ['bars', 'features bars'],
      kind: ['incremental', 'kind incremental'],
      reason: [7, 'reason'],
    };
    whole(mlTrainingConfig, fields);
    for (const [field, [value, effect]] of Object.entries(fields)) {
      if (typeof effect === 'string') expect(() => jobOf({ [field]: value }), field).toThrow(effect);
      else expect(jobOf({ [field]: value }), field).toMatchObject(effect);
    }
    const beyond: [Body, string][] = [
      [{ n_estimators: 5001 }, 'n_estimators'],
      [{ max_depth: 7, cross_validation_folds: 3 }, 'cross_validation_folds'],
      [{ balance: { ai1: 'smote' } }, 'balance.ai1'],
      [{ networks: { ai1: { epochs: 3 } } }, 'networks.ai1'],
      [{ validation_split: 0.95 }, 'validation_split'],
      [{ validation_split: 0.3, train_test_split: 0.8 }, 'train_test_split 0.8'],
      [search({ leaves: { type: 'integer', low: 9, high: 8 } }) as Body, 'at most high'],
      [{ optimization_settings: { parameter_space: range } }, 'parameter_space.leaves'],
    ];
    for (const [body, words] of beyond) expect(() => jobOf(body), words).toThrow(words);
    expect(jobOf({ threshold_up: 0.01, threshold_down: -0.01 })).toMatchObject(
      parameters({ label: { threshold: 0.01 } }),
    );
    expect(() => jobOf({ threshold_up: 0.02, threshold_down: -0.01 })).toThrow('threshold_down -0.01');
    expect(() => jobOf({ threshold_down: 0 })).toThrow('threshold_down 0');
    expect(() => parametersOf({ balance: { direction: 'smote' } })).toThrow('balance.direction');
  });

  it('refuses parameters of trees of a learner that has none, or none that are boosted', () => {
    const refused = (body: Body, words: string): void => expect(() => parametersOf(body), words).toThrow(words);
    const of = (model_type: string): Body => ({ single_model_config: { model_type } });
    for (const fields of [
      { n_estimators: 9 },
      { max_depth: 3 },
      { learning_rate: 0.2 },
      { early_stopping_rounds: 9 },
    ]) {
      refused({ ...of('logistic'), ...fields }, 'with the learner logistic');
      refused({ ...of('gru'), ...fields }, 'with the learner gru');
      expect(parametersOf({ ...of('gbdt'), ...fields })).toHaveProperty('settings');
      expect(parametersOf({ ensemble_config: { enabled: true, method: 'stacking' }, ...fields })).toHaveProperty(
        'settings',
      );
    }
    expect(parametersOf({ ...of('random_forest'), max_depth: 3 })).toHaveProperty('settings');
    refused({ ...of('random_forest'), learning_rate: 0.2 }, 'learning_rate 0.2 with the learner random_forest');
    const searched = { optimization_settings: { enabled: true, n_calls: 3 } };
    // A search varies AI1's label for every learner, unless it is configured not to.
    expect(parametersOf({ ...of('logistic'), ...searched })).toMatchObject({ trials: 3 });
    const { minutehand } = settings;
    const fixed = { ...settings, minutehand: { ...minutehand, search: { ...minutehand.search, label: false } } };
    const config = mlTrainingConfig.parse({ ...of('logistic'), ...searched });
    expect(() => runParametersOf(config, fixed)).toThrow('optimization_settings.enabled');
    expect(parametersOf({ ...of('lstm'), ...searched })).toMatchObject({ trials: 3 });
    const ranges = search({ leaves: { type: 'integer', low: 4 } }) as Body;
    refused({ ...of('lstm'), ...ranges }, 'parameter_space.leaves');
    for (const name of ['leaves', 'lstm_units']) {
      const body = { ...of('lstm'), ...search({ [name]: { type: 'integer', low: 64, high: 128 } }) } as Body;
      expect(() => parametersOf(body), name).toThrow(
        expect.objectContaining({ next: expect.stringContaining('Leave parameter_space out') as string }) as Error,
      );
    }
  });

  it('OptimizationSettingsConfig', () => {
    const space = { num_leaves: { type: 'integer', low: 4, high: 16 } };
    const fields: Record<string, Effect> = {
      enabled: [false, { trials: 0 }],
      method: ['genetic', 'method'],
      n_calls: [9, 'n_calls 9'],
      parameter_space: [space, 'parameter_space.num_leaves'],
    };
    whole(optimizationSettingsConfig, fields);
    check((field, value) => ({ optimization_settings: { [field]: value } }), fields);
    for (const method of ['tpe', 'optuna'])
      expect(
        parametersOf({ optimization_settings: { enabled: true, method, n_calls: 9, parameter_space: space } }),
      ).toMatchObject({ trials: 9, settings: { 'search.ranges.leaves.low': 4, 'search.ranges.leaves.high': 16 } });
  });

  it('ParameterSpaceConfig', () => {
    const fields: Record<string, Effect> = {
      type: ['categorical', 'categorical'],
      low: [4, { settings: { 'search.ranges.leaves.low': 4 } }],
      high: [64, { settings: { 'search.ranges.leaves.high': 64 } }],
      categories: [[4, 8], 'parameter_space.leaves'],
    };
    whole(parameterSpaceConfig, fields);
    check((field, value) => search({ leaves: { type: 'integer', [field]: value } }) as Body, fields);
  });

  it('SingleModelConfig', () => {
    whole(singleModelConfig, { model_type: null });
    for (const engine of ['gbdt', 'lightgbm', 'logistic'])
      expect(parametersOf({ single_model_config: { model_type: engine } })).toMatchObject({ engine });
    expect(() => parametersOf({ single_model_config: { model_type: 'svm' } })).toThrow('model_type');
    // A run of a learner that is not on this machine would fail at its first fit.
    const missing = mlTrainingConfig.parse({ single_model_config: { model_type: 'gru' } });
    const refuse = (name: string): never => {
      throw new MinutehandError('LEARNER_MISSING', { seen: name });
    };
    expect(() => requestedTraining(missing, settings, refuse)).toThrow('gru');
  });
});

const bagging = (bagging_params: object): object => ({
  ensemble_config: { enabled: true, method: 'bagging', bagging_params },
});
const stacking = (stacking_params: object): object => ({
  ensemble_config: { enabled: true, method: 'stacking', stacking_params },
});

describe('the learner of a training request', () => {
  it.each([
    [{}, 'vote', { vote_members: ['gbdt', 'random_forest'] }],
    [{ ensemble_config: { enabled: true } }, 'vote', { vote_members: ['gbdt', 'random_forest'] }],
    [{ ensemble_config: { enabled: false } }, null, undefined],
    [{ ensemble_config: {}, single_model_config: { model_type: 'logistic' } }, 'logistic', undefined],
    [{ single_model_config: { model_type: 'gbdt' } }, 'gbdt', undefined],
    [{ kind: 'incremental' }, null, undefined],
    [{ ensemble_config: { enabled: true, method: 'bagging' } }, 'bagging', {}],
    [bagging({ n_estimators: 4 }), 'bagging', { bagging: { members: 4 } }],
    [bagging({ bootstrap_fraction: 0.6 }), 'bagging', { bagging: { fraction: 0.6 } }],
    [bagging({ base_model_type: 'logistic_regression' }), 'bagging', { bagging: { base: 'logistic' } }],
    [bagging({ mixed_models: ['gbdt', 'logistic'] }), 'bagging', { bagging: { mixed: ['gbdt', 'logistic'] } }],
    [bagging({ random_state: 7, mixed_models: null }), 'bagging', { bagging: { seed: 7 } }],
    [stacking({ base_models: ['gbdt', 'logistic'] }), 'stacking', { stacking: { members: ['gbdt', 'logistic'] } }],
    [stacking({ meta_model: 'logistic_regression' }), 'stacking', { stacking: { meta: 'logistic' } }],
    [stacking({ cv_folds: 5, use_probas: false }), 'stacking', { stacking: { folds: 5, probabilities: false } }],
    [stacking({ random_state: 2 }), 'stacking', { stacking: { seed: 2 } }],
  ])('of %j is %s with %j', (body, engine, ensemble) => {
    expect(learnerFor(body)).toEqual([engine, ensemble]);
  });

  it('is a single one without an ensemble, whatever is configured', () => {
    for (const [configured, engine] of [
      ['vote', 'gbdt'],
      ['stacking', 'gbdt'],
      ['lightgbm', undefined],
    ] as const) {
      const { minutehand } = settings;
      const own = { ...settings, minutehand: { ...minutehand, train: { ...minutehand.train, engine: configured } } };
      const of = (body: object) => chosenLearner(mlTrainingConfig.parse(body), own);
      expect(of({ ensemble_config: { enabled: false } }).engine).toBe(engine);
      expect(trainedLearner(of({ ensemble_config: {} }), own)).toEqual({
        engine: engine ?? configured,
        members: [],
        stand_ins: [],
      });
      // What continues the active models has their learner.
      expect(of({ ensemble_config: {}, kind: 'incremental' }).engine).toBeUndefined();
    }
  });

  it('of an instrument is chosen as that of all pairs, over the configured engine of direction models', () => {
    const { minutehand } = settings;
    const ofInstrument = (body: object, engine?: TrainEngine) => {
      const train = { ...minutehand.train, ...(engine && { direction_engine: engine }) };
      const own = { ...settings, minutehand: { ...minutehand, train } };
      const config = mlTrainingConfig.parse({ symbol: 'BTCUSDT', ...body });
      const { parameters, learner } = requestedTraining(config, own);
      return [learner.engine, parameters.direction_engine, parameters.ensemble];
    };
    const single = (model_type: string) => ({ single_model_config: { model_type } });
    expect(ofInstrument({})[0]).toBe('vote');
    expect(ofInstrument({ ensemble_config: { enabled: false } })).toEqual(['gbdt', undefined, undefined]);
    expect(ofInstrument({ ensemble_config: { enabled: false } }, 'logistic')).toEqual([
      'logistic',
      undefined,
      undefined,
    ]);
    expect(ofInstrument({ ensemble_config: { enabled: false } }, 'vote')).toEqual(['gbdt', 'gbdt', undefined]);
    expect(ofInstrument(stacking({ base_models: ['gbdt', 'logistic'] }))).toEqual([
      'stacking',
      'stacking',
      { stacking: { members: ['gbdt', 'logistic'] } },
    ]);
    const refused = (body: object, words: string): void => expect(() => ofInstrument(body), words).toThrow(words);
    refused({ ...single('logistic'), balance: { direction: 'focal' } }, 'logistic with the balance focal');
    refused({ ...single('logistic'), n_estimators: 9 }, 'n_estimators 9 with the learner logistic');
    refused({ ...single('logistic'), optimization_settings: { enabled: true } }, 'optimization_settings.enabled');
    refused(single('vote'), 'single_model_config.model_type vote');
  });

  it('leads from an ensemble that is named as a single model to the field that takes it', () => {
    expect(() => learnerFor({ single_model_config: { model_type: 'stacking' } })).toThrow(
      expect.objectContaining({ next: expect.stringContaining('bagging or stacking') as string }) as Error,
    );
  });

  it('is the vote that is specified where its engines are installed, and says who stands in where they are not', () => {
    const installed = ['gbdt', 'random_forest', 'xgboost'];
    expect(learnerFor({}, installed)).toEqual(['vote', { vote_members: ['gbdt', 'xgboost', 'random_forest'] }]);
    const chosen = chosenLearner(mlTrainingConfig.parse({}), settings, () => installed);
    expect(trainedLearner(chosen, settings)).toEqual({
      engine: 'vote',
      members: ['gbdt', 'xgboost', 'random_forest'],
      stand_ins: [{ engine: 'lightgbm', by: 'gbdt', reason: 'the library of lightgbm is not installed' }],
    });
    const all = chosenLearner(mlTrainingConfig.parse({}), settings, () => [...installed, 'lightgbm']);
    expect(trainedLearner(all, settings)).toMatchObject({
      members: ['lightgbm', 'xgboost', 'random_forest'],
      stand_ins: [],
    });
  });

  it.each([
    [{ ensemble_config: { method: 'bagging' } }, 'ensemble_config.method'],
    [{ ensemble_config: { enabled: false, stacking_params: {} } }, 'ensemble_config.stacking_params'],
    [{ ensemble_config: { enabled: true, bagging_params: {} } }, 'ensemble_config.bagging_params'],
    [{ ensemble_config: { enabled: true, method: 'bagging', stacking_params: {} } }, 'ensemble_config.stacking_params'],
    [{ ensemble_config: { enabled: true }, single_model_config: { model_type: 'gbdt' } }, 'single_model_config'],
    [{ single_model_config: { model_type: 'vote' } }, 'single_model_config.model_type vote'],
    [bagging({ n_estimators: 1 }), 'bagging_params.n_estimators'],
    [bagging({ bootstrap_fraction: 1.5 }), 'bagging_params.bootstrap_fraction'],
    [bagging({ base_model_type: 'vote' }), 'base_model_type vote'],
    [bagging({ base_model_type: 'gbdt', mixed_models: ['gbdt', 'logistic'] }), 'mixed_models'],
    [bagging({ mixed_models: ['gbdt'] }), 'bagging_params.mixed_models'],
    [bagging({ random_state: -1 }), 'bagging_params.random_state'],
    [stacking({ base_models: ['gbdt'] }), 'stacking_params.base_models'],
    [stacking({ base_models: ['gbdt', 'gbdt'] }), 'stacking_params.base_models'],
    [stacking({ meta_model: 'ridge' }), 'stacking_params.meta_model'],
    [stacking({ cv_folds: 11 }), 'stacking_params.cv_folds'],
    [stacking({ random_state: -1 }), 'stacking_params.random_state'],
  ])('is refused by the name of the field: %j', (body, name) => {
    expect(() => learnerFor(body)).toThrow(name);
  });
});
