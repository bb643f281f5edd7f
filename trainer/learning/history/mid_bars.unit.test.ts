import { expect, it } from 'vitest';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { defaultProfile } from '../../../shared/core/cost/spread_profile.ts';
import { midBars } from './mid_bars.ts';

it('bids become mids by half the spread of each minute; other prices are unchanged', () => {
  const time = Float64Array.of(...['2024-01-03T17:00Z', '2024-01-03T22:05Z'].map((text) => Date.parse(text) / 1000));
  const prices = Float64Array.of(1.1, 1.2);
  const bars: BarColumns = {
    symbol: 'EURUSD',
    length: 2,
    time,
    open: prices,
    high: prices,
    low: prices,
    close: prices,
    volume: prices,
    spread: null,
  };
  const costs = { spread_bps: 2, commission_bps: 9, slippage_bps: 9, profile: defaultProfile('currency') };
  const all = new Map([
    ['EURUSD', bars],
    ['GBPUSD', bars],
    ['USDCHF', { ...bars, spread: Float64Array.of(NaN, 1.2e-3) }],
  ]);
  const bid = { ...costs, price: 'bid' as const };
  const mids = midBars(all, { EURUSD: bid, GBPUSD: costs, USDCHF: bid });
  for (const name of ['open', 'high', 'low', 'close'] as const) {
    const column = mids.get('EURUSD')![name];
    expect(column[0]! / 1.1 - 1).toBeCloseTo(1e-4, 12);
    expect(column[1]! / 1.2 - 1).toBeCloseTo(5.3e-4, 12);
    expect(mids.get('USDCHF')![name][1]! / 1.2 - 1).toBeCloseTo(5.5e-4, 12);
  }
  expect(mids.get('EURUSD')!.volume).toEqual(prices);
  expect(mids.get('GBPUSD')).toBe(bars);
});
