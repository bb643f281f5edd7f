import type { OpenTime } from '../../bar.ts';
import { exp, ln } from '../../elementary.ts';
import { pairReturn } from '../../core/position/pair_return.ts';
import { fact } from '../../core/rule/conditions.ts';
import { deciderOf } from '../../core/rule/decider.ts';
import type { Rule } from '../../core/rule/rule.ts';
import {
  NEWS_CLOSES,
  NO_NEWS,
  NOT_STOPPED,
  PERSON_CLOSES,
  type StandingOrders,
} from '../../core/rule/standing_conditions.ts';
import {
  FLAT_POSITION,
  nextAge,
  type InstrumentPosition,
  type InstrumentStep,
  type KeptExits,
} from '../instrument_position.ts';
import { FORMULA_RULE, FORMULA_RULE_REASONS, type FormulaRuleQuestion, type RuleLimits } from './formula_rule.ts';

const BPS = 1e4;

/** Why a served rule did what it did: as in a backtest, or by orders that a backtest does not have. */
export const SERVED_RULE_REASONS = [
  ...FORMULA_RULE_REASONS,
  'NEWS_CLOSE',
  'CLOSE_ALL',
  'STOPPED',
  'NO_EDGE',
  'NEWS',
] as const;
export type ServedRuleReason = (typeof SERVED_RULE_REASONS)[number];

type Reason = Exclude<ServedRuleReason, 'ENTRY' | 'IN_POSITION'>;

/** All that the decision of a served rule reads. */
export interface ServedRuleQuestion extends FormulaRuleQuestion, StandingOrders {
  /** Whether its judgement shows an edge after costs, or the policy requires none. */
  readonly hasEdge: boolean;
}

/** The rule of a strategy file with the orders that hold for every strategy of an instrument. */
export const SERVED_RULE: Rule<ServedRuleQuestion, Reason> = {
  exits: [...FORMULA_RULE.exits, NEWS_CLOSES, PERSON_CLOSES],
  entries: [
    NOT_STOPPED,
    fact({ name: 'edge', reason: 'NO_EDGE', limitFrom: 'bundle', holds: ({ hasEdge }) => hasEdge }),
    NO_NEWS,
    ...FORMULA_RULE.entries,
  ],
  entrySide: (input) => FORMULA_RULE.entrySide(input),
};

const DECIDER = deciderOf(SERVED_RULE);

/** A closed bar of an instrument, as a served rule sees it. */
export interface ServedBar extends StandingOrders, Pick<ServedRuleQuestion, 'hasEdge' | 'novelty' | 'noveltyMin'> {
  readonly close: number;
}

/** Values of the formulas at that bar: 1 yes, 0 no, NaN unknown. */
export type FormulaValues = Pick<FormulaRuleQuestion, 'exit' | 'entryLong' | 'entryShort'>;

/** What the rule decides by, of a position that has been aged by this bar. */
export function servedInput(
  limits: RuleLimits,
  position: InstrumentPosition,
  { exit, entryLong, entryShort }: FormulaValues,
  bar: ServedBar,
): ServedRuleQuestion {
  const { close, hasEdge, novelty, noveltyMin, stop, news, time } = bar;
  const { side, entryClose, ageBars, exits } = position;
  return {
    limits: exits === null ? limits : limitsOf(exits),
    // As in a backtest, to the bit: from the logarithms of both closes.
    earnedBps: side === 0 ? NaN : BPS * pairReturn(side, 0, exp(ln(close) - ln(entryClose)), 1),
    earnedSigmas: NaN,
    ageBars,
    exit,
    entryLong,
    entryShort,
    novelty,
    noveltyMin,
    hasEdge,
    stop,
    news,
    time,
  };
}

/**
 * Decides on one closed bar of an instrument and moves the position by it: a pure function. The decisions are those of
 * the backtest of the same strategy file.
 * @param position before this bar
 * @param id signal_id of the answer
 * @param time of the bar
 */
export function stepServedRule(
  limits: RuleLimits,
  position: InstrumentPosition,
  values: FormulaValues,
  bar: ServedBar,
  id: string,
  time: OpenTime,
): InstrumentStep<ServedRuleReason> {
  const aged: InstrumentPosition = { ...position, ageBars: nextAge(position) };
  const { action, reason, target } = DECIDER.decide(position.side, servedInput(limits, aged, values, bar));
  switch (action) {
    case 'ENTER':
      return {
        action,
        reason,
        position: {
          side: target,
          entryClose: bar.close,
          ageBars: 0,
          positionId: id,
          entryTime: time,
          exits: keptExits(limits),
        },
      };
    case 'EXIT':
      return { action, reason, position: FLAT_POSITION };
    case 'HOLD':
      return { action, reason, position: position.side === 0 ? FLAT_POSITION : aged };
  }
}

/** As an open position keeps them, and as its signal states them. */
export function keptExits({ stopBps, targetBps, maxAgeBars }: RuleLimits): KeptExits {
  const known = (bps: number): number | null => (bps < Infinity ? bps : null);
  const share = (bps: number): number | null => (bps < Infinity ? bps / BPS : null);
  return {
    stop: share(stopBps),
    target: share(targetBps),
    max_age_bars: maxAgeBars,
    stop_bps: known(stopBps),
    target_bps: known(targetBps),
  };
}

/** Of a position that a direction model entered, as well. */
function limitsOf({ stop, target, max_age_bars, stop_bps, target_bps }: KeptExits): RuleLimits {
  const bps = (own: number | null | undefined, share: number | null): number => {
    if (typeof own === 'number') return own;
    return share === null ? Infinity : share * BPS;
  };
  return {
    stopBps: bps(stop_bps, stop),
    targetBps: bps(target_bps, target),
    stopSigmas: Infinity,
    targetSigmas: Infinity,
    maxAgeBars: max_age_bars,
  };
}
