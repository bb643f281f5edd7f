import { describe, expect, it } from 'vitest';
import { entryStates, exitStates } from '../../core/rule/conditions.ts';
import {
  decideFormulaRule,
  FORMULA_RULE,
  NO_LIMITS,
  type FormulaRuleQuestion,
  type RuleLimits,
} from './formula_rule.ts';

const LIMITS: RuleLimits = { ...NO_LIMITS, stopBps: 50, targetBps: 80, maxAgeBars: 10 };
const FLAT: FormulaRuleQuestion = {
  limits: LIMITS,
  earnedBps: NaN,
  earnedSigmas: NaN,
  ageBars: 0,
  exit: 0,
  entryLong: 0,
  entryShort: 0,
};
const HELD: FormulaRuleQuestion = { ...FLAT, earnedBps: 0, ageBars: 1 };

describe('a rule of formulas', () => {
  it('enters on the side whose formula is true, and on neither where both are', () => {
    const decided = (entryLong: number, entryShort: number) => {
      const { action, reason, target } = decideFormulaRule(0, { ...FLAT, entryLong, entryShort });
      return [action, reason, target];
    };
    expect(decided(1, 0)).toEqual(['ENTER', 'ENTRY', 1]);
    expect(decided(NaN, 1)).toEqual(['ENTER', 'ENTRY', -1]);
    expect(decided(1, 1)).toEqual(['HOLD', 'BOTH_SIDES', 0]);
    expect(decided(0, NaN)).toEqual(['HOLD', 'NO_ENTRY', 0]);
  });

  it('ends a position by stop, target, formula and age, in this order', () => {
    const reason = (input: Partial<FormulaRuleQuestion>) => decideFormulaRule(1, { ...HELD, ...input }).reason;
    expect(reason({ earnedBps: -50, exit: 1, ageBars: 10 })).toBe('STOP_EXIT');
    expect(reason({ earnedBps: 80, exit: 1, ageBars: 10 })).toBe('TARGET_EXIT');
    expect(reason({ exit: 1, ageBars: 10 })).toBe('RULE_EXIT');
    expect(reason({ exit: NaN, ageBars: 10 })).toBe('AGE_EXIT');
    expect(reason({ earnedBps: -49.9, ageBars: 9, entryLong: 1 })).toBe('IN_POSITION');
  });

  it('measures stop and target in standard deviations of the spread where the file does', () => {
    const limits: RuleLimits = { ...NO_LIMITS, stopSigmas: 1.5, targetSigmas: 2, maxAgeBars: 10 };
    const reason = (earnedSigmas: number) => decideFormulaRule(-1, { ...HELD, limits, earnedSigmas }).reason;
    expect([-1.5, 2, 1.9, NaN].map(reason)).toEqual(['STOP_EXIT', 'TARGET_EXIT', 'IN_POSITION', 'IN_POSITION']);
  });

  it('explains the distances to the exits that the file has, and no others', () => {
    const states = exitStates(FORMULA_RULE, 1, { ...HELD, earnedBps: 30, ageBars: 4 });
    expect(states.map(({ name, change }) => [name, change])).toEqual([
      ['age', 6],
      ['target_bps', 50],
      ['stop_bps', -80],
      ['exit', null],
    ]);
    expect(entryStates(FORMULA_RULE, 0, FLAT).map(({ name, holds }) => [name, holds])).toEqual([
      ['flat', true],
      ['entry', false],
      ['one_side', true],
    ]);
  });
});
