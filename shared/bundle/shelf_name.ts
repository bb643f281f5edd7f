import type { Timeframe } from '../pair.ts';

/** Kinds of bundles. Each has its own folder, pointer files and registry rows. */
export type ShelfName = 'pairs' | 'direction';

/** Models as registry and notes type them; `DIRECTION` is the only one of a direction bundle. */
export type ModelType = 'AI1' | 'AI2' | 'AI3' | 'DIRECTION';

/** @param timeframe of a direction model; null or undefined: models of pairs */
export function shelfOfTimeframe(timeframe: Timeframe | null | undefined): ShelfName {
  return timeframe == null ? 'pairs' : 'direction';
}

/** A bundle, or what its slot has in its place, as audit and reports name it: `direction 20261101_0000`. */
export function targetInSlot(timeframe: Timeframe | null, what: string): string {
  return timeframe === null ? what : `direction ${what}`;
}

/** A slot as registry and reports name it. */
export type SlotName = 'pairs' | `direction ${Timeframe}`;

/** @param timeframe as in shelfOfTimeframe */
export function slotNameOf(timeframe: Timeframe | null): SlotName {
  return timeframe === null ? 'pairs' : `direction ${timeframe}`;
}
