import { asKnown } from '../shared/calendar/calendar_text.ts';
import type { SeriesBook } from '../shared/core/series/series_book.ts';
import type { Clock } from '../shared/ports.ts';
import type { Decider } from './decide/decider.ts';
import type { HaltedPairs } from './infer/halted_pairs.ts';
import type { DirectionShadows } from './infer/direction_shadows.ts';
import type { DirectionSlots } from './infer/direction_slots.ts';
import type { ModelSlots } from './infer/model_slots.ts';
import type { RolloutArms } from './infer/rollout_arms.ts';
import type { Shadow } from './infer/shadow.ts';
import type { Instruments } from './instruments.ts';
import type { StateInput } from './queue/input.ts';
import type { BatchPublisher } from './batches/batch_publisher.ts';
import { scopeOf, type DegradationSet } from './queue/degradation_set.ts';
import { parseSlot } from '../shared/subject/slot.ts';

/** What an input changes between two minutes. */
export interface States {
  readonly slots: Pick<ModelSlots, 'swap' | 'clear'>;
  readonly directions: Pick<DirectionSlots, 'swap' | 'clear'>;
  readonly rules: Pick<Instruments['ruleSlots'], 'swap' | 'clear'>;
  readonly halts: Pick<HaltedPairs, 'setHalts' | 'setUnread'>;
  readonly shadow: Pick<Shadow, 'swap'>;
  readonly directionShadows: Pick<DirectionShadows, 'swap'>;
  readonly ruleShadows: Pick<Instruments['ruleShadows'], 'swap'>;
  readonly arms: Pick<RolloutArms, 'change' | 'restart'>;
  readonly decider: Pick<Decider, 'setPolicy' | 'setCalendar'>;
  readonly degradations: DegradationSet;
  readonly batches: Pick<BatchPublisher, 'hold'>;
  readonly series: Pick<SeriesBook, 'take'>;
  readonly clock: Clock;
}

export function takeEffect(input: StateInput, states: States): void {
  const { slots, directions, rules, halts, shadow, directionShadows, ruleShadows, arms } = states;
  const { decider, degradations, batches, series, clock } = states;
  switch (input.kind) {
    case 'swap':
      return slots.swap(input);
    case 'direction':
      return directions.swap(input);
    case 'rule':
      return rules.swap(input);
    case 'halts':
      return halts.setHalts(input.standing.halts);
    case 'shadow': {
      const slot = parseSlot(input.slot);
      return slot.strategy === 'direction' ? directionShadows.swap(slot.timeframe, input) : shadow.swap(input);
    }
    case 'rule_shadow':
      return ruleShadows.swap(input);
    case 'rollout':
      return arms.change(input);
    case 'series':
      return series.take(input.observation);
    case 'policy':
      return decider.setPolicy(input.record);
    case 'news':
      return decider.setCalendar(input.events.map(asKnown));
    case 'lease':
      return batches.hold(input.fence, clock.nowMs());
    case 'degraded':
      degradations.add(input.what, input.scope);
      if (input.what === 'stops') halts.setUnread(true);
      return;
    case 'recovered':
      degradations.delete(input.what, input.scope ?? scopeOf(input.what));
      if (input.what === 'stops') halts.setUnread(false);
      return;
    case 'boot':
      // Halts outlive the process; the calendar is journaled again by each.
      slots.clear();
      directions.clear();
      rules.clear();
      arms.restart();
      decider.setCalendar([]);
      degradations.clear();
      halts.setUnread(false);
  }
}
