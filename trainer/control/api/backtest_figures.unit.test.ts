import { describe, expect, it } from 'vitest';
import { backtestDocument } from './backtest_document.fixture.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { symbolCosts } from '../../../shared/policy/schema.ts';
import { backtestFiguresSchema, chargedCosts } from '../schema/records.ts';
import { backtestFigures } from './backtest_figures.ts';

const DELIVERED = loadSettings({ env: {} }).minutehand.symbols;

describe('backtestFigures', () => {
  it('has one bundle, with its Sharpe ratio and the error of that', () => {
    const figures = backtestFigures(backtestDocument('20240105_1200'))!;
    expect(figures.bundles.map(({ version }) => version)).toEqual(['20240105_1200']);
    const { sharpe, lower_5_net_bps, upper_95_net_bps, exits } = figures.bundles[0]!.all_pairs;
    expect([sharpe.value, sharpe.days, lower_5_net_bps, upper_95_net_bps]).toEqual([1.5, 30, 0.5, 7.5]);
    // By hand, Lo (2002): √((1 + 1.5² / 252 / 2) / 30 · 252).
    expect(sharpe.standard_error).toBeCloseTo(2.9047, 4);
    expect(exits).toEqual({ Z_EXIT: 2, END_OF_DATA: 1 });
    expect(figures.bundles[0]!.edge_pairs.trades).toBe(0);
    expect(figures).toMatchObject({ trading_days: 30, missing_pairs: ['AUDUSD_USDCAD'], cost_model: 'profile' });
  });

  it('has the challenger second, and no Sharpe ratio of few days', () => {
    const challenger = backtestDocument('20240106_1200');
    const figures = backtestFigures({ ...backtestDocument('20240105_1200', {}, 19), challenger })!;
    expect(figures.bundles.map(({ version }) => version)).toEqual(['20240105_1200', '20240106_1200']);
    for (const { all_pairs } of figures.bundles)
      expect(all_pairs.sharpe).toEqual({ value: null, standard_error: null, days: 19, needed_days: 20 });
  });

  it('reads all that costs of a symbol may state: the kind of its prices, and its profile', () => {
    const written: Record<string, unknown> = { ...DELIVERED['XAUUSD']!, price: 'bid', spread_profile: [[0, 1.5]] };
    const document = { ...backtestDocument('20240105_1200'), costs: { XAUUSD: symbolCosts.parse(written) } };
    const { costs } = backtestFigures(document)!;
    expect(costs).toEqual({ XAUUSD: { ...DELIVERED['XAUUSD']!, price: 'bid' } });
    expect(backtestFiguresSchema.shape.costs.parse(costs)).toEqual(costs);
    // Every key that a person may write is one that a page knows, or the curve.
    expect(Object.keys(symbolCosts.shape).filter((key) => !Object.hasOwn(chargedCosts.shape, key))).toEqual([
      'spread_profile',
    ]);
  });

  it('is null for what has no result, or one of another form', () => {
    const { all_pairs: _all, ...rest } = backtestDocument('20240105_1200');
    for (const other of [null, {}, rest]) expect(backtestFigures(other)).toBeNull();
  });
});
