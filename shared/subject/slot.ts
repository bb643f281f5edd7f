import {
  barSecondsOf,
  isInstrument,
  SUBJECT_ID,
  TIMEFRAME_NAMES,
  timeframeOf,
  type Pair,
  type Timeframe,
} from '../pair.ts';

type DirectionSlotId = `direction ${Timeframe}`;
/** Where models serve. */
export type ModelSlotId = 'pairs' | DirectionSlotId;
/** Where a rule serves: `rule BTCUSDT@1h`, `rule XAUUSD_XAGUSD`. */
export type RuleSlotId = `rule ${string}`;
/** Where one bundle serves, as registry and API name it. */
export type SlotId = ModelSlotId | RuleSlotId;

/** What a bundle does in its slot: its answers are published, those to a share of the entries, or none of them. */
export type Role = 'active' | 'challenger' | 'shadow';

/** A slot, taken apart. */
export type Slot =
  | { readonly id: 'pairs'; readonly strategy: 'pair_reversion' }
  | { readonly id: DirectionSlotId; readonly strategy: 'direction'; readonly timeframe: Timeframe }
  /** `subject` is the id of an instrument or a pair. */
  | { readonly id: RuleSlotId; readonly strategy: 'rule'; readonly subject: string };

export function directionSlot(timeframe: Timeframe): DirectionSlotId {
  return `direction ${timeframe}`;
}

/** @param subject id of an instrument or a pair */
export function ruleSlot(subject: string): RuleSlotId {
  return `rule ${subject}`;
}

/** Every slot of models: that of all pairs, then one for each timeframe of instruments. */
export const MODEL_SLOTS: readonly ModelSlotId[] = ['pairs', ...TIMEFRAME_NAMES.map(directionSlot)];

/** The slot of the models that may answer for a subject. */
export function modelSlotOf(subject: Pair): ModelSlotId {
  return isInstrument(subject) ? directionSlot(timeframeOf(barSecondsOf(subject))) : 'pairs';
}

export function isRuleSlot(id: SlotId): id is RuleSlotId {
  return id.startsWith('rule ');
}

export function isModelSlot(id: string): id is ModelSlotId {
  return MODEL_SLOTS.some((slot) => slot === id);
}

/** @throws RangeError for what names no slot */
export function parseSlot(id: string): Slot {
  if (id === 'pairs') return { id, strategy: 'pair_reversion' };
  const of = id.slice(id.indexOf(' ') + 1);
  const timeframe = TIMEFRAME_NAMES.find((name) => name === of);
  if (timeframe !== undefined && id === directionSlot(timeframe))
    return { id: directionSlot(timeframe), strategy: 'direction', timeframe };
  if (id === ruleSlot(of) && SUBJECT_ID.test(of)) return { id: ruleSlot(of), strategy: 'rule', subject: of };
  throw new RangeError(`"${id}" names no slot such as pairs, direction 1h or rule BTCUSDT@1h`);
}

/** The instrument or pair of the slot of a rule. @throws RangeError for another slot */
export function subjectOfRule(id: SlotId): string {
  if (!isRuleSlot(id)) throw new RangeError(`${id} is no slot of a rule`);
  return id.slice('rule '.length);
}

/** @throws RangeError for another slot than one of direction models */
export function timeframeOfDirection(id: SlotId): Timeframe {
  const slot = parseSlot(id);
  if (slot.strategy !== 'direction') throw new RangeError(`${id} is no slot of direction models`);
  return slot.timeframe;
}
