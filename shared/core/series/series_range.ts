import { SERIES } from './series_names.ts';

/** Largest magnitude accepted in a series that has no range of its type. */
const GREATEST = 1e18;

/** Returns whether a series can have a value: inside its limits, where it is known, and no damaged number. */
export function isPossibleValue(name: string, value: number): boolean {
  if (!(Math.abs(value) <= GREATEST)) return false;
  const kind = SERIES.find((one) => one.name === name);
  return kind === undefined || (value >= kind.least && value <= kind.greatest);
}
