import type { SearchedParameter, SearchPolicy, TrainPolicy } from '../../../shared/policy/schema.ts';
import type { Barriers } from '../strategies/pair_reversion/label/reversion.ts';
import type { NetworkParameters } from '../learners/networks/network_parameters.ts';
import { gridValue } from './axis.ts';
import type { FloatParameter, IntegerParameter, Parameter, Params, Space } from './space.ts';

/** Ranges of the configuration. */
export type SearchRanges = NonNullable<SearchPolicy['ranges']>;

/** Parameters changed by a trial. */
export interface SearchedSettings {
  /** Tree parameters of a model. */
  readonly trees: TrainPolicy['ai1'];
  /** Figures of a model's network, searched in place of the trees; null: its learner is no network. */
  readonly network: NetworkParameters | null;
  /** The label to be learned; measures stay on the evaluation label. */
  readonly barriers: Barriers;
}

/**
 * Ranges of good values of these parameters; always widened to contain the current ones. `rounds` is not searched:
 * early stopping determines it. Neither are the windows: the daemon uses them as well. Candidates begin at the
 * configured z_entry or beyond, because the features of other bars are not kept.
 * @param label whether the barriers of the label are searched too
 * @param ranges those that the configuration has in place of the delivered ones
 */
export function trainingSpace(
  { trees, network, barriers }: SearchedSettings,
  label: boolean,
  ranges: SearchRanges = {},
): Space {
  /** The given ends in place of the delivered ones; a delivered end beyond a given one gives way. */
  const within = <P extends FloatParameter | IntegerParameter>(name: SearchedParameter, delivered: P): P => {
    const { low = Math.min(delivered.low, ranges[name]?.high ?? Infinity), high = Math.max(delivered.high, low) } =
      ranges[name] ?? {};
    const positive = (value: number): number => (name === 'l2' ? Math.max(value, MIN_L2) : value);
    return around(positive(trees[name]), { ...delivered, low: positive(low), high: positive(high) });
  };
  const ofTrees: Record<string, Parameter> = {
    'trees.learning_rate': within('learning_rate', { kind: 'float', low: 0.01, high: 0.2, log: true }),
    'trees.leaves': within('leaves', { kind: 'integer', low: 4, high: 64, log: true }),
    'trees.min_data_in_leaf': within('min_data_in_leaf', { kind: 'integer', low: 50, high: 2000, log: true }),
    'trees.l2': within('l2', { kind: 'float', low: 0.1, high: 100, log: true }),
    'trees.row_fraction': within('row_fraction', { kind: 'float', low: 0.3, high: 1 }),
    'trees.column_fraction': within('column_fraction', { kind: 'float', low: 0.2, high: 1 }),
  };
  const learner = network === null ? ofTrees : networkSpace(network);
  if (!label) return learner;
  const when = { parameter: 'label.barriers', is: ['searched'] };
  const { z_entry } = barriers;
  return {
    ...learner,
    'label.barriers': { kind: 'categorical', choices: ['configured', 'searched'] },
    'label.z_entry': { kind: 'float', low: z_entry, high: z_entry + 0.5, step: 0.25, when },
    'label.z_exit': { ...around(barriers.z_exit, { kind: 'float', low: 0, high: 1, step: 0.25 }), when },
    'label.stop': { ...around(barriers.stop, { kind: 'float', low: 1, high: 3, step: 0.5 }), when },
    'label.horizon': { ...around(barriers.horizon, { kind: 'float', low: 30, high: 120, step: 15 }), when },
  };
}

/** Ranges of the specification, widened to contain the current figures. Early stopping determines the epochs. */
export function networkSpace(network: NetworkParameters): Record<string, Parameter> {
  return {
    'network.learning_rate': around(network.learning_rate, { kind: 'float', low: 1e-5, high: 1e-2, log: true }),
    'network.dropout': around(network.dropout, { kind: 'float', low: 0.1, high: 0.5 }),
    'network.batch_size': { kind: 'categorical', choices: [256, 512, 1024] },
    'network.class_weight_ratio': around(network.class_weight_ratio, { kind: 'float', low: 0.3, high: 0.7 }),
    ...(network.lstm_units !== undefined && {
      'network.lstm_units': around(network.lstm_units, { kind: 'integer', low: 64, high: 256, step: 2 }),
    }),
  };
}

/** The figures as values of their space. */
export function networkParams(network: NetworkParameters): Params {
  const { learning_rate, dropout, batch_size, class_weight_ratio, lstm_units } = network;
  return {
    'network.learning_rate': learning_rate,
    'network.dropout': dropout,
    'network.batch_size': batch_size,
    'network.class_weight_ratio': class_weight_ratio,
    ...(lstm_units !== undefined && { 'network.lstm_units': lstm_units }),
  };
}

/** The figures with the values of a trial. */
export function networkOf(params: Params, network: NetworkParameters): NetworkParameters {
  const value = (name: string, otherwise: number): number => Number(params[`network.${name}`] ?? otherwise);
  return {
    ...network,
    learning_rate: value('learning_rate', network.learning_rate),
    dropout: value('dropout', network.dropout),
    batch_size: value('batch_size', network.batch_size),
    class_weight_ratio: value('class_weight_ratio', network.class_weight_ratio),
    ...(network.lstm_units !== undefined && { lstm_units: value('lstm_units', network.lstm_units) }),
  };
}

/** The first trial: the current settings, as values of the space. */
export function configuredParams({ trees, network }: SearchedSettings, label: boolean): Params {
  const ofLabel: Params = label ? { 'label.barriers': 'configured' } : {};
  if (network !== null) return { ...networkParams(network), ...ofLabel };
  return {
    'trees.learning_rate': trees.learning_rate,
    'trees.leaves': trees.leaves,
    'trees.min_data_in_leaf': trees.min_data_in_leaf,
    'trees.l2': Math.max(trees.l2, MIN_L2),
    'trees.row_fraction': trees.row_fraction,
    'trees.column_fraction': trees.column_fraction,
    ...ofLabel,
  };
}

/** The settings of a trial: the current ones with its values. */
export function settingsOf(params: Params, { trees, network, barriers }: SearchedSettings): SearchedSettings {
  const value = (name: string, otherwise: number): number => Number(params[name] ?? otherwise);
  return {
    trees: {
      ...trees,
      learning_rate: value('trees.learning_rate', trees.learning_rate),
      leaves: value('trees.leaves', trees.leaves),
      min_data_in_leaf: value('trees.min_data_in_leaf', trees.min_data_in_leaf),
      l2: value('trees.l2', trees.l2),
      row_fraction: value('trees.row_fraction', trees.row_fraction),
      column_fraction: value('trees.column_fraction', trees.column_fraction),
    },
    network: network && networkOf(params, network),
    barriers:
      params['label.barriers'] === 'searched'
        ? {
            z_entry: value('label.z_entry', barriers.z_entry),
            z_exit: value('label.z_exit', barriers.z_exit),
            stop: value('label.stop', barriers.stop),
            horizon: value('label.horizon', barriers.horizon),
          }
        : barriers,
  };
}

/** 0 has no logarithm; a configured 0 means almost none. */
export const MIN_L2 = 1e-3;

/** The parameter, its range widened by whole steps to include the current value. */
export function around<P extends FloatParameter | IntegerParameter>(value: number, parameter: P): P {
  const { low, high } = parameter;
  const step = parameter.kind === 'float' ? parameter.step : undefined;
  if (step === undefined) return { ...parameter, low: Math.min(low, value), high: Math.max(high, value) };
  const below = Math.max(0, Math.ceil((low - value) / step - 1e-9));
  const above = Math.max(0, Math.ceil((value - high) / step - 1e-9));
  return { ...parameter, low: gridValue(low, step, -below), high: gridValue(high, step, above) };
}
