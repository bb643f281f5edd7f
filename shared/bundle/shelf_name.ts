import { isRuleSlot, type ModelSlotId, type SlotId } from '../subject/slot.ts';
import type { ShelfName } from '../strategies/registry.ts';

export function shelfNameOf(slot: ModelSlotId): ShelfName {
  return slot === 'pairs' ? 'pairs' : 'direction';
}

/** The shelf of a bundle's row in the registry; null: the registry has no rules. */
export function registeredShelf(slot: SlotId): ShelfName | null {
  return isRuleSlot(slot) ? null : shelfNameOf(slot);
}
