import type { Timeframe } from '../pair.ts';

/** Kinds of bundles. Each has its own folder, pointer files and registry rows. */
export type ShelfName = 'pairs' | 'direction';

/** @param timeframe of a direction model; null or undefined: models of pairs */
export function shelfOfTimeframe(timeframe: Timeframe | null | undefined): ShelfName {
  return timeframe == null ? 'pairs' : 'direction';
}

/** A slot as registry and reports name it. */
export type SlotName = 'pairs' | `direction ${Timeframe}`;

/** @param timeframe as in shelfOfTimeframe */
export function slotNameOf(timeframe: Timeframe | null): SlotName {
  return timeframe === null ? 'pairs' : `direction ${timeframe}`;
}
