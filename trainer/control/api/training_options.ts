import { MinutehandError } from '../../../shared/errors.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { RunParameters } from '../schedule/run.ts';
import type { MLTrainingConfig } from '../schema/training.ts';

/**
 * Converts a request to the parameters of its run.
 * @throws MinutehandError SETTING_UNSUPPORTED for unsupported values
 */
export function runParametersOf(config: MLTrainingConfig, { minutehand }: Settings): RunParameters {
  const { holdout_fraction, folds } = minutehand.train;
  refuseUnless('symbol', config.symbol, 'all');
  refuseUnless('timeframe', config.timeframe, '1m');
  refuseUnless('validation_split', config.validation_split, holdout_fraction);
  refuseUnless('train_test_split', config.train_test_split, Number((1 - holdout_fraction).toFixed(12)));
  refuseUnless('cross_validation_folds', config.cross_validation_folds, folds);
  refuseUnless('prediction_horizon', config.prediction_horizon, minutehand.label.horizon_bars);
  refuseUnusable(config, 'train.ai1, ai2, ai3 of the configuration');
  const { single_model_config: single, random_state, start_date, end_date } = config;
  const options = {
    seed: random_state,
    trials: trialsOf(config),
    engine: single?.model_type,
    from: instantOf(start_date),
    to: instantOf(end_date, 'end'),
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  if (config.kind !== 'full' && given.length > 0)
    throw unsupported('kind', config.kind, `full, for ${given.map(([name]) => name).join(', ')}`);
  return Object.fromEntries(given);
}

/**
 * Refuses what no training takes from a request.
 * @param parameters where those of the trees come from
 * @throws MinutehandError SETTING_UNSUPPORTED
 */
export function refuseUnusable(config: MLTrainingConfig, parameters: string): void {
  for (const name of ['early_stopping_rounds', 'max_depth', 'n_estimators', 'learning_rate'] as const)
    if (config[name] !== undefined) throw unsupported(name, config[name], parameters);
  refuseGenerators(config);
  if (Object.keys(config.optimization_settings?.parameter_space ?? {}).length > 0)
    throw unsupported(
      'optimization_settings.parameter_space',
      'given',
      '{}: the search space is part of the configuration',
    );
}

/** Trials of the search of a request; undefined: those of the configuration. */
export function trialsOf({ optimization_settings: search }: MLTrainingConfig): number | undefined {
  if (search === undefined) return undefined;
  return search.enabled ? search.n_calls : 0;
}

/** @throws MinutehandError SETTING_UNSUPPORTED for ensembles and feature generators */
export function refuseGenerators({ automl_config, ensemble_config }: Partial<MLTrainingConfig>): void {
  for (const [name, { enabled }] of Object.entries(automl_config ?? {}))
    if (enabled)
      throw unsupported(
        `automl_config.${name}.enabled`,
        true,
        'false: features are those of docs/reference/FEATURES.md',
      );
  if (ensemble_config?.enabled === true)
    throw unsupported('ensemble_config.enabled', true, 'false, or the engine random_forest');
}

export function refuseUnless(name: string, seen: unknown, expected: unknown): void {
  if (seen !== undefined && seen !== expected) throw unsupported(name, seen, String(expected));
}

export function unsupported(name: string, seen: unknown, expected: string): MinutehandError {
  return new MinutehandError('SETTING_UNSUPPORTED', { seen: `${name} ${String(seen)}`.slice(0, 200), expected });
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
