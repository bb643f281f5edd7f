import type { Timeframe } from '../pair.ts';
import { directionSlot, isRuleSlot, parseSlot, ruleSlot, type ModelSlotId, type Role, type SlotId } from './slot.ts';

/**
 * Where files, requests and tables name a slot of models by its timeframe.
 * @param timeframe null or absent: the models of pairs
 */
export function slotOfTimeframe(timeframe: Timeframe | null | undefined): ModelSlotId {
  return timeframe == null ? 'pairs' : directionSlot(timeframe);
}

/** The timeframe by which they name it; null: the models of pairs. */
export function timeframeOfSlot(id: ModelSlotId): Timeframe | null {
  const slot = parseSlot(id);
  return slot.strategy === 'direction' ? slot.timeframe : null;
}

/** A bundle, or what a slot has in its place, as the audit trail names it: `direction 20261101_0000`, `rule …`. */
export function targetIn(slot: SlotId, what: string): string {
  if (slot === 'pairs') return what;
  return isRuleSlot(slot) ? `rule ${what}` : `direction ${what}`;
}

/** The fields by which `rollout.json` says what it compares; none for the models of pairs. */
interface RolloutFields {
  readonly timeframe?: Timeframe | undefined;
  readonly instrument?: string | undefined;
}

/** The slot whose bundles a rollout compares. */
export function slotOfRollout({ timeframe, instrument }: RolloutFields): SlotId {
  return instrument === undefined ? slotOfTimeframe(timeframe) : ruleSlot(instrument);
}

/** @returns the one field that names the slot; none for the models of pairs */
export function rolloutFields(id: SlotId): { readonly timeframe?: Timeframe; readonly instrument?: string } {
  const slot = parseSlot(id);
  if (slot.strategy === 'rule') return { instrument: slot.subject };
  return slot.strategy === 'direction' ? { timeframe: slot.timeframe } : {};
}

/** A challenger or a shadow as reports name it: `challenger`, `shadow 1h`, `shadow BTCUSDT@1h`. */
export function nameBeside(role: Exclude<Role, 'active'>, slot: SlotId): string {
  const { timeframe, instrument } = rolloutFields(slot);
  const of = instrument ?? timeframe;
  return of === undefined ? role : `${role} ${of}`;
}
