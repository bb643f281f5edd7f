import type { OpenTime } from '../../bar.ts';
import { type DirectionFacts, type DirectionStrategy } from './direction_input.ts';
import { FLAT_POSITION, type InstrumentPosition, type InstrumentStep } from '../instrument_position.ts';
import { stepDirection, type DirectionStep } from './direction.ts';

/** The rules of a strategy that end a position. */
export type ExitRules = Pick<DirectionStrategy, 'stop' | 'target' | 'max_age_bars'>;

/** Never called for: an answer is at most 1. */
const NO_ENTRIES = { theta_up: 1, theta_down: 1 };
const NO_EXITS: ExitRules = { stop: Infinity, target: Infinity, max_age_bars: Infinity };

/** What decides the next bar: the entries of the active strategy, the exits of the position's entry. */
export function rulesOf(strategy: DirectionStrategy | null, position: InstrumentPosition): DirectionStrategy {
  const { stop, target, max_age_bars } = position.exits ?? strategy ?? NO_EXITS;
  const { theta_up, theta_down } = strategy ?? NO_ENTRIES;
  return { theta_up, theta_down, stop: stop ?? Infinity, target: target ?? Infinity, max_age_bars };
}

/**
 * Decides on one closed bar and moves the position by it: `stepDirection`, the same one as in a backtest.
 * @param strategy of the active model; null without one
 * @param id signal_id of the answer
 * @param time of the bar
 */
export function stepInstrument(
  strategy: DirectionStrategy | null,
  position: InstrumentPosition,
  input: DirectionFacts,
  id: string,
  time: OpenTime,
): InstrumentStep<DirectionStep['reason']> {
  const rules = rulesOf(strategy, position);
  const { stop, target, max_age_bars } = rules;
  const { action, reason, position: after } = stepDirection(rules, position, input);
  if (action === 'ENTER')
    return {
      action,
      reason,
      position: { ...after, positionId: id, entryTime: time, exits: { stop, target, max_age_bars } },
    };
  return { action, reason, position: after.side === 0 ? FLAT_POSITION : { ...position, ageBars: after.ageBars } };
}
