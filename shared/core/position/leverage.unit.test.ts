import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../bar.ts';
import { parsePair } from '../../pair.ts';
import { defaultProfile } from '../cost/spread_profile.ts';
import {
  applyLeverage,
  leverageRate,
  NEW_ACCOUNT,
  reduceLeverage,
  standingRate,
  type LeveragePolicy,
} from './leverage.ts';
import { FLAT, openPosition, type Market, type Position } from './position.ts';

const PAIR = parsePair('AAA_BBB');
const policy: LeveragePolicy = {
  drawdown: [
    [0.01, 0.5],
    [0.02, 0.25],
  ],
  risk_score: [[0.2, 0.8]],
  costs: {
    AAA: { spread_bps: 0, commission_bps: 0.5, slippage_bps: 0 },
    BBB: { spread_bps: 3, commission_bps: 0, slippage_bps: 0 },
  },
};
const marketOf = (lnA: number, lnB = 0, beta = 1): Market => ({
  alpha: 0.1,
  beta,
  zMean: 0.2,
  zStd: 0.05,
  lnA,
  lnB,
  z: (lnA - 0.1 - beta * lnB - 0.2) / 0.05,
});

describe('the rate of leverage reduction', () => {
  it('is that of the last step that is reached, the step itself included, and the product of both lists', () => {
    const rates = [0, 0.0099, 0.01, 0.0199, 0.02, 5].map((drawdown) => leverageRate(policy, drawdown, 0));
    expect(rates).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25]);
    expect([0.1999, 0.2, 1, null].map((risk) => leverageRate(policy, 0, risk))).toEqual([1, 0.8, 0.8, 1]);
    expect(leverageRate(policy, 0.01, 0.5)).toBe(0.4);
    expect(leverageRate({ ...policy, drawdown: [], risk_score: [] }, 1, 1)).toBe(1);
    expect(leverageRate({ ...policy, risk_score: [[0, 0.5]] }, 0, null)).toBe(1);
  });
});

describe('the virtual account', () => {
  it('opens with the reduced size, carries liquidated value, peak and size, and settles at the exit', () => {
    const entry = marketOf(0.4);
    const opened = openPosition(-1, 'id', 60 as OpenTime, entry);
    const before: Position = { ...FLAT, account: { settled: 0.01, value: 0.01, peak: 0.02, scale: 0 } };
    const enter = reduceLeverage(policy, PAIR, entry, 0.3, 0.5, before, opened, 60);
    expect(enter.rate).toBe(0.4);
    expect(enter.position).toEqual({
      ...opened,
      account: { settled: 0.01, value: 0.01, peak: 0.02, scale: 0.2, lnA: 0.4, lnB: 0 },
    });

    // Leg A falls by 0.1 in logarithms: sold, half of it is earned by a unit split over two legs, less (1 + 3) / 2 bps.
    const later = marketOf(0.3);
    const held = reduceLeverage(policy, PAIR, later, 0, 0.9, enter.position, { ...enter.position, ageBars: 1 }, 120);
    const value = 0.01 + 0.2 * (0.5 * (1 - Math.exp(-0.1)) - 2e-4);
    expect(held.position.account!.value).toBeCloseTo(value, 15);
    expect(held.position.account).toMatchObject({ settled: 0.01, peak: 0.02, scale: 0.2 });
    expect(held.rate).toBe(1);
    const left = reduceLeverage(policy, PAIR, later, 0, 0.9, held.position, FLAT, 120);
    expect(left.position).toMatchObject({ ...FLAT, account: { peak: 0.02, scale: 0 } });
    expect(left.position.account!.settled).toBeCloseTo(value, 15);
    expect(left.position.account!.settled).toBe(left.position.account!.value);
  });

  it('equals the money of each leg, counted apart, whatever beta, side and moves are', () => {
    const move = fc.double({ min: -0.1, max: 0.1, noNaN: true });
    const beta = fc.double({ min: 0.1, max: 3, noNaN: true }).chain((size) => fc.constantFrom(size, -size));
    const steps = fc.array(fc.tuple(move, move), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(beta, fc.constantFrom(-1 as const, 1 as const), steps, (hedge, side, moves) => {
        const entry = marketOf(0.4, 1, hedge);
        let { rate, position } = reduceLeverage(
          policy,
          PAIR,
          entry,
          0,
          1,
          FLAT,
          openPosition(side, 'x', 60 as OpenTime, entry),
          60,
        );
        expect(rate).toBe(1);
        let a = 0;
        let b = 0;
        let peak = 0;
        const unit = 1 / (1 + Math.abs(hedge));
        for (const [moveA, moveB] of moves) {
          a += moveA;
          b += moveB;
          ({ rate, position } = reduceLeverage(
            policy,
            PAIR,
            marketOf(0.4 + a, 1 + b, hedge),
            0,
            1,
            position,
            position,
            120,
          ));
          const earned = side * unit * (Math.exp(a) - 1) - side * hedge * unit * (Math.exp(b) - 1);
          const worth = earned - unit * 1e-4 - Math.abs(hedge) * unit * 3e-4;
          peak = Math.max(peak, worth);
          expect(position.account!.value).toBeCloseTo(worth, 10);
          expect(position.account!.peak).toBeCloseTo(peak, 10);
          expect(standingRate(policy, position, 0)).toBe(rate);
        }
      }),
    );
  });

  it('has logarithmic returns under the rules of the first version, and for a position that those opened', () => {
    const entry = marketOf(0.4);
    const later = marketOf(0.3);
    const opened = openPosition(-1, 'id', 60 as OpenTime, entry);
    const first: LeveragePolicy = { ...policy, logReturns: true };
    const enter = reduceLeverage(first, PAIR, entry, 0, 0.5, FLAT, opened, 60);
    expect(enter.position.account).toEqual({ ...NEW_ACCOUNT, scale: 0.5 });
    for (const own of [first, policy]) {
      const { position } = reduceLeverage(own, PAIR, later, 0, 0.5, enter.position, enter.position, 120);
      expect(position.account!.value).toBeCloseTo(0.5 * (0.05 - 2e-4), 15);
      expect(Object.keys(position.account!)).toEqual(['settled', 'value', 'peak', 'scale']);
    }
  });

  it('pays the spread of the minute of each fill', () => {
    const profile = defaultProfile('currency');
    const free = { spread_bps: 0, commission_bps: 0, slippage_bps: 0 };
    const own: LeveragePolicy = { ...policy, costs: { AAA: { ...free, spread_bps: 2, profile }, BBB: free } };
    const [noon, rollover] = ['2024-01-03T17:00Z', '2024-01-03T21:59Z'].map((text) => Date.parse(text) / 1000);
    const market = marketOf(0.4);
    const valueOf = (entry: number, exit: number): number => {
      const opened = openPosition(-1, 'id', entry as OpenTime, market);
      const { position } = reduceLeverage(own, PAIR, market, 0, 1, FLAT, opened, entry);
      return reduceLeverage(own, PAIR, market, 0, 1, position, position, exit).position.account!.value;
    };
    // Half of 2 bp at noon, 5.3 times that at the rollover, on half of the notional.
    expect(valueOf(noon!, noon!)).toBeCloseTo(-1e-4, 12);
    expect(valueOf(noon!, rollover!)).toBeCloseTo(-0.5e-4 - 2.65e-4, 12);
    expect(valueOf(rollover!, noon!)).toBeCloseTo(-0.5e-4 - 2.65e-4, 12);
  });

  it('is new where a position has none, and then nothing is reduced', () => {
    expect(standingRate(policy, FLAT, 0.1)).toBe(1);
    expect(reduceLeverage(policy, PAIR, marketOf(0), 0.1, 0, FLAT, FLAT, 60)).toEqual({
      rate: 1,
      position: { ...FLAT, account: NEW_ACCOUNT },
    });
  });
});

describe('leverage at a bar', () => {
  const account = { settled: 0.01, value: 0.01, peak: 0.02, scale: 0 };
  const before: Position = { ...FLAT, account };
  const opened = openPosition(-1, 'id', 60 as OpenTime, marketOf(0.4));

  it('is 1 without a policy, stands where no bar is decided on, and else reduces', () => {
    expect(applyLeverage(undefined, PAIR, marketOf(0.4), 0.3, 0.5, before, opened, 60)).toEqual({
      rate: 1,
      position: opened,
    });
    const held: Position = { ...opened, account };
    expect(applyLeverage(policy, PAIR, null, 0.3, null, held, held, 60)).toEqual({ rate: 0.4, position: held });
    expect(applyLeverage(policy, PAIR, marketOf(0.4), 0.3, 0.5, before, opened, 60)).toEqual(
      reduceLeverage(policy, PAIR, marketOf(0.4), 0.3, 0.5, before, opened, 60),
    );
  });
});
