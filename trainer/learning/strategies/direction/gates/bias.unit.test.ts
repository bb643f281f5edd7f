import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../../../shared/policy/policy.ts';
import { bias } from './bias.ts';
import { biasLimits, type BiasLimits } from './bias_limits.ts';
import type { BiasFigures, DirectionEvidence } from './direction_gate.ts';
import { f1 } from './f1.ts';
import { singleColumn } from './single_column.ts';

const NOT_JUDGED: BiasLimits = {
  prediction: null,
  mean: null,
  buyRatio: null,
  hourBuyRatio: null,
  bullBuyRatio: null,
  bearSellRatio: null,
  variance24h: null,
};

const FIGURES: BiasFigures = {
  overall_balance: 0.5,
  prediction_min: 0.2,
  prediction_max: 0.8,
  largest_variance_24h: 0.01,
  buy_sell_ratio: 0.5,
  bull_market_buy_ratio: 0.7,
  bear_market_sell_ratio: 0.6,
  outcome: { rows: 10, predicted: 0.5, observed: 0.5, p_value: 1 },
  biased: [],
};

const evidenceOf = (part: Partial<DirectionEvidence>): DirectionEvidence =>
  ({ bias: FIGURES, biasLimits: NOT_JUDGED, column: null, f1Floor: null, ...part }) as DirectionEvidence;

describe('the gate of bias', () => {
  it('states every limit of the policy beside the figures that it judged by them', () => {
    const { retrain } = loadSettings();
    const { passed, value, evidence } = bias.check(evidenceOf({ biasLimits: biasLimits({ retrain }) }));
    expect([passed, value]).toEqual([true, 0]);
    const limitsOf = (least: string, most: string): unknown => [evidence![least], evidence![most]];
    expect(limitsOf('least', 'most')).toEqual(retrain.direction_prediction_range);
    expect(limitsOf('least_mean', 'most_mean')).toEqual(retrain.direction_mean_range);
    expect(limitsOf('least_buys', 'most_buys')).toEqual(retrain.direction_buy_ratio_range);
    expect(limitsOf('least_hour', 'most_hour')).toEqual(retrain.direction_hour_buy_ratio_range);
    expect(limitsOf('least_bull', 'most_bull')).toEqual(retrain.direction_bull_buy_ratio_range);
    expect(limitsOf('least_bear', 'most_bear')).toEqual(retrain.direction_bear_sell_ratio_range);
    expect(evidence).toMatchObject({ bull_buy_ratio: 0.7, bear_sell_ratio: 0.6, mean: 0.5 });
  });

  it('has no limit where the policy judges nothing, and refuses what is named as biased', () => {
    const { passed, value, evidence } = bias.check(evidenceOf({ bias: { ...FIGURES, biased: ['mean', 'hours'] } }));
    expect([passed, value]).toEqual([false, 2]);
    const limits = Object.entries(evidence ?? {}).filter(([name]) => /^(least|most)/.test(name));
    expect(limits).toHaveLength(13);
    expect(limits.every(([, limit]) => limit === null)).toBe(true);
  });
});

describe('the gate of F1', () => {
  it.each([
    [null, true],
    [0.4, true],
    [0.6, false],
  ])('with a floor of %s: %s', (f1Floor, passed) => {
    const own = { f1: 0.5, f1_chance: 0.33, f1_gain_lower: 0.1 } as DirectionEvidence['f1'];
    expect(f1.check(evidenceOf({ f1: own, f1Floor }))).toMatchObject({ passed, value: 0.5, limit: f1Floor });
  });
});

describe('the gate of a single column', () => {
  it.each([
    [null, 'no_column'],
    ['of training' as const, 'of_training'],
  ])('judges nothing for %s', (column, reason) => {
    expect(singleColumn.check(evidenceOf({ column }))).toMatchObject({
      passed: true,
      value: null,
      evidence: { reason },
    });
  });

  it('names the column', () => {
    const column = { name: 'funding', auc: 0.6 };
    expect(singleColumn.check(evidenceOf({ column })).evidence).toMatchObject({ column: 'funding', auc: 0.6 });
  });
});
