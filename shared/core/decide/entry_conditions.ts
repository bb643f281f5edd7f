import { SECONDS_PER_BAR } from '../../bar.ts';
import { isEntryClosed } from '../cost/entry_window.ts';
import { MINUTES_PER_WEEK } from '../cost/new_york_time.ts';
import type { DecisionPolicy, Gate, ModelScores, Reason } from './decide.ts';
import type { Market, Position } from '../position/position.ts';

export const CONDITION_NAMES = [
  'flat',
  'stop',
  'model',
  'halt',
  'edge',
  'beta_min',
  'beta_max',
  'z',
  'session',
  'return_prob',
  'risk_score',
  'expected_net',
] as const;
export type ConditionName = (typeof CONDITION_NAMES)[number];

/** One condition of an entry. Values without a number (a model, an edge, a halt, a flat position) have none. */
export interface EntryCondition<Name extends string = ConditionName, Refusal extends string = Reason> {
  readonly name: Name;
  /** With which the decision refuses while the condition does not hold. */
  readonly reason: Refusal;
  readonly holds: boolean;
  readonly value: number | null;
  readonly limit: number | null;
  /** `>=`, `>`, `<=` or `<`: how `value` must relate to `limit`. */
  readonly relation: '>=' | '>' | '<=' | '<' | null;
  /** What has to be added to `value` to reach `limit`; 0 when it holds; null without numbers. */
  readonly change: number | null;
  /** |change| over the scale of the value; 0 when it holds; null without numbers. */
  readonly relative: number | null;
}

export interface EntryQuestion {
  readonly market: Market;
  readonly scores: ModelScores | null;
  readonly gate: Gate;
  readonly policy: DecisionPolicy;
  /** Before the bar. */
  readonly position: Position;
  /** Open of the bar, epoch seconds. */
  readonly time: number;
  /** Expected net result of an entry at |z| at least `z_entry`, by `expectedNetBps`. */
  readonly expectedNetBps: number;
  /** Cost of the round trip in basis points: the scale of the expected result. */
  readonly roundTripBps: number;
}

/** Every condition of an entry, in the order of `decide`. An entry follows exactly when all hold. */
export function entryConditions(question: EntryQuestion): EntryCondition[] {
  const { market, scores, gate, policy, position, time, expectedNetBps, roundTripBps } = question;
  const hedge = Math.abs(market.beta);
  const fill = time + SECONDS_PER_BAR;
  const wait = minutesUntilOpen(policy, fill);
  const conditions: EntryCondition[] = [
    yesNo('flat', 'IN_POSITION', position.side === 0),
    yesNo('stop', 'STOPPED', gate.stop == null),
    yesNo('model', 'NO_MODEL', scores !== null),
    yesNo('halt', 'KPI_HALT', !gate.isHalted),
    yesNo('edge', 'NO_EDGE', gate.hasEdge || !policy.require_edge),
    measured('beta_min', 'BETA_RANGE', hedge, '>=', policy.beta_min, policy.beta_min),
    measured('beta_max', 'BETA_RANGE', hedge, '<=', policy.beta_max, policy.beta_max),
    measured('z', 'NO_SETUP', Math.abs(market.z), '>=', policy.z_entry, policy.z_entry),
    measured('session', 'SESSION', wait, '<=', 0, MINUTES_PER_WEEK),
  ];
  if (scores === null) return conditions;
  return [
    ...conditions,
    measured('return_prob', 'PROB_LOW', scores.return_prob, '>', gate.theta1, gate.theta1),
    measured('risk_score', 'RISK_HIGH', scores.risk_score, '<', gate.theta2, gate.theta2),
    measured('expected_net', 'COST_HIGH', expectedNetBps, '>', policy.min_expected_net_bps, roundTripBps),
  ];
}

/**
 * The smallest change that would have entered: the conditions that do not hold, those that a number decides first, by
 * how little it would have to move.
 */
export function missingConditions<C extends EntryCondition<string, string>>(conditions: readonly C[]): C[] {
  const missing = conditions.filter(({ holds }) => !holds);
  return missing.sort((a, b) => (a.relative ?? Infinity) - (b.relative ?? Infinity) || 0);
}

/** A condition without a number. */
export function yesNo<N extends string, R extends string>(name: N, reason: R, holds: boolean): EntryCondition<N, R> {
  return { name, reason, holds, value: null, limit: null, relation: null, change: null, relative: null };
}

/** A condition on a number. @param scale of the value, for `relative` */
export function measured<N extends string, R extends string>(
  name: N,
  reason: R,
  value: number,
  relation: NonNullable<EntryCondition['relation']>,
  limit: number,
  scale: number,
): EntryCondition<N, R> {
  const holds = satisfies(value, relation, limit);
  const change = holds ? 0 : limit - value;
  const relative = holds ? 0 : Math.abs(change) / Math.max(Math.abs(scale), Number.MIN_VALUE);
  return { name, reason, holds, value, limit, relation, change, relative };
}

/** NaN satisfies nothing. */
function satisfies(value: number, relation: NonNullable<EntryCondition['relation']>, limit: number): boolean {
  if (relation === '>') return value > limit;
  if (relation === '>=') return value >= limit;
  return relation === '<' ? value < limit : value <= limit;
}

/** Minutes from a fill until entries are allowed; a week when they never are. */
function minutesUntilOpen({ no_entry_windows }: DecisionPolicy, fill: number): number {
  // Stryker disable next-line EqualityOperator: an opening after exactly a week is answered as none
  for (let minutes = 0; minutes < MINUTES_PER_WEEK; minutes++)
    if (!isEntryClosed(no_entry_windows, fill + minutes * 60)) return minutes;
  return MINUTES_PER_WEEK;
}
