import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../shared/policy/policy.ts';
import type { OpenTime } from '../../shared/bar.ts';
import type { Executability, ModelMetrics } from '../../shared/bundle/manifest.ts';
import {
  checkAuc,
  checkBrier,
  checkChampionAuc,
  checkChampionSharpe,
  checkCandidates,
  checkExecutable,
  checkPassRate,
  type Compared,
  type GateResult,
} from './criteria.ts';

const passedOf = (gates: readonly { readonly passed: boolean }[]): boolean[] => gates.map(({ passed }) => passed);

describe('the skill of AI1', () => {
  const checkSkill = (of: ModelMetrics): GateResult[] => [checkAuc(of, 0.52), checkBrier(of)];
  const metrics: ModelMetrics = {
    rows: 10,
    label_mean: 0.4,
    auc: 0.6,
    brier: 0.23,
    brier_baseline: 0.24,
    log_loss: 0.6,
    ece: 0,
  };
  const passed = (changes: object): boolean[] => passedOf(checkSkill({ ...metrics, ...changes }));

  it('reports AUC and Brier score with their limits', () => {
    expect(checkSkill(metrics)).toEqual([
      { name: 'ai1 auc', passed: true, seen: '0.6000', limit: 'at least 0.52 on the holdout' },
      { name: 'ai1 brier', passed: true, seen: '0.2300', limit: 'below 0.2400, that of the baseline' },
    ]);
  });

  it('refuses metrics that could not be computed, and shows them as missing', () => {
    expect(checkSkill({ ...metrics, auc: null, brier: null, brier_baseline: null })).toEqual([
      { name: 'ai1 auc', passed: false, seen: 'none', limit: 'at least 0.52 on the holdout' },
      { name: 'ai1 brier', passed: false, seen: 'none', limit: 'below none, that of the baseline' },
    ]);
    expect(passed({ brier: null })).toEqual([true, false]);
    expect(passed({ brier_baseline: null, brier: -1 })).toEqual([true, false]);
  });

  it('accepts an AUC exactly at its limit and refuses a Brier score equal to that of the baseline', () => {
    expect(passed({ auc: 0.52 })).toEqual([true, true]);
    expect(passed({ auc: 0.5199 })).toEqual([false, true]);
    expect(passed({ brier: 0.24 })).toEqual([true, false]);
    expect(passed({ brier: 0.2399 })).toEqual([true, true]);
  });
});

describe('checkPassRate', () => {
  const risks = Float64Array.from({ length: 100 }, (_, i) => i / 100);
  const range = [0.05, 0.4] as const;

  it('reports the share of candidates below θ2 with its range', () => {
    expect(checkPassRate(risks, 0.3, range)).toEqual({
      name: 'risk pass rate',
      passed: true,
      seen: '30.0 % of 100 candidates',
      limit: "from 5.0 % to 40.0 % of the holdout's",
    });
  });

  it('includes both ends of the range, and does not count a risk equal to θ2', () => {
    const passed = [0.04, 0.05, 0.3, 0.4, 0.41].map((theta2) => checkPassRate(risks, theta2, range).passed);
    expect(passed).toEqual([false, true, true, true, false]);
  });

  it('is 0 without candidates', () => {
    expect(checkPassRate(new Float64Array(), 0.3, range)).toMatchObject({
      passed: false,
      seen: '0.0 % of 0 candidates',
    });
    expect(checkPassRate(new Float64Array(), 0.3, [0, 0.4]).passed).toBe(true);
  });
});

describe('checkExecutable', () => {
  const figures = { trades: 9, net_bps: 2, narrow_net_bps: 1, delayed_net_bps: { after_1: 0.99 } } as Executability;
  const limits = { executable_share_min: 0.5 };

  it('requires a positive result and the share of the policy, the limit included', () => {
    expect(checkExecutable('wide', figures, 'narrow_net_bps', limits)).toEqual({
      name: 'wide',
      passed: true,
      seen: '1.00 of 2.00 bps per trade, 9 trades',
      limit: 'above 0, and at least 50.0 % of it',
    });
    expect(checkExecutable('later', figures, 'after_1', limits)!.passed).toBe(false);
    const nothing = { ...figures, narrow_net_bps: 0 };
    expect(checkExecutable('wide', nothing, 'narrow_net_bps', { executable_share_min: 0 })!.passed).toBe(false);
  });

  it('passes without trades', () => {
    expect(checkExecutable('wide', { ...figures, trades: 0, net_bps: null }, 'narrow_net_bps', limits)).toMatchObject({
      passed: true,
      seen: 'no pair with an edge',
    });
  });
});

describe('checkCandidates', () => {
  const times = Float64Array.from({ length: 60 }, (_, i) => 60 * i);

  it('requires 50 entry candidates at or after the start of the comparison', () => {
    expect(checkCandidates(times, 660 as OpenTime, 'v1', { adopt_min_candidates: 50 })).toEqual({
      name: 'champion',
      passed: false,
      seen: '49 entry candidates that neither these models nor v1 have learned from',
      limit: 'at least 50 to compare by',
    });
    expect(checkCandidates(times, 601 as OpenTime, 'v1', { adopt_min_candidates: 50 })).toMatchObject({
      passed: false,
    });
    expect(checkCandidates(times, 600 as OpenTime, 'v1', { adopt_min_candidates: 50 })).toBeNull();
  });
});

describe('a comparison with the champion', () => {
  const limits = loadSettings({ env: {} }).retrain;
  const checkComparison = (champion: Compared, challenger: Compared): GateResult[] => [
    checkChampionAuc(champion, challenger, limits),
    checkChampionSharpe(champion, challenger, limits),
  ];
  const side = (auc: number | null, net_sharpe: number | null, version = 'v1', trades = 50): Compared => ({
    version,
    models: { ai1: { auc } },
    all_pairs: { total: { net_sharpe, trades } },
  });

  it('reports both figures of both sides with their limits', () => {
    expect(checkComparison(side(0.6, 1), side(0.62, 1.5, 'v2', 40))).toEqual([
      {
        name: 'champion auc',
        passed: true,
        seen: '0.6200 against 0.6000 of v1',
        limit: 'not more than 0.005 below',
      },
      {
        name: 'champion net sharpe',
        passed: true,
        seen: '1.50 of 40 trades against 1.00 of 50 of v1',
        limit: 'at least 1.05, as if every pair had an edge',
      },
    ]);
    expect(checkComparison(side(null, null), side(null, null, 'v2', 0))).toEqual([
      expect.objectContaining({ passed: true, seen: 'none against none of v1' }),
      expect.objectContaining({ passed: false, seen: '0.00 of 0 trades against 0.00 of 50 of v1' }),
    ]);
  });

  it.each([
    // Exactly at the limits, and below them.
    [side(0.6, 1), side(0.6 - 0.005, 1.05), [true, true]],
    [side(0.6, 1), side(0.594, 1.049), [false, false]],
    // As delivered: one that is the same, or a tenth worse, is held back.
    [side(0.6, 1), side(0.6, 1), [true, false]],
    [side(0.6, 1), side(0.6, 0.91), [true, false]],
    [side(0.6, -2), side(0.6, -2), [true, false]],
    [side(0.6, -2), side(0.6, -1.95), [true, true]],
    // Not trading is better than losing, and worse than earning.
    [side(0.6, -2), side(0.6, null), [true, true]],
    [side(0.6, 2), side(0.6, null), [true, false]],
    [side(0.6, null), side(0.6, 0.05), [true, true]],
    [side(null, null), side(0.5, null), [true, false]],
    [side(0.6, null), side(null, 1), [false, true]],
    [side(0.001, null), side(null, 1), [false, true]],
  ])('of %j and %j', (champion, challenger, passed) => {
    expect(passedOf(checkComparison(champion, challenger))).toEqual(passed);
  });
});
