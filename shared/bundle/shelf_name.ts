import type { Timeframe } from '../pair.ts';
import type { ShelfName } from '../strategies/registry.ts';

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
