import { deciderOf } from '../../core/rule/decider.ts';
import type { Action } from '../../core/rule/rule.ts';
import {
  ageInstrument,
  FLAT_INSTRUMENT,
  type DirectionFacts,
  type DirectionPosition,
  type DirectionStrategy,
} from './direction_input.ts';
import { DIRECTION_RULE } from './direction_rule.ts';

export const DIRECTION_REASONS = [
  'ENTRY',
  'STOP_EXIT',
  'TARGET_EXIT',
  'AGE_EXIT',
  'OPPOSITE_EXIT',
  'NEWS_CLOSE',
  'CLOSE_ALL',
  'IN_POSITION',
  'STOPPED',
  'NO_MODEL',
  'MODEL_BIASED',
  'MODEL_WEAK',
  'NO_EDGE',
  'NEWS',
  'NOVEL_INPUT',
  'THETA',
] as const;
export type DirectionReason = (typeof DIRECTION_REASONS)[number];

export interface DirectionStep {
  readonly action: Action;
  readonly reason: DirectionReason;
  /** The position after the bar. */
  readonly position: DirectionPosition;
}

const DECIDER = deciderOf(DIRECTION_RULE);

/**
 * One closed bar of an instrument, decided by `DIRECTION_RULE`: a pure function. A position ends before another begins:
 * stop before target before age before the opposite signal, and exits need neither a model nor what it claims.
 * @param position before this bar
 */
export function stepDirection(
  strategy: DirectionStrategy,
  position: DirectionPosition,
  input: DirectionFacts,
): DirectionStep {
  const aged = ageInstrument(position);
  const { close, probabilities, veto, novelty, noveltyMin, stop, news, time } = input;
  const question = { close, probabilities, veto, novelty, noveltyMin, stop, news, time, strategy, position: aged };
  const { action, reason, target } = DECIDER.decide(position.side, question);
  switch (action) {
    case 'ENTER':
      return { action, reason, position: { side: target, entryClose: close, ageBars: 0 } };
    case 'EXIT':
      return { action, reason, position: FLAT_INSTRUMENT };
    case 'HOLD':
      return { action, reason, position: aged };
  }
}
