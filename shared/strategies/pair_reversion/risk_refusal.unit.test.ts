import { describe, expect, it } from 'vitest';
import { PAIR_RULE } from './pair_rule.ts';
import { riskJudgement, riskRefusal } from './risk_refusal.ts';
import { REASONS } from './reasons.ts';

describe('the refusal rate of AI2', () => {
  it('leaves out candidates that an earlier condition refused', () => {
    const refusals = { NO_EDGE: 3000, SESSION: 40, PROB_LOW: 500, RISK_HIGH: 79, COST_HIGH: 11, EXPOSURE: 2 };
    expect(riskRefusal(refusals, 8)).toEqual({ judged: 100, refused: 79, rate: 0.79 });
    expect(riskRefusal({ NO_EDGE: 3000 }, 0)).toEqual({ judged: 0, refused: 0, rate: null });
    expect(riskRefusal({ COST_HIGH: 4 }, 1).rate).toBe(0);
  });

  it('follows the order of the conditions of entries', () => {
    const reasons = PAIR_RULE.entries.map(({ reason }) => reason);
    const at = reasons.indexOf('RISK_HIGH');
    for (const [i, reason] of reasons.entries())
      expect(riskJudgement(reason), reason).toBe(i < at ? null : i === at ? 'refused' : 'admitted');
    expect(riskJudgement('ENTRY')).toBe('admitted');
    const others = Object.keys(REASONS).filter((reason) => reason !== 'ENTRY' && !reasons.includes(reason as never));
    expect(others.map(riskJudgement).filter((judgement) => judgement !== null)).toEqual([]);
  });
});
