import { describe, expect, it } from 'vitest';
import { profileOfSymbol } from '../core/cost/spread_profile.ts';
import { parsePair } from '../pair.ts';
import { pairCosts, tradingCosts, withMids, withPriceKinds } from './costs.ts';
import { leveragePolicy } from './leverage_steps.ts';
import type { CorePolicy, SymbolCosts } from './schema.ts';

const symbols = {
  EURUSD: { spread_bps: 1, commission_bps: 0.2, slippage_bps: 0.1, price: 'bid' },
  XAUUSD: {
    spread_bps: 2,
    commission_bps: 0.3,
    slippage_bps: 0.2,
    spread_profile: [
      [0, 1],
      [600, 4],
    ],
  },
  USDCHF: { spread_bps: 3, commission_bps: 0.4, slippage_bps: 0.3, price: 'last' },
} as unknown as Record<string, SymbolCosts>;
const settings = { minutehand: { symbols } };

describe('the costs of the configured symbols', () => {
  it('have a spread that varies over the week: as configured, else as delivered for the class', () => {
    const costs = tradingCosts(settings);
    expect(Object.keys(costs)).toEqual(['EURUSD', 'XAUUSD', 'USDCHF']);
    const { profile: delivered, ...euro } = costs['EURUSD']!;
    expect([euro, delivered === profileOfSymbol('EURUSD')]).toEqual([symbols['EURUSD'], true]);
    const { profile } = costs['XAUUSD']!;
    expect([profile![0], profile![599], profile![600], profile![10_079]]).toEqual([1, 1, 4, 4]);
    expect(tradingCosts(settings, 'flat')).toEqual(symbols);
    expect(tradingCosts(settings, 'flat')['EURUSD']).not.toHaveProperty('profile');
  });

  it('take the price kind of given bars before that of the configuration', () => {
    const kindsOf = (own: typeof settings) => Object.values(own.minutehand.symbols).map(({ price }) => price);
    const changed = withPriceKinds({ ...settings, other: 1 }, { EURUSD: 'last', XAUUSD: 'mid' });
    expect([kindsOf(changed), changed.other]).toEqual([['last', 'mid', 'last'], 1]);
    expect(changed.minutehand.symbols['EURUSD']).toEqual({ ...symbols['EURUSD'], price: 'last' });
    expect(kindsOf(withMids(settings))).toEqual(['mid', undefined, 'last']);
    expect(kindsOf(settings)).toEqual(['bid', undefined, 'last']);
  });

  it('of a pair are those of its legs; a symbol without costs is refused', () => {
    const { a, b } = pairCosts(symbols, parsePair('XAUUSD_EURUSD'));
    expect([a, b]).toEqual([symbols['XAUUSD'], symbols['EURUSD']]);
    const refused = (id: string) => () => pairCosts(symbols, parsePair(id));
    expect(refused('XAUUSD_GBPUSD')).toThrow(new RangeError('no costs of GBPUSD'));
    expect(refused('GBPUSD_XAUUSD')).toThrow(new RangeError('no costs of GBPUSD'));
  });
});

describe('the reduction of leverage', () => {
  const core = (drawdown: unknown[], risk_score: unknown[]): CorePolicy =>
    ({ leverage_reduction_rate: { drawdown, risk_score } }) as unknown as CorePolicy;

  it('exists with a step of either kind, and knows the costs of fills', () => {
    expect(leveragePolicy(core([], []), symbols)).toBeUndefined();
    const { costs, ...steps } = leveragePolicy(core([1], []), symbols)!;
    expect(steps).toEqual({ drawdown: [1], risk_score: [] });
    expect(Object.keys(costs)).toEqual(['EURUSD', 'XAUUSD', 'USDCHF']);
    expect(costs['EURUSD']!.profile).toBe(profileOfSymbol('EURUSD'));
    expect(leveragePolicy(core([], [1]), symbols)).toMatchObject({ drawdown: [], risk_score: [1] });
  });
});
