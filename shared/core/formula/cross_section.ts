import { POINTWISE, series, type Operator } from './operator.ts';
import { PLAIN } from './unit.ts';

/**
 * Puts what a value of one pair is among those of the pairs of its group at the same time in the place of the value. In
 * an array, because doubles that go in and out of a function are boxed where it is not inlined.
 * @param sorted values of the pairs that have one, ascending: their order says nothing of which pair each belongs to
 * @param count of them, at least `FEWEST_OF_SECTION` @param values has, at `at`, that of the pair, which is one of them
 */
export type Across = (sorted: Float64Array, count: number, values: Float64Array, at: number) => void;

/** With fewer values there is nothing to compare with. */
export const FEWEST_OF_SECTION = 2;

/** An operator over the pairs of a group. */
export interface SectionOperator extends Operator {
  readonly family: 'cross_section';
  readonly across: Across;
}

/**
 * What all cross-sections have in common. Their values are computed of all pairs of the group together, and come with
 * the bars of a pair like those of a source: no plan of one subject computes them.
 */
export const SECTION = {
  ...POINTWISE,
  family: 'cross_section',
  parameters: [series('x')],
  type: 'number',
  unit: plainUnit,
  build: (): never => {
    throw new RangeError('a cross-section is computed over the pairs of its group, not of one subject');
  },
} as const;

/** Prices and volumes of different pairs cannot be compared. */
function plainUnit([unit]: Parameters<Operator['unit']>[0]): typeof PLAIN | undefined {
  return unit === null || (unit!.price === 0 && unit!.volume === 0) ? PLAIN : undefined;
}

/** `finite` of a value of an array, written out: see there. */
export function makeFinite(values: Float64Array, at: number): void {
  const value = values[at]! + 0;
  if (value - value === 0) values[at] = value;
  else values[at] = NaN;
}

/** Writes the mean of the first `count` values, added up in their order, to a place. */
export function meanAcross(sorted: Float64Array, count: number, out: Float64Array, at: number): void {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += sorted[i]!;
  out[at] = sum / count;
}

export function isSection(operator: Operator): operator is SectionOperator {
  return operator.family === 'cross_section';
}

/** The slow definition: the values of a group at one time, the pair's own first; NaN where a pair has none. */
export function oracleOfSection(
  members: readonly number[],
  valueOf: (known: readonly number[], own: number) => number,
): number {
  const own = members[0]!;
  const known = members.filter((value) => !Number.isNaN(value)).toSorted((x, y) => x - y);
  return Number.isNaN(own) || known.length < FEWEST_OF_SECTION ? NaN : valueOf(known, own);
}
