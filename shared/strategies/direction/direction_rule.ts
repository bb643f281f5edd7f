import { comparison, fact } from '../../core/rule/conditions.ts';
import { FAMILIAR_INPUT } from '../../core/rule/novelty_condition.ts';
import type { Condition, Rule } from '../../core/rule/rule.ts';
import { NEWS_CLOSES, NO_NEWS, NOT_STOPPED, PERSON_CLOSES } from '../../core/rule/standing_conditions.ts';
import type { DirectionProbabilities, DirectionQuestion, DirectionStrategy, EntryVeto } from './direction_input.ts';

export type DirectionRuleReason =
  | 'STOP_EXIT'
  | 'TARGET_EXIT'
  | 'AGE_EXIT'
  | 'OPPOSITE_EXIT'
  | 'NEWS_CLOSE'
  | 'CLOSE_ALL'
  | 'STOPPED'
  | 'NO_MODEL'
  | EntryVeto
  | 'NEWS'
  | 'NOVEL_INPUT'
  | 'THETA';
export type DirectionExitName = 'stop_loss' | 'target' | 'age' | 'opposite' | 'news_close' | 'close_all';
export type DirectionEntryName =
  | 'stop'
  | 'model'
  | 'unbiased'
  | 'quality'
  | 'edge'
  | 'news'
  | 'novelty'
  | 'ml_up_prob'
  | 'ml_up_lead'
  | 'ml_down_prob'
  | 'ml_down_lead';

const upProb = ({ probabilities }: DirectionQuestion): number => probabilities?.ML_UP_PROB ?? NaN;
const downProb = ({ probabilities }: DirectionQuestion): number => probabilities?.ML_DOWN_PROB ?? NaN;
const isAnswered = ({ probabilities }: DirectionQuestion): boolean => probabilities !== null;

/** What the position has earned, as a share of the entry's close, before costs. */
const earned = ({ position, close }: DirectionQuestion): number => position.side * (close / position.entryClose - 1);

/** The side the probabilities call for; 0 = none. */
function calledSide(question: Pick<DirectionQuestion, 'probabilities' | 'strategy'>): -1 | 0 | 1 {
  const { probabilities, strategy } = question;
  if (probabilities === null) return 0;
  const { ML_UP_PROB: up, ML_DOWN_PROB: down } = probabilities;
  if (up > strategy.theta_up && up > down) return 1;
  if (down > strategy.theta_down && down > up) return -1;
  return 0;
}

/** Whether the probabilities call for a side: the bar is a candidate of an entry. */
export function isCalled(
  probabilities: DirectionProbabilities,
  strategy: Pick<DirectionStrategy, 'theta_up' | 'theta_down'>,
): boolean {
  return calledSide({ probabilities, strategy: strategy as DirectionStrategy }) !== 0;
}

/**
 * Whether up is the side with less to gain until it is called; both equally near: up. The called side, where there is
 * one, is the nearer one: its gap is negative, and the other's is not.
 */
function isUpNearer(question: DirectionQuestion): boolean {
  const { strategy } = question;
  const up = upProb(question);
  const down = downProb(question);
  return Math.max(strategy.theta_up, down) - up <= Math.max(strategy.theta_down, up) - down;
}

/** Exits need no edge, and all but OPPOSITE_EXIT need no model. */
const exits: readonly Condition<DirectionQuestion, DirectionExitName, DirectionRuleReason>[] = [
  comparison({
    name: 'stop_loss',
    reason: 'STOP_EXIT',
    limitFrom: 'entry',
    relation: '<=',
    value: earned,
    limit: ({ strategy }) => -strategy.stop,
  }),
  comparison({
    name: 'target',
    reason: 'TARGET_EXIT',
    limitFrom: 'entry',
    relation: '>=',
    value: earned,
    limit: ({ strategy }) => strategy.target,
  }),
  comparison({
    name: 'age',
    reason: 'AGE_EXIT',
    limitFrom: 'entry',
    relation: '>=',
    value: ({ position }) => position.ageBars,
    limit: ({ strategy }) => strategy.max_age_bars,
  }),
  fact({
    name: 'opposite',
    reason: 'OPPOSITE_EXIT',
    limitFrom: 'bundle',
    holds: (question) => calledSide(question) === -question.position.side,
  }),
  NEWS_CLOSES,
  PERSON_CLOSES,
];

/** Of the two sides, the conditions of the nearer one: an entry of the other would need more. */
const entries: readonly Condition<DirectionQuestion, DirectionEntryName, DirectionRuleReason>[] = [
  NOT_STOPPED,
  fact({ name: 'model', reason: 'NO_MODEL', limitFrom: 'bundle', holds: isAnswered }),
  claim('unbiased', 'MODEL_BIASED'),
  claim('quality', 'MODEL_WEAK'),
  fact({ name: 'edge', reason: 'NO_EDGE', limitFrom: 'bundle', holds: ({ veto }) => veto !== 'NO_EDGE' }),
  NO_NEWS,
  // Before the answers of the model, which are not used for an input unlike its training data.
  FAMILIAR_INPUT,
  ...sideConditions('up', isUpNearer, upProb, downProb, ({ strategy }) => strategy.theta_up),
  ...sideConditions(
    'down',
    (question) => !isUpNearer(question),
    downProb,
    upProb,
    ({ strategy }) => strategy.theta_down,
  ),
];

/** A claim about the model as a whole: told only where it has failed. */
function claim<Name extends 'unbiased' | 'quality', Reason extends EntryVeto>(
  name: Name,
  reason: Reason,
): Condition<DirectionQuestion, Name, Reason> {
  const holds = ({ veto }: DirectionQuestion): boolean => veto !== reason;
  return fact({ name, reason, limitFrom: 'bundle', holds, applies: (question) => !holds(question) });
}

/** The conditions of one side; they hold where the other side is nearer. */
function sideConditions<Side extends 'up' | 'down'>(
  side: Side,
  isNearer: (question: DirectionQuestion) => boolean,
  own: (question: DirectionQuestion) => number,
  other: (question: DirectionQuestion) => number,
  theta: (question: DirectionQuestion) => number,
): Condition<DirectionQuestion, `ml_${Side}_prob` | `ml_${Side}_lead`, DirectionRuleReason>[] {
  const applies = (question: DirectionQuestion): boolean => isAnswered(question) && isNearer(question);
  const ofSide = <Name extends `ml_${Side}_prob` | `ml_${Side}_lead`>(
    name: Name,
    limit: (question: DirectionQuestion) => number,
  ): Condition<DirectionQuestion, Name, DirectionRuleReason> => {
    const condition = comparison({
      name,
      reason: 'THETA',
      limitFrom: 'bundle',
      relation: '>',
      value: own,
      limit,
      applies,
    });
    return { ...condition, holds: (question) => !isNearer(question) || condition.holds(question) };
  };
  return [ofSide(`ml_${side}_prob`, theta), ofSide(`ml_${side}_lead`, other)];
}

/** The rule of an instrument: takes the side whose probability is above its threshold and above the other's. */
export const DIRECTION_RULE: Rule<DirectionQuestion, DirectionRuleReason, DirectionExitName, DirectionEntryName> = {
  exits,
  entries,
  entrySide: calledSide,
};
