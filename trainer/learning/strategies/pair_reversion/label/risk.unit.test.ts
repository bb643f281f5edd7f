import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PairHistory } from '../../../history/pair_history.ts';
import { CALM_BAR, historyOf, randomHistory, type HistoryBar } from '../../../history/pair_history.fixture.ts';
import { riskLabel, unitPnl, type RiskLabelPolicy } from './risk.ts';

const POLICY: RiskLabelPolicy = { horizon: 4, leverage: 10, dd_threshold: 0.05, vol_ratio: 1.8, corr_drop: -0.15 };

/** Trades one unit of capital over both legs at the close of t, and values it at every later close. */
function obviousLabel(history: PairHistory, t: number, policy: RiskLabelPolicy) {
  const later = Array.from({ length: policy.horizon }, (_, i) => t + 1 + i);
  if (later.some((k) => k >= history.length)) return null;
  const hedge = Math.abs(history.beta[t]!);
  const sideA = history.z[t]! > 0 ? -1 : 1;
  const sideB = history.beta[t]! < 0 ? sideA : -sideA;
  const equity = [t, ...later].map((k) => {
    const legA = (sideA / (1 + hedge)) * (history.lnA[k]! - history.lnA[t]!);
    const legB = ((sideB * hedge) / (1 + hedge)) * (history.lnB[k]! - history.lnB[t]!);
    return (legA + legB) * policy.leverage;
  });
  const drawdowns = equity.flatMap((peak, i) => equity.slice(i).map((trough) => peak - trough));
  return {
    drawdown: Math.max(...drawdowns),
    atr: Math.max(...later.map((k) => history.atrRatio[k]!)),
    corr: Math.min(...later.map((k) => history.corr[k]! - history.corr[t]!)),
  };
}

function bars(...changes: Partial<HistoryBar>[]): PairHistory {
  return historyOf(changes.map((change) => ({ ...CALM_BAR, ...change })));
}

describe('riskLabel', () => {
  it('equals three direct checks on random histories of both signs of beta', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom(-1 as const, 1 as const),
        fc.integer({ min: 1, max: 30 }),
        fc.double({ min: 0.001, max: 0.2, noNaN: true }),
        (seed, sign, horizon, dd_threshold) => {
          const history = randomHistory(seed, 80, sign);
          const policy = { ...POLICY, horizon, dd_threshold, vol_ratio: 1.4 };
          for (let t = 0; t < history.length; t++) {
            const outcome = riskLabel(history, t, policy);
            const obvious = obviousLabel(history, t, policy);
            if (obvious === null) {
              expect(outcome).toBeNull();
              continue;
            }
            const { drawdown, volatility, correlation, label, end } = outcome!;
            expect(end).toBe(t + horizon);
            // The order of additions differs, so a drawdown at the limit may fall on either side.
            if (Math.abs(obvious.drawdown - dd_threshold) > 1e-12)
              expect(drawdown).toBe(obvious.drawdown > dd_threshold ? 1 : 0);
            expect(volatility).toBe(obvious.atr > policy.vol_ratio ? 1 : 0);
            expect(correlation).toBe(obvious.corr <= policy.corr_drop ? 1 : 0);
            expect(label).toBe(drawdown === 1 || volatility === 1 || correlation === 1 ? 1 : 0);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('counts a drawdown above its limit, not one exactly at it', () => {
    // Half of the capital in leg A, bought at z = 0, with leverage 2: the drawdown is the fall of ln A.
    const fallen = bars({}, { lnA: -0.25 }, {}, {}, {});
    const drawdown = (dd_threshold: number) => riskLabel(fallen, 0, { ...POLICY, leverage: 2, dd_threshold })!.drawdown;
    expect([drawdown(0.25), drawdown(0.249)]).toEqual([0, 1]);
  });

  it('is 0 in every part when nothing happens, and null when the horizon is incomplete', () => {
    const calm = bars({}, {}, {}, {}, {});
    expect(riskLabel(calm, 0, POLICY)).toEqual({ label: 0, drawdown: 0, volatility: 0, correlation: 0, end: 4 });
    expect(riskLabel(calm, 1, POLICY)).toBeNull();
  });

  it('is set by drawdown alone: from the peak of the unit position, not from its entry', () => {
    // Long A (z ≤ 0), beta 1: half the capital in each leg, so 0.02 of A is 0.01 of gross and 0.1 of margin.
    const up = bars({}, { lnA: 0.02 }, { lnA: 0.009 }, { lnA: 0.009 }, { lnA: 0.009 });
    expect(riskLabel(up, 0, POLICY)).toMatchObject({ label: 1, drawdown: 1, volatility: 0, correlation: 0 });
    const less = bars({}, { lnA: 0.02 }, { lnA: 0.011 }, { lnA: 0.011 }, { lnA: 0.011 });
    expect(riskLabel(less, 0, POLICY)).toMatchObject({ label: 0, drawdown: 0 });
    const atOnce = bars({}, { lnA: -0.011 }, {}, {}, {});
    expect(riskLabel(atOnce, 0, POLICY)).toMatchObject({ label: 1, drawdown: 1 });
  });

  it('is set by volatility alone, above the ratio and within the horizon only', () => {
    expect(riskLabel(bars({}, {}, { atrRatio: 1.81 }, {}, {}), 0, POLICY)).toMatchObject({
      label: 1,
      drawdown: 0,
      volatility: 1,
      correlation: 0,
    });
    expect(riskLabel(bars({}, {}, { atrRatio: 1.8 }, {}, {}), 0, POLICY)).toMatchObject({ label: 0 });
    expect(riskLabel(bars({ atrRatio: 9 }, {}, {}, {}, {}, { atrRatio: 9 }), 0, POLICY)).toMatchObject({ label: 0 });
  });

  it('is set by a drop of correlation alone, at or below the limit, from its value at the bar', () => {
    expect(riskLabel(bars({ corr: 0.5 }, {}, {}, { corr: 0.25 }, {}), 0, POLICY)).toMatchObject({
      label: 1,
      drawdown: 0,
      volatility: 0,
      correlation: 1,
    });
    expect(riskLabel(bars({ corr: 0.5 }, {}, {}, { corr: 0.36 }, {}), 0, POLICY)).toMatchObject({ label: 0 });
    const limit = { ...POLICY, corr_drop: -0.25 };
    expect(riskLabel(bars({ corr: 0.5 }, {}, {}, { corr: 0.25 }, {}), 0, limit)).toMatchObject({ label: 1 });
  });
});

describe('unitPnl', () => {
  it('gains when the spread reverts, from either side', () => {
    const high = bars({ lnA: 2 }, { lnA: 1 });
    const low = bars({ lnA: -2 }, { lnA: -1 });
    expect(unitPnl(high, 0, 1)).toBe(0.5);
    expect(unitPnl(low, 0, 1)).toBe(0.5);
  });

  it('has both legs on the same side when beta is negative', () => {
    // z < 0: buys A and, for beta −2, buys B twice as large.
    const both = bars({ lnA: -2, beta: -2 }, { lnA: -1.97, lnB: 0.03, beta: -2 });
    expect(unitPnl(both, 0, 1)).toBeCloseTo((0.03 + 2 * 0.03) / 3, 15);
  });
});
