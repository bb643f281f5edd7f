import type { OpenTime } from '../../bar.ts';
import type { Market, Position } from '../../core/position/position.ts';
import { deciderOf } from '../../core/rule/decider.ts';
import type { RuleDecision } from '../../core/rule/rule.ts';
import type { DecisionPolicy, EntryTerms, Scores } from './pair_input.ts';
import { PAIR_RULE } from './pair_rule.ts';
import type { Reason } from './reasons.ts';

/** Of the rule, or of the line before it: not warm, no complete minute, a heartbeat. */
export type Decision = RuleDecision<Reason>;

const DECIDER = deciderOf(PAIR_RULE);

/**
 * Decides at the close of a bar by `PAIR_RULE`: a pure function of its arguments, the same one live, in replay and in
 * backtest. `position` is the one before this bar, already aged by it; `time` is the bar's open. Without `scores`
 * nothing is entered; exits that need no model still happen.
 */
export function decide(
  market: Market,
  scores: Scores | null,
  terms: EntryTerms,
  policy: DecisionPolicy,
  position: Position,
  time: OpenTime,
): Decision {
  return DECIDER.decide(position.side, { market, scores, terms, policy, position, time });
}
