import type { StopKind } from '../../shared/bundle/halts.ts';

/** A live KPI under the active models halts the pair. */
export const HALTED = 1;
/** A person has stopped its entries. */
export const STOPPED = 2;
/** A person also has its position closed. */
export const CLOSING = 4;

/** The order of a person in these bits; null = none. */
export function stopOf(bits: number): StopKind | null {
  if ((bits & CLOSING) !== 0) return 'close';
  return (bits & STOPPED) === 0 ? null : 'entries';
}
