import { describe, expect, it } from 'vitest';
import {
  areTooSmall,
  believedCosts,
  believedFees,
  costNotes,
  fillBps,
  leastFillBps,
  refuseUnknownCosts,
} from './believed_costs.ts';
import { deliveredCosts } from './delivered.ts';

const SWAPS = { swap_long_bps_per_night: 0.8, swap_short_bps_per_night: -0.3 };
const FREE = { spread_bps: 0, commission_bps: 0, slippage_bps: 0, ...SWAPS };

describe('costs that are too small to be true', () => {
  it('are a third of the cheapest delivered fill of the class, and less', () => {
    const least = ['EURUSD', 'XAUUSD', 'SPXUSD', 'BTCUSDT'].map((symbol) => Number(leastFillBps(symbol).toFixed(3)));
    expect(least).toEqual([0.167, 0.283, 0.217, 2]);
    // Nothing says what it is: the least of all.
    expect(leastFillBps('ACME')).toBe(leastFillBps('EURUSD'));
  });

  it('are none of the delivered ones, nor raw accounts, futures and the highest tiers of exchanges', () => {
    for (const [symbol, costs] of Object.entries(deliveredCosts())) expect(areTooSmall(symbol, costs)).toBe(false);
    expect(areTooSmall('EURUSD', { spread_bps: 0.1, commission_bps: 0.3, slippage_bps: 0 })).toBe(false);
    expect(areTooSmall('SPXUSD', { spread_bps: 0.5, commission_bps: 0.1, slippage_bps: 0 })).toBe(false);
    expect(areTooSmall('BTCUSDT', { spread_bps: 0.1, commission_bps: 2, slippage_bps: 0.5 })).toBe(false);
  });

  it('are replaced by the delivered ones of the symbol, else of its class; the rest of its costs stays', () => {
    const own = deliveredCosts()['EURUSD']!;
    const hundredth = { ...FREE, spread_bps: own.spread_bps / 100, commission_bps: 0.003, slippage_bps: 0.001 };
    for (const given of [FREE, hundredth])
      expect(believedCosts('EURUSD', given)).toEqual({
        spread_bps: own.spread_bps,
        commission_bps: own.commission_bps,
        slippage_bps: own.slippage_bps,
        ...SWAPS,
      });
    expect(fillBps(believedCosts('EURNOK', FREE))).toBe(fillBps(deliveredCosts()['GBPUSD']!));
    expect(fillBps(believedCosts('SOLUSDT', FREE))).toBe(6);
    expect(believedCosts('EURUSD', own)).toBe(own);
  });

  it('are named, with what is charged instead', () => {
    expect(costNotes({ EURUSD: FREE, GBPUSD: deliveredCosts()['GBPUSD']! }, ['EURUSD', 'GBPUSD', 'EURUSD'])).toEqual([
      'EURUSD: 0 bps a fill are too small to be its costs (at least 0.167), and count as unknown: computed with 0.5.',
    ]);
  });

  it('of a symbol of no class are asked about, not guessed', () => {
    expect(believedCosts('ACME', FREE)).toBe(FREE);
    expect(() => refuseUnknownCosts({ ACME: FREE }, ['ACME'])).toThrow(
      expect.objectContaining({ code: 'COSTS_UNKNOWN', seen: 'ACME: 0 bps a fill' }),
    );
    refuseUnknownCosts({ ACME: { ...FREE, commission_bps: 1 }, EURUSD: FREE }, ['ACME', 'EURUSD']);
  });

  it('as fees of instruments are those of an exchange', () => {
    const told: string[] = [];
    const tell = (text: string): number => told.push(text);
    const given = { takerFeeBps: 0, slippageBps: 0 };
    expect(believedFees(['BTCUSDT'], given, tell)).toEqual({ takerFeeBps: 5, slippageBps: 1 });
    expect(told).toEqual([
      'BTCUSDT: 0 bps a fill are too small to be its costs (at least 2), and count as unknown: computed with 6.',
    ]);
    const tier = { takerFeeBps: 1.7, slippageBps: 0.5 };
    expect(believedFees(['BTCUSDT', 'ETHUSDT'], tier, tell)).toBe(tier);
    expect(() => believedFees(['ACME'], given, tell)).toThrow(expect.objectContaining({ code: 'COSTS_UNKNOWN' }));
  });
});
