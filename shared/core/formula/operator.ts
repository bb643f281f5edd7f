import type { Column, Graph } from './graph.ts';
import type { Unit } from './unit.ts';

export type ValueType = 'number' | 'boolean';

/** `pointwise` reads the current bar alone; the others a window. */
export type Family = 'pointwise' | 'delay' | 'fold' | 'selection';

/** An argument: a series of values. */
export interface SeriesParameter {
  readonly kind: ValueType;
  readonly name: string;
  /** The source that is read when the argument is left out: `rsi(14)` is `rsi(close, 14)`. */
  readonly implicit?: string;
}

/** An argument: a number that is part of the formula. */
export interface ConstantParameter {
  readonly kind: 'window' | 'constant';
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly isInteger: boolean;
  /** Taken when it is left out. */
  readonly usual?: number;
}

export type Parameter = SeriesParameter | ConstantParameter;

export function isConstant(parameter: Parameter): parameter is ConstantParameter {
  return parameter.kind === 'window' || parameter.kind === 'constant';
}

/** How an operator's unit follows from those of its series. undefined: they do not fit together. */
export type UnitRule = (units: readonly Unit[], constants: readonly number[]) => Unit | undefined;

/**
 * One operator of the language: all that the checker, the planner, the reference page and the tests know about it.
 * `inputs` are its series and `constants` its windows and constants, each in the order of `parameters`.
 */
export interface Operator {
  readonly name: string;
  readonly family: Family;
  readonly parameters: readonly Parameter[];
  readonly type: ValueType;
  readonly unit: UnitRule;
  readonly meaning: string;
  /** Where its definition comes from. */
  readonly source: string;
  /** The sign that is written between or before its arguments. */
  readonly sign?: string;
  /** Whether exchanging its two series changes no bit. */
  readonly isCommutative?: boolean;
  readonly cost: 'constant' | 'search and move';
  /** Bars that it reads, the current one included. */
  bars(constants: readonly number[]): number;
  /** Doubles that its windows keep per subject. */
  doubles(constants: readonly number[]): number;
  build(graph: Graph, inputs: readonly Column[], constants: readonly number[]): Column;
  /**
   * The slow, obvious definition.
   * @param windows of each series its last `bars` values, oldest first
   */
  oracle(windows: readonly (readonly number[])[], constants: readonly number[]): number;
}

export function series(name: string, implicit?: string): Parameter {
  return implicit === undefined ? { kind: 'number', name } : { kind: 'number', name, implicit };
}

export function condition(name: string): Parameter {
  return { kind: 'boolean', name };
}

/** A number of bars. */
export function windowOf(least: number, most: number, usual?: number): Parameter {
  const parameter = { kind: 'window', name: 'n', least, most, isInteger: true } as const;
  return usual === undefined ? parameter : { ...parameter, usual };
}

export function constant(name: string, least: number, most: number, isInteger = false): Parameter {
  return { kind: 'constant', name, least, most, isInteger };
}

/** What all operators of the current bar alone have in common. */
export const POINTWISE = {
  family: 'pointwise',
  cost: 'constant',
  bars: () => 1,
  doubles: () => 0,
} as const;
