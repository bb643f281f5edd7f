import type { TrainPolicy, Windows } from '../../shared/policy/schema.ts';
import type { Barriers } from '../label/reversion.ts';
import { gridValue } from './axis.ts';
import type { FloatParameter, IntegerParameter, Parameter, Params, Space } from './space.ts';

/** What a trial changes. */
export interface SearchedSettings {
  /** How the trees of a model are grown. */
  readonly trees: TrainPolicy['ai1'];
  /** The label that is learned; what is measured stays the evaluation label. */
  readonly barriers: Barriers;
  readonly windows: Windows;
}

export interface SearchedParts {
  /** The barriers of the label too. A value that is new costs its labels. */
  readonly label: boolean;
  /** The look-backs too. A value that is new costs all features. */
  readonly windows: boolean;
}

/**
 * Where good values of these parameters may lie; always widened to hold those in force. `rounds` is not searched: boosting ends where it no longer
 * helps. Neither are beta_window and z_window: they decide which bars are candidates, and trials on other rows cannot be compared.
 */
export function trainingSpace({ trees, barriers }: SearchedSettings, parts: SearchedParts): Space {
  const learner: Record<string, Parameter> = {
    'trees.learning_rate': around(trees.learning_rate, { kind: 'float', low: 0.01, high: 0.2, log: true }),
    'trees.leaves': around(trees.leaves, { kind: 'integer', low: 4, high: 64, log: true }),
    'trees.min_data_in_leaf': around(trees.min_data_in_leaf, { kind: 'integer', low: 50, high: 2000, log: true }),
    // 0 has no logarithm; whoever configures it means next to nothing.
    'trees.l2': around(Math.max(trees.l2, LEAST_L2), { kind: 'float', low: 0.1, high: 100, log: true }),
    'trees.row_fraction': around(trees.row_fraction, { kind: 'float', low: 0.3, high: 1 }),
    'trees.column_fraction': around(trees.column_fraction, { kind: 'float', low: 0.2, high: 1 }),
  };
  const when = { parameter: 'label.barriers', is: ['searched'] };
  const label: Record<string, Parameter> = {
    'label.barriers': { kind: 'categorical', choices: ['configured', 'searched'] },
    'label.z_entry': { ...around(barriers.z_entry, { kind: 'float', low: 1.5, high: 2.5, step: 0.25 }), when },
    'label.z_exit': { ...around(barriers.z_exit, { kind: 'float', low: 0, high: 1, step: 0.25 }), when },
    'label.stop': { ...around(barriers.stop, { kind: 'float', low: 1, high: 3, step: 0.5 }), when },
    'label.horizon': { ...around(barriers.horizon, { kind: 'float', low: 30, high: 120, step: 15 }), when },
  };
  const windows: Record<string, Parameter> = {
    'windows.scale': { kind: 'categorical', choices: [1, 0.5, 2] },
  };
  return { ...learner, ...(parts.label ? label : {}), ...(parts.windows ? windows : {}) };
}

/** The first trial: the settings in force, as values of the space. */
export function configuredParams({ trees }: SearchedSettings, { label, windows }: SearchedParts): Params {
  return {
    'trees.learning_rate': trees.learning_rate,
    'trees.leaves': trees.leaves,
    'trees.min_data_in_leaf': trees.min_data_in_leaf,
    'trees.l2': Math.max(trees.l2, LEAST_L2),
    'trees.row_fraction': trees.row_fraction,
    'trees.column_fraction': trees.column_fraction,
    ...(label ? { 'label.barriers': 'configured' } : {}),
    ...(windows ? { 'windows.scale': 1 } : {}),
  };
}

/** The settings of a trial. What its values do not name is as in force. */
export function settingsOf(params: Params, inForce: SearchedSettings): SearchedSettings {
  const { trees, barriers, windows } = inForce;
  const value = (name: string, otherwise: number): number => Number(params[name] ?? otherwise);
  return {
    trees: {
      rounds: trees.rounds,
      learning_rate: value('trees.learning_rate', trees.learning_rate),
      leaves: value('trees.leaves', trees.leaves),
      min_data_in_leaf: value('trees.min_data_in_leaf', trees.min_data_in_leaf),
      l2: value('trees.l2', trees.l2),
      row_fraction: value('trees.row_fraction', trees.row_fraction),
      column_fraction: value('trees.column_fraction', trees.column_fraction),
    },
    barriers: {
      z_entry: value('label.z_entry', barriers.z_entry),
      z_exit: value('label.z_exit', barriers.z_exit),
      stop: value('label.stop', barriers.stop),
      horizon: value('label.horizon', barriers.horizon),
    },
    windows: scaled(windows, value('windows.scale', 1)),
  };
}

const LEAST_L2 = 1e-3;
const LEAST_WINDOW = 5;

/** The look-backs times `scale`, but for those that decide which bars are candidates. Their order stays as it is. */
function scaled(windows: Windows, scale: number): Windows {
  if (scale === 1) return windows;
  const bars = (window: number): number => Math.max(LEAST_WINDOW, Math.round(window * scale));
  const { beta_window, z_window, ...others } = windows;
  const changed = Object.fromEntries(Object.entries(others).map(([name, window]) => [name, bars(window)]));
  return { ...(changed as typeof others), beta_window, z_window };
}

/** The parameter, its range widened by whole steps until it holds the value in force. */
function around<P extends FloatParameter | IntegerParameter>(value: number, parameter: P): P {
  const { low, high } = parameter;
  const step = parameter.kind === 'float' ? parameter.step : undefined;
  if (step === undefined) return { ...parameter, low: Math.min(low, value), high: Math.max(high, value) };
  const below = Math.max(0, Math.ceil((low - value) / step - 1e-9));
  const above = Math.max(0, Math.ceil((value - high) / step - 1e-9));
  return { ...parameter, low: gridValue(low, step, -below), high: gridValue(high, step, above) };
}
