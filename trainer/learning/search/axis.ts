import { exp, ln } from '../../../shared/elementary.ts';
import type { Parameter, Value } from './space.ts';

/** A parameter with an order, mapped to [0, 1] so that equal distances count as equal. */
export interface OrderedAxis {
  readonly kind: 'ordered';
  /** Position of a value. */
  encode(value: Value): number;
  /** The value at a position; the nearest one of a grid. */
  decode(place: number): Value;
  /** The interval of positions with the value at this position; null where every position has its own value. */
  cell: ((place: number) => readonly [number, number]) | null;
}

export interface CategoricalAxis {
  readonly kind: 'categorical';
  readonly choices: readonly Value[];
}

export type Axis = OrderedAxis | CategoricalAxis;

export function axisOf(parameter: Parameter): Axis {
  if (parameter.kind === 'categorical') return { kind: 'categorical', choices: parameter.choices };
  if (parameter.kind === 'integer') return parameter.log === true ? logIntegerAxis(parameter) : gridAxis(parameter, 1);
  if (parameter.step !== undefined) return gridAxis(parameter, parameter.step);
  return parameter.log === true ? logFloatAxis(parameter) : floatAxis(parameter);
}

interface Range {
  readonly low: number;
  readonly high: number;
}

function floatAxis({ low, high }: Range): OrderedAxis {
  const width = high - low;
  return {
    kind: 'ordered',
    encode: (value) => (width === 0 ? 0.5 : (Number(value) - low) / width),
    decode: (place) => clamp(low + place * width, low, high),
    cell: null,
  };
}

function logFloatAxis({ low, high }: Range): OrderedAxis {
  const from = ln(low);
  const width = ln(high) - from;
  return {
    kind: 'ordered',
    encode: (value) => (width === 0 ? 0.5 : (ln(Number(value)) - from) / width),
    decode: (place) => clamp(exp(from + place * width), low, high),
    cell: null,
  };
}

/** Each value has an equal share of [0, 1] and is at its center. */
function gridAxis({ low, high }: Range, step: number): OrderedAxis {
  // A step that divides the range up to rounding reaches its end.
  const values = Math.floor((high - low) / step + 1e-9) + 1;
  const indexAt = (place: number): number => clamp(Math.floor(place * values), 0, values - 1);
  return {
    kind: 'ordered',
    encode: (value) => (Math.round((Number(value) - low) / step) + 0.5) / values,
    decode: (place) => gridValue(low, step, indexAt(place)),
    cell: (place) => [indexAt(place) / values, (indexAt(place) + 1) / values],
  };
}

/** Value k has the share from ln(k − ½) to ln(k + ½). */
function logIntegerAxis({ low, high }: Range): OrderedAxis {
  const from = ln(low - 0.5);
  const width = ln(high + 0.5) - from;
  const valueAt = (place: number): number => clamp(Math.round(exp(from + place * width)), low, high);
  const placeOf = (x: number): number => (ln(x) - from) / width;
  return {
    kind: 'ordered',
    encode: (value) => placeOf(Number(value)),
    decode: valueAt,
    cell: (place) => [placeOf(valueAt(place) - 0.5), placeOf(valueAt(place) + 0.5)],
  };
}

/** low + index · step without the noise of its last bits: 0.1 + 2 · 0.1 is 0.3. */
export function gridValue(low: number, step: number, index: number): number {
  return Number((low + index * step).toPrecision(12));
}

function clamp(x: number, low: number, high: number): number {
  return x < low ? low : x > high ? high : x;
}
