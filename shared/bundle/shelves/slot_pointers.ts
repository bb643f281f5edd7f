import { TIMEFRAME_NAMES, type Timeframe } from '../../pair.ts';
import { quietly } from '../../quietly.ts';
import { readShadow } from '../shadow_pointer.ts';
import { readActiveOfSlot } from './registry.ts';
import { directionSlot, type ModelSlotId } from '../../subject/slot.ts';
import { timeframeOfSlot } from '../../subject/written_names.ts';

/** What the pointers of a slot name: its active bundle, the one before, and its shadow. */
export interface SlotPointers {
  readonly version: string | null;
  readonly previous: string | null;
  readonly shadow: string | null;
  /** Of a slot of direction models; null: the slot of pairs. As the API names it. */
  readonly timeframe: Timeframe | null;
}

/** A damaged pointer names nothing: `refused_models` of health and status tells of it. */
export function slotPointers(models: string, slot: ModelSlotId): SlotPointers {
  const active = quietly(() => readActiveOfSlot(models, slot));
  return {
    version: active?.version ?? null,
    previous: active?.previous ?? null,
    shadow: quietly(() => readShadow(models, slot)),
    timeframe: timeframeOfSlot(slot),
  };
}

/** The pointers of the slots of direction models that name a bundle. */
export function directionPointers(models: string): (SlotPointers & { readonly timeframe: Timeframe })[] {
  return TIMEFRAME_NAMES.map((timeframe) => ({ ...slotPointers(models, directionSlot(timeframe)), timeframe })).filter(
    ({ version, shadow }) => version !== null || shadow !== null,
  );
}
