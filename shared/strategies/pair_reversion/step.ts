import type { OpenTime } from '../../bar.ts';
import { agePosition, FLAT, openPosition, type Market, type Position } from '../../core/position/position.ts';
import { decide, type Decision } from './decide.ts';
import type { DecisionPolicy, EntryTerms, Scores } from './pair_input.ts';

export interface Step {
  readonly decision: Decision;
  /** The virtual position after the bar. */
  readonly position: Position;
}

/**
 * One bar of a pair: ages the position, decides, and applies the decision. Live, shadow, replay and backtest all go
 * through here.
 * @param position before this bar
 * @param id of a position that this bar opens
 * @param time open of this bar
 */
export function step(
  market: Market,
  scores: Scores | null,
  terms: EntryTerms,
  policy: DecisionPolicy,
  position: Position,
  id: string,
  time: OpenTime,
): Step {
  const aged = agePosition(position);
  const decision = decide(market, scores, terms, policy, aged, time);
  switch (decision.action) {
    case 'ENTER':
      return { decision, position: openPosition(decision.target, id, time, market) };
    case 'EXIT':
      return { decision, position: FLAT };
    case 'HOLD':
      return { decision, position: aged };
  }
}
