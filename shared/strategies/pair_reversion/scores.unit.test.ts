import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../bar.ts';
import { pairFillCostBps } from '../../core/cost/fill_cost.ts';
import { defaultProfile } from '../../core/cost/spread_profile.ts';
import type { Market } from '../../core/position/position.ts';
import { scoresOf } from './scores.ts';

const profile = defaultProfile('currency');
const costs = {
  a: { spread_bps: 0.2, commission_bps: 0.3, slippage_bps: 0.1, profile },
  b: { spread_bps: 0.5, commission_bps: 0, slippage_bps: 0, profile },
};
const market: Market = { z: -2.5, alpha: 0, beta: 3, zMean: 0, zStd: 0.001, lnA: 0, lnB: 0 };
const policy = { z_entry: 2, z_exit: 0.5, stop: 1.5, max_age_bars: 60 };

describe('the scores of a bar', () => {
  it('contain the models’ answers and the expected result, at the costs of the next minute', () => {
    // The last minute before the rollover, and its first.
    const time = (Date.parse('2024-01-03T21:59Z') / 1000) as OpenTime;
    const before = (0.8 * 2 - 0.2 * 1.5) * (1e4 * 0.001) * (1 / 4);
    const scores = scoresOf(market, 0.8, 0.1, policy, null, costs, time, NaN, NaN, NaN);
    expect(scores).toMatchObject({ return_prob: 0.8, risk_score: 0.1 });
    expect(scores.expected_net_bps).toBeCloseTo(before - 2 * pairFillCostBps(costs, 3, time + 60), 12);
    expect(pairFillCostBps(costs, 3, time + 60)).toBeGreaterThan(1.2 * pairFillCostBps(costs, 3, time));
    const quoted = scoresOf(market, 0.8, 0.1, policy, null, costs, time, 4, 8, NaN);
    expect(quoted.expected_net_bps).toBeCloseTo(before - 2 * pairFillCostBps(costs, 3, time + 60, 4, 8), 12);
  });
});
