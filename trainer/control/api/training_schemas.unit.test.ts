import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { describeError } from '../../../shared/errors.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { NO_SYMBOL_NAMES } from '../../../shared/symbol/symbol.ts';
import { autoMLConfigModel, mlTrainingConfig } from '../schema/training.ts';
import { formulaSearchOf, wantsSearch } from './formula_search.ts';
import { spellSubjects } from './spelled_subjects.ts';
import { requestedTraining } from './training_request.ts';

const settings = loadSettings({ env: {} });
type Body = Readonly<Record<string, unknown>>;
type Shape = Readonly<Record<string, z.ZodType>>;

/** Objects of a request by the name that the OpenAPI document gives them; those without one by their path. */
function schemasIn(schema: z.ZodType, path: string, found = new Map<string, Shape>()): Map<string, Shape> {
  const own = z.globalRegistry.get(schema)?.id;
  const inner = schema as { def?: { innerType?: z.ZodType; valueType?: z.ZodType }; shape?: Shape };
  const next = inner.def?.innerType ?? inner.def?.valueType;
  if (next !== undefined) schemasIn(next, path, found);
  if (inner.shape !== undefined) {
    found.set(own ?? path, inner.shape);
    for (const [name, field] of Object.entries(inner.shape)) schemasIn(field, `${path}.${name}`, found);
  }
  return found;
}

const SCHEMAS = schemasIn(mlTrainingConfig, 'MLTrainingConfig');

/** A request with a field, and the same without it. */
type Case = readonly [given: Body, without: Body];
const own = (given: Body): Case => [given, {}];
const search = (given: Body): Body => ({ optimization_settings: { enabled: true, n_calls: 3, ...given } });
const range = (given: Body): Body => search({ parameter_space: { num_leaves: { type: 'integer', low: 8, ...given } } });
const ensemble = (given: Body): Body => ({ ensemble_config: { enabled: true, ...given } });
const bagging = (given: Body): Case => [
  ensemble({ method: 'bagging', bagging_params: given }),
  ensemble({ method: 'bagging', bagging_params: {} }),
];
const stacking = (given: Body): Case => [
  ensemble({ method: 'stacking', stacking_params: given }),
  ensemble({ method: 'stacking', stacking_params: {} }),
];
/** Of the specified vote, which has none of these: each is refused by name. */
const FIGURES = {
  learning_rate: 0.002,
  dropout: 0.1,
  batch_size: 256,
  epochs: 3,
  patience: 3,
  class_weight_ratio: 0.5,
  focal_gamma: 1,
  lstm_units: 64,
};
const networks = (figures: Body, model?: string): Readonly<Record<string, Case>> =>
  Object.fromEntries(
    Object.entries(figures).map(([name, value]) => {
      const given = { [name]: value };
      return [name, own({ networks: model === undefined ? given : { [model]: given } })];
    }),
  );
const generator = (part: string, given: Body): Case => own({ automl_config: { [part]: given } });

/** One case of each field of each schema. What a training refuses of generators is tried in a search below. */
const CASES: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  MLTrainingConfig: {
    symbol: own({ symbol: 'ETH/USDT' }),
    timeframe: own({ timeframe: 'H4' }),
    start_date: own({ start_date: '2022-01-01' }),
    end_date: own({ end_date: '2023-12-31' }),
    save_model: own({ save_model: false }),
    validation_split: own({ validation_split: 0.3 }),
    train_test_split: own({ train_test_split: 0.7 }),
    cross_validation_folds: own({ cross_validation_folds: 7 }),
    prediction_horizon: own({ prediction_horizon: 12 }),
    threshold_up: own({ threshold_up: 0.01 }),
    threshold_down: own({ threshold_down: -0.01 }),
    random_state: own({ random_state: 3 }),
    early_stopping_rounds: own({ early_stopping_rounds: 7 }),
    max_depth: own({ max_depth: 3 }),
    n_estimators: own({ n_estimators: 40 }),
    learning_rate: own({ learning_rate: 0.2 }),
    optimization_settings: own(search({})),
    automl_config: own({ automl_config: { tsfresh: { enabled: true } } }),
    ensemble_config: own(ensemble({ method: 'bagging' })),
    single_model_config: own({ single_model_config: { model_type: 'logistic' } }),
    networks: own({ networks: { epochs: 3 } }),
    balance: own({ balance: { ai1: 'smote' } }),
    kind: own({ kind: 'thresholds' }),
    features: own({ features: 'store' }),
    // Of the audit: training.server tests that it is kept there.
    reason: own({ reason: 7 }),
  },
  OptimizationSettingsConfig: {
    enabled: [{ optimization_settings: { enabled: true } }, {}],
    method: own(search({ method: 'genetic' })),
    n_calls: [search({ n_calls: 9 }), search({})],
    parameter_space: [search({ parameter_space: { l2: { type: 'real', low: 2 } } }), search({})],
  },
  ParameterSpaceConfig: {
    type: own(range({ type: 'categorical' })),
    low: [range({ low: 4 }), range({})],
    high: [range({ high: 40 }), range({})],
    categories: own(range({ categories: [4, 8] })),
  },
  EnsembleConfig: {
    enabled: own(ensemble({ method: 'bagging' })),
    method: [ensemble({ method: 'stacking' }), ensemble({ method: 'bagging' })],
    bagging_params: bagging({ n_estimators: 3 }),
    stacking_params: stacking({ cv_folds: 2 }),
  },
  BaggingParamsConfig: {
    n_estimators: bagging({ n_estimators: 3 }),
    bootstrap_fraction: bagging({ bootstrap_fraction: 0.5 }),
    base_model_type: bagging({ base_model_type: 'logistic_regression' }),
    mixed_models: bagging({ mixed_models: ['gbdt', 'logistic'] }),
    random_state: bagging({ random_state: 3 }),
  },
  StackingParamsConfig: {
    base_models: stacking({ base_models: ['gbdt', 'logistic'] }),
    meta_model: stacking({ meta_model: 'logistic_regression' }),
    cv_folds: stacking({ cv_folds: 2 }),
    use_probas: stacking({ use_probas: false }),
    random_state: stacking({ random_state: 3 }),
  },
  SingleModelConfig: { model_type: own({ single_model_config: { model_type: 'logistic' } }) },
  AutoMLConfigModel: {
    tsfresh: generator('tsfresh', { enabled: true }),
    featuretools: generator('featuretools', { enabled: true }),
    autofeat: generator('autofeat', { enabled: true }),
  },
  TSFreshConfigModel: {
    enabled: generator('tsfresh', { enabled: true }),
    feature_selection: generator('tsfresh', { feature_selection: false }),
    fdr_level: generator('tsfresh', { fdr_level: 0.2 }),
    feature_count_limit: generator('tsfresh', { feature_count_limit: 3 }),
    parallel_jobs: generator('tsfresh', { parallel_jobs: 1 }),
    performance_mode: generator('tsfresh', { performance_mode: 'fast' }),
  },
  FeaturetoolsConfigModel: {
    enabled: generator('featuretools', { enabled: true }),
    max_depth: generator('featuretools', { max_depth: 2 }),
    max_features: generator('featuretools', { max_features: 2 }),
  },
  AutoFeatConfigModel: {
    enabled: generator('autofeat', { enabled: true }),
    max_features: generator('autofeat', { max_features: 2 }),
    feateng_steps: generator('autofeat', { feateng_steps: 3 }),
    max_gb: generator('autofeat', { max_gb: 0.5 }),
    featsel_runs: generator('autofeat', { featsel_runs: 3 }),
    n_jobs: generator('autofeat', { n_jobs: 1 }),
    generations: generator('autofeat', { generations: 3 }),
    population_size: generator('autofeat', { population_size: 3 }),
    tournament_size: generator('autofeat', { tournament_size: 3 }),
  },
  'MLTrainingConfig.networks': networks({
    ...FIGURES,
    sequence_bars: 20,
    ai1: { epochs: 3 },
    ai2: { epochs: 3 },
    ai3: { epochs: 3 },
  }),
  'MLTrainingConfig.networks.ai1': networks(FIGURES, 'ai1'),
  'MLTrainingConfig.networks.ai2': networks(FIGURES, 'ai2'),
  'MLTrainingConfig.networks.ai3': networks(FIGURES, 'ai3'),
  'MLTrainingConfig.balance': {
    ai1: own({ balance: { ai1: 'smote' } }),
    ai2: own({ balance: { ai2: 'undersample' } }),
    direction: own({ balance: { direction: 'mirror' } }),
  },
};

/** The parameters of the run of a request, or its refusal. */
function outcomeOf(body: Body): { readonly run: unknown } | { readonly refusal: string; readonly next: string } {
  const spelled = structuredClone(body);
  spellSubjects(spelled, NO_SYMBOL_NAMES);
  const { data, error } = mlTrainingConfig.safeParse(spelled);
  if (data === undefined) return { refusal: JSON.stringify(error.issues), next: 'docs/reference/PROTOCOL.md#api' };
  try {
    const { kind, parameters } = requestedTraining(data, settings);
    return { run: { kind, parameters } };
  } catch (cause) {
    const { message, next } = describeError(cause);
    return { refusal: message, next };
  }
}

describe('every schema of a training request', () => {
  it('has a case of each of its fields, and a description of each for the OpenAPI document', () => {
    const fields = (of: Readonly<Record<string, object>>) =>
      Object.fromEntries(Object.entries(of).map(([id, own]) => [id, Object.keys(own).sort()]));
    expect(fields(CASES)).toEqual(fields(Object.fromEntries(SCHEMAS)));
    const undescribed = [...SCHEMAS].flatMap(([id, shape]) =>
      Object.entries(shape).flatMap(([name, field]) => (field.description === undefined ? [`${id}.${name}`] : [])),
    );
    expect(undescribed).toEqual([]);
  });

  describe.each([
    ['all pairs', {}],
    ['an instrument', { symbol: 'BTC/USDT', timeframe: '1h' }],
  ])('of %s', (_, base) => {
    it.each(Object.keys(CASES))('%s: each field acts on the run, or is refused by name with a next step', (id) => {
      for (const [field, [given, without]] of Object.entries(CASES[id]!)) {
        const found = outcomeOf({ ...base, ...given });
        if ('run' in found) {
          const before = outcomeOf({ ...base, ...without });
          expect(found, `${id}.${field} is accepted and ignored`).not.toEqual(before);
          continue;
        }
        // A refusal of the whole schema, as ensembles of an instrument, names the field that holds it.
        const named = Object.keys(given).some((name) => found.refusal.includes(name)) || found.refusal.includes(field);
        expect(named, `${id}.${field}: ${found.refusal}`).toBe(true);
        expect(found.next, `${id}.${field}`).not.toMatch(/^Omit it, or give a value that is expected\.$/);
        expect(found.next.length, `${id}.${field}`).toBeGreaterThan(5);
      }
    });
  });
});

it('every key of a generator acts on the search of formulas, or is refused by name with a next step', () => {
  const parts = {
    TSFreshConfigModel: 'tsfresh',
    FeaturetoolsConfigModel: 'featuretools',
    AutoFeatConfigModel: 'autofeat',
  };
  for (const [id, part] of Object.entries(parts)) {
    const asked = (keys: Body) => formulaSearchOf(autoMLConfigModel.parse({ [part]: { enabled: true, ...keys } }));
    for (const [field, [given]] of Object.entries(CASES[id]!)) {
      const keys = (given['automl_config'] as Record<string, Body>)[part]!;
      if (field === 'enabled') {
        expect(wantsSearch(autoMLConfigModel.parse({ [part]: keys }))).toBe(true);
        continue;
      }
      try {
        expect(asked(keys), `${part}.${field} is accepted and ignored`).not.toEqual(asked({}));
      } catch (cause) {
        const { message, next } = describeError(cause);
        expect([message, next]).toEqual([expect.stringContaining(`${part}.${field}`), expect.stringMatching(/Omit/)]);
      }
    }
  }
});
