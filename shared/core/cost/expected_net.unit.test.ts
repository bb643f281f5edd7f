import { describe, expect, it } from 'vitest';
import {
  type Expectation,
  earnedSigmas,
  expectedNetBps,
  promisedSigmas,
  resultOfShare,
  shareOfResult,
  sigmaBps,
} from './expected_net.ts';
import { defaultProfile } from './spread_profile.ts';

const POLICY = { z_entry: 2, z_exit: 0.5, stop: 1.5, max_age_bars: 60 };
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

describe('overnight swaps in the expected result', () => {
  const at = (text: string): number => Date.parse(text) / 1000;
  const swaps = (long: number, short: number) => ({
    ...FEE,
    swap_long_bps_per_night: long,
    swap_short_bps_per_night: short,
  });
  const PAID = { a: swaps(9, 3), b: swaps(7, 1), barSeconds: 60 };
  const net = (time: number, costs = PAID, market = MARKET, expectation: Expectation | null = null): number =>
    expectedNetBps(market, 0.75, POLICY, expectation, costs, time);

  it('are those of the side that is entered, times the chance to be held at the end of the trading day', () => {
    const free = net(0, { ...PAID, a: swaps(0, 0), b: swaps(0, 0) });
    // 21:45 and 22:00 UTC are a quarter of an hour apart: three quarters of the maximum age are left.
    const tuesday = at('2024-01-02T21:45Z');
    expect(net(tuesday)).toBeCloseTo(free - 0.75 * (0.5 * 9 + 0.5 * 7), 12);
    expect(net(tuesday, PAID, { ...MARKET, z: 3 })).toBeCloseTo(free - 0.75 * (0.5 * 3 + 0.5 * 1), 12);
    expect(net(tuesday, PAID, { ...MARKET, beta: 1 })).toBeCloseTo(free - 0.75 * (0.5 * 9 + 0.5 * 1), 12);
    expect(net(at('2024-01-03T21:45Z'))).toBeCloseTo(free - 3 * 0.75 * 8, 12);
    expect([net(at('2024-01-02T20:59Z')), net(at('2024-01-02T22:00Z')), net(at('2024-01-06T21:45Z'))]).toEqual([
      ...[free, free, free],
    ]);
    expect(net(tuesday, { ...PAID, a: swaps(-9, 0), b: swaps(0, 0) })).toBeCloseTo(free + 0.75 * 4.5, 12);
  });

  it('are of positions held as long as those of the training, where that is known', () => {
    const bins = { promised: [0, 3], earned: [0, 3] };
    const tuesday = at('2024-01-02T21:45Z');
    const noon = at('2024-01-02T17:00Z');
    const free = net(noon, PAID, MARKET, bins);
    expect(net(tuesday, PAID, MARKET, { ...bins, bars_held: 15 })).toBeCloseTo(free - 8 * Math.exp(-1), 12);
    expect(net(tuesday, PAID, MARKET, { ...bins, bars_held: 1 })).toBeCloseTo(free, 4);
  });

  it('of daily bars are those of every night, and of the rules of the first version none', () => {
    const daily = { ...PAID, barSeconds: 86_400 };
    const policy = { ...POLICY, max_age_bars: 5 };
    const expected = (rules: { rules?: 1 }): number =>
      expectedNetBps(MARKET, 0.75, { ...policy, ...rules }, null, daily, at('2024-01-04T22:00Z'));
    // Thursday's end until Thursday's end: Friday, Monday, Tuesday, Wednesday (three), Thursday; the weekend ages
    // nobody.
    const nights = (4 + 3 + 2 + 3 * 1 + 0) / 5;
    expect(expected({ rules: 1 }) - expected({})).toBeCloseTo(8 * nights, 12);
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
