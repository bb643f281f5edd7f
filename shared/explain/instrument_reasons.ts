import { REASONS } from '../strategies/pair_reversion/reasons.ts';
import type { DirectionReason } from '../strategies/direction/direction.ts';
import type { ServedRuleReason } from '../strategies/formula_rule/served_rule.ts';

const { CLOSE_ALL, IN_POSITION, NEWS, NEWS_CLOSE, NO_MODEL, STOPPED } = REASONS;

/** What each reason of an instrument's signal means. */
export const INSTRUMENT_REASONS = {
  ENTRY:
    'ENTER: the probability of one direction is above its threshold and above the other one; of a rule: the conditions of one side are all true.',
  STOP_EXIT: 'EXIT: the position lost its stop distance.',
  TARGET_EXIT: 'EXIT: the position gained its target.',
  AGE_EXIT: 'EXIT: the position reached its maximum age.',
  RULE_EXIT: 'EXIT: the exit condition of the rule is true.',
  OPPOSITE_EXIT: 'EXIT: the model calls for the opposite side.',
  NEWS_CLOSE,
  CLOSE_ALL,
  IN_POSITION,
  STOPPED,
  NO_MODEL,
  MODEL_BIASED:
    'HOLD: the answers of the model favor one side (gate bias): its probabilities are published, and it makes no entries.',
  MODEL_WEAK:
    'HOLD: the model tells up, down and range apart too rarely (gate f1): its probabilities are published, and it makes no entries.',
  NO_EDGE: 'HOLD: the model or rule has shown no edge after costs for this instrument.',
  NEWS,
  NO_ENTRY: 'HOLD: the entry conditions of the rule are not all true on either side.',
  BOTH_SIDES: 'HOLD: the rule would enter on both sides at once.',
  NOVEL_INPUT: 'HOLD: the inputs of the model are unlike those it learned from: novelty is below novelty_min.',
  THETA: 'HOLD: no direction has a probability above its threshold.',
  WARMUP: 'HOLD: the instrument has not seen enough bars yet.',
  LEG_MISSING: 'HOLD: the bar did not come in time.',
  LEG_EMPTY: 'HOLD: the instrument did not trade in this bar.',
  BAR_SUSPECT: 'HOLD: the bar does not fit the recent ones; the next one confirms or refutes it.',
  SILENCE: 'HOLD: no bar came for a while; a heartbeat that repeats the values of the last bar.',
  SHUTDOWN: 'HOLD: the daemon ends and no other waits to take over; its last signal, always in mode HALT.',
} as const satisfies Readonly<Record<DirectionReason | ServedRuleReason, string>> & Readonly<Record<string, string>>;
