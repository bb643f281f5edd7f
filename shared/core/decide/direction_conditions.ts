import type { DirectionProbabilities, DirectionReason, DirectionStrategy } from './direction.ts';
import { measured, yesNo, type EntryCondition } from './entry_conditions.ts';

export const DIRECTION_CONDITION_NAMES = [
  'flat',
  'stop',
  'model',
  'edge',
  'ml_up_prob',
  'ml_up_lead',
  'ml_down_prob',
  'ml_down_lead',
] as const;
export type DirectionConditionName = (typeof DIRECTION_CONDITION_NAMES)[number];
export type DirectionCondition = EntryCondition<DirectionConditionName, DirectionReason>;

export interface DirectionQuestion {
  /** null without a model. */
  readonly strategy: Pick<DirectionStrategy, 'theta_up' | 'theta_down'> | null;
  /** null without an answer of the model. */
  readonly probabilities: DirectionProbabilities | null;
  readonly hasEdge: boolean;
  /** No position before the bar. */
  readonly isFlat: boolean;
  /** A person has stopped the entries. */
  readonly isStopped: boolean;
}

/**
 * Every condition of an entry, in the order of `stepDirection`; of the two sides, the one whose probability has less
 * to gain. An entry follows exactly when all hold.
 */
export function directionConditions(question: DirectionQuestion): DirectionCondition[] {
  const { strategy, probabilities, hasEdge, isFlat, isStopped } = question;
  const conditions: DirectionCondition[] = [
    yesNo('flat', 'IN_POSITION', isFlat),
    yesNo('stop', 'STOPPED', !isStopped),
    yesNo('model', 'NO_MODEL', probabilities !== null && strategy !== null),
    yesNo('edge', 'NO_EDGE', hasEdge),
  ];
  if (probabilities === null || strategy === null) return conditions;
  const { ML_UP_PROB: up, ML_DOWN_PROB: down } = probabilities;
  const isUp = Math.max(strategy.theta_up, down) - up <= Math.max(strategy.theta_down, up) - down;
  return [...conditions, ...(isUp ? sideOf('up', up, down, strategy.theta_up) : sideOf('down', down, up, strategy.theta_down))]; // prettier-ignore
}

function sideOf(side: 'up' | 'down', own: number, other: number, theta: number): DirectionCondition[] {
  return [
    measured(`ml_${side}_prob`, 'THETA', own, '>', theta, theta),
    measured(`ml_${side}_lead`, 'THETA', own, '>', other, other),
  ];
}
