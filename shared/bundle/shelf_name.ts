import { TIMEFRAME_NAMES, type Timeframe } from '../pair.ts';
import type { ShelfName } from '../strategies/registry.ts';

/** @param timeframe of a direction model; null or undefined: models of pairs */
export function shelfOfTimeframe(timeframe: Timeframe | null | undefined): ShelfName {
  return timeframe == null ? 'pairs' : 'direction';
}

/**
 * The shelf of a bundle's row in the registry; null: the registry has no rules.
 * @param bundle with the instrument of a rule
 */
export function registeredShelf(bundle: {
  readonly timeframe?: Timeframe | null | undefined;
  readonly instrument: string | null | undefined;
}): ShelfName | null {
  return bundle.instrument == null ? shelfOfTimeframe(bundle.timeframe) : null;
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

/**
 * The timeframe of the direction models of a slot; null: a slot of pairs, or of a rule.
 * @param slot also of a challenger or a shadow: `challenger 1h`
 */
export function timeframeOfSlot(slot: string): Timeframe | null {
  const [, of] = slot.split(' ');
  return TIMEFRAME_NAMES.find((timeframe) => timeframe === of) ?? null;
}
