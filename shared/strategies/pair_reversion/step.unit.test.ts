import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../bar.ts';
import { FLAT, openPosition, type Market } from '../../core/position/position.ts';
import type { DecisionPolicy, EntryTerms } from './pair_input.ts';
import { step } from './step.ts';

const POLICY: DecisionPolicy = {
  z_entry: 2,
  z_exit: 0.5,
  stop: 1.5,
  max_age_bars: 3,
  beta_min: 0.1,
  beta_max: 10,
  risk_exit: 0.9,
  require_edge: true,
  no_entry_windows: [],
  min_expected_net_bps: 0,
};
const TERMS: EntryTerms = { theta1: 0.7, theta2: 0.3, hasEdge: true, isHalted: false };
const SCORES = { return_prob: 0.8, risk_score: 0.1, expected_net_bps: 1 };
const TIME = 600 as OpenTime;
/** Prices at which z, and the frozen z of an entry at any of these markets, is `z`. */
const market = (z: number): Market => ({ z, alpha: 0, beta: 1, zMean: 0, zStd: 0.001, lnA: 2 + z / 1000, lnB: 2 });

describe('step', () => {
  it('opens the position that an ENTER names, at the parameters of this bar', () => {
    const { decision, position } = step(market(2.5), SCORES, TERMS, POLICY, FLAT, 'id', TIME);
    expect(decision).toEqual({ action: 'ENTER', reason: 'ENTRY', target: -1 });
    expect(position).toEqual(openPosition(-1, 'id', TIME, market(2.5)));
  });

  it('ages an open position by each bar before it decides, so it exits at its maximum age', () => {
    const reasons: string[] = [];
    let position = openPosition(-1, 'id', TIME, market(2.5));
    while (position.side !== 0) {
      const taken = step(market(2.5), SCORES, TERMS, POLICY, position, 'next', TIME);
      reasons.push(taken.decision.reason);
      position = taken.position;
    }
    expect(reasons).toEqual(['IN_POSITION', 'IN_POSITION', 'MAX_AGE']);
    expect(position).toBe(FLAT);
  });

  it('prevents entries of a halted pair, and continues an open position to its exit', () => {
    const halted = { ...TERMS, isHalted: true };
    expect(step(market(2.5), SCORES, halted, POLICY, FLAT, 'id', TIME)).toEqual({
      decision: { action: 'HOLD', reason: 'KPI_HALT', target: 0 },
      position: FLAT,
    });
    const open = openPosition(-1, 'id', TIME, market(2.5));
    expect(step(market(0.4), SCORES, halted, POLICY, open, 'id', TIME).decision.reason).toBe('Z_EXIT');
  });
});
