import { describe, expect, it } from 'vitest';
import {
  earnedSigmas,
  expectedNetBps,
  promisedSigmas,
  resultOfShare,
  shareOfResult,
  sigmaBps,
} from './expected_net.ts';
import { defaultProfile } from './spread_profile.ts';

const POLICY = { z_entry: 2, z_exit: 0.5, stop: 1.5 };
const FEE = { spread_bps: 0, commission_bps: 0.25, slippage_bps: 0 };
const COSTS = { a: FEE, b: FEE };
// σ is 4 bp over two legs: 2 bp of the gross notional.
const MARKET = { z: -3, alpha: 0, beta: -1, zMean: 0, zStd: 4e-4, lnA: 0, lnB: 0 };

describe('the expected result', () => {
  it('promises the way to z_exit or to the stop, on either side', () => {
    for (const z of [3, -3]) expect(promisedSigmas(z, 0.75, POLICY)).toBe(1.5);
    expect([sigmaBps(MARKET), sigmaBps({ zStd: 4e-4, beta: 3 })]).toEqual([2, 1]);
    expect(expectedNetBps(MARKET, 0.75, POLICY, null, COSTS, 0)).toBe(2.5);
  });

  it('exists from z_entry on', () => {
    const net = [-1.99, -2, 2].map((z) => expectedNetBps({ ...MARKET, z }, 1, POLICY, null, COSTS, 0));
    expect(net).toEqual([NaN, 2.5, 2.5]);
  });

  it('is that of the bins, or of a model of the result', () => {
    const bins = { promised: [1, 2], earned: [0, 0.5] };
    expect(expectedNetBps(MARKET, 0.75, POLICY, bins, COSTS, 0)).toBe(0);
    expect(expectedNetBps(MARKET, 0.75, POLICY, bins, COSTS, 0, NaN, NaN, 3)).toBe(5.5);
  });

  it('pays the spreads of the minute of the fill, those that are quoted first', () => {
    const wide = { ...FEE, spread_bps: 1, profile: defaultProfile('currency') };
    const rollover = Date.parse('2024-01-03T22:05Z') / 1000;
    const net = (quotedA: number, quotedB: number): number =>
      expectedNetBps(MARKET, 0.75, POLICY, null, { a: wide, b: wide }, rollover, quotedA, quotedB);
    expect(net(NaN, NaN)).toBeCloseTo(3 - 2 * (0.25 + 5.3 / 2), 12);
    expect(net(2, 4)).toBeCloseTo(3 - 2 * (0.25 + 1.1 * 1.5), 12);
  });
});

describe('bins of what was earned', () => {
  it('are linear between and constant outside', () => {
    const bins = { promised: [0, 1, 3], earned: [-1, 0, 4] };
    const at = [-1, 0, 0.5, 1, 2, 3, 9, NaN].map((value) => earnedSigmas(bins, value));
    expect(at).toEqual([-1, -1, -0.5, 0, 2, 4, 4, NaN]);
    expect([0, 1, 2].map((value) => earnedSigmas({ promised: [1], earned: [7] }, value))).toEqual([7, 7, 7]);
  });
});

describe('the range of a model of the result', () => {
  it('is from -4 to 4 standard deviations, and what is further out counts as its end', () => {
    expect([-5, -4, 0, 2, 4, 9].map(shareOfResult)).toEqual([0, 0, 0.5, 0.75, 1, 1]);
    expect([0, 0.5, 0.75, 1].map(resultOfShare)).toEqual([-4, 0, 2, 4]);
  });
});
