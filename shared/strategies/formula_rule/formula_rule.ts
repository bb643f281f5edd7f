import type { Side } from '../../core/position/position.ts';
import { comparison, fact } from '../../core/rule/conditions.ts';
import { deciderOf } from '../../core/rule/decider.ts';
import { FAMILIAR_INPUT, type MeasuredNovelty } from '../../core/rule/novelty_condition.ts';
import type { Rule, RuleDecision } from '../../core/rule/rule.ts';

/** When a position ends by what it has earned or by its age. A distance that is absent never ends it. */
export interface RuleLimits {
  /** Before costs, basis points of the gross notional since the close of the entry's decision. */
  readonly stopBps: number;
  readonly targetBps: number;
  /** Of a pair: by the spread frozen at the entry, in its standard deviations. */
  readonly stopSigmas: number;
  readonly targetSigmas: number;
  readonly maxAgeBars: number;
}

export const NO_LIMITS: RuleLimits = {
  stopBps: Infinity,
  targetBps: Infinity,
  stopSigmas: Infinity,
  targetSigmas: Infinity,
  maxAgeBars: Infinity,
};

/** All that the decision of a rule reads at the close of a bar. */
export interface FormulaRuleQuestion extends MeasuredNovelty {
  readonly limits: RuleLimits;
  /** Results of the open position before costs; NaN when flat, `earnedSigmas` also of an instrument. */
  readonly earnedBps: number;
  readonly earnedSigmas: number;
  /** Bars since the entry's decision. */
  readonly ageBars: number;
  /** Values of the formulas: 1 yes, 0 no, NaN unknown, which counts as no. */
  readonly exit: number;
  readonly entryLong: number;
  readonly entryShort: number;
}

export const FORMULA_RULE_REASONS = [
  'ENTRY',
  'STOP_EXIT',
  'TARGET_EXIT',
  'RULE_EXIT',
  'AGE_EXIT',
  'IN_POSITION',
  'NO_ENTRY',
  'BOTH_SIDES',
  'NOVEL_INPUT',
] as const;
export type FormulaRuleReason = (typeof FORMULA_RULE_REASONS)[number];

type Reason = Exclude<FormulaRuleReason, 'ENTRY' | 'IN_POSITION'>;

/** The rule of a strategy file: stop before target before the exit formula before age; entries when flat. */
export const FORMULA_RULE: Rule<FormulaRuleQuestion, Reason> = {
  exits: [
    comparison({
      name: 'stop_bps',
      reason: 'STOP_EXIT',
      limitFrom: 'entry',
      relation: '<=',
      value: ({ earnedBps }) => earnedBps,
      limit: ({ limits }) => -limits.stopBps,
      applies: ({ limits }) => limits.stopBps < Infinity,
    }),
    comparison({
      name: 'stop_sigmas',
      reason: 'STOP_EXIT',
      limitFrom: 'entry',
      relation: '<=',
      value: ({ earnedSigmas }) => earnedSigmas,
      limit: ({ limits }) => -limits.stopSigmas,
      applies: ({ limits }) => limits.stopSigmas < Infinity,
    }),
    comparison({
      name: 'target_bps',
      reason: 'TARGET_EXIT',
      limitFrom: 'entry',
      relation: '>=',
      value: ({ earnedBps }) => earnedBps,
      limit: ({ limits }) => limits.targetBps,
      applies: ({ limits }) => limits.targetBps < Infinity,
    }),
    comparison({
      name: 'target_sigmas',
      reason: 'TARGET_EXIT',
      limitFrom: 'entry',
      relation: '>=',
      value: ({ earnedSigmas }) => earnedSigmas,
      limit: ({ limits }) => limits.targetSigmas,
      applies: ({ limits }) => limits.targetSigmas < Infinity,
    }),
    fact({ name: 'exit', reason: 'RULE_EXIT', limitFrom: 'policy', holds: ({ exit }) => exit === 1 }),
    comparison({
      name: 'age',
      reason: 'AGE_EXIT',
      limitFrom: 'entry',
      relation: '>=',
      value: ({ ageBars }) => ageBars,
      limit: ({ limits }) => limits.maxAgeBars,
    }),
  ],
  entries: [
    fact({
      name: 'entry',
      reason: 'NO_ENTRY',
      limitFrom: 'policy',
      holds: ({ entryLong, entryShort }) => entryLong === 1 || entryShort === 1,
    }),
    fact({
      name: 'one_side',
      reason: 'BOTH_SIDES',
      limitFrom: 'policy',
      holds: ({ entryLong, entryShort }) => !(entryLong === 1 && entryShort === 1),
    }),
    // Where the rule reads the answers of a direction model.
    FAMILIAR_INPUT,
  ],
  entrySide: ({ entryLong }) => (entryLong === 1 ? 1 : -1),
};

const DECIDER = deciderOf(FORMULA_RULE);

/** Decides at the close of a bar: a pure function. @param side of the position before the bar */
export function decideFormulaRule(side: Side, input: FormulaRuleQuestion): RuleDecision<Reason> {
  return DECIDER.decide(side, input);
}
