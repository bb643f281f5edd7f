import { TIMEFRAME_NAMES, type Timeframe } from '../../pair.ts';
import { quietly } from '../../quietly.ts';
import { readShadow } from '../shadow_pointer.ts';
import { readActiveOfSlot } from './registry.ts';

/** What the pointers of a slot name: its active bundle, the one before, and its shadow. */
export interface SlotPointers {
  readonly version: string | null;
  readonly previous: string | null;
  readonly shadow: string | null;
  /** Of a slot of direction models; null: the slot of pairs. */
  readonly timeframe: Timeframe | null;
}

/** A damaged pointer names nothing: `refused_models` of health and status tells of it. */
export function slotPointers(models: string, timeframe: Timeframe | null): SlotPointers {
  const active = quietly(() => readActiveOfSlot(models, timeframe));
  return {
    version: active?.version ?? null,
    previous: active?.previous ?? null,
    shadow: quietly(() => readShadow(models, timeframe)),
    timeframe,
  };
}

/** The pointers of the slots of direction models that name a bundle. */
export function directionPointers(models: string): (SlotPointers & { readonly timeframe: Timeframe })[] {
  return TIMEFRAME_NAMES.map((timeframe) => ({ ...slotPointers(models, timeframe), timeframe })).filter(
    ({ version, shadow }) => version !== null || shadow !== null,
  );
}
