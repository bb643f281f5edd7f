import { expect, it } from 'vitest';
import { mirrorBars } from '../../placebo/mirrored_bars.ts';
import type { Instrument } from './instrument_rows.ts';
import { placeboInstrument } from './placebo_instrument.ts';

it('mirrors the bars whose coin shows tails, and exchanges their taker buys and sells; series are as recorded', () => {
  const bars = {
    symbol: 'BTCUSDT',
    timeframe: 3600,
    length: 4,
    time: Float64Array.of(0, 3600, 7200, 10_800),
    open: Float64Array.of(100, 101, 99, 98),
    high: Float64Array.of(102, 103, 100, 99),
    low: Float64Array.of(99, 98, 97, 97),
    close: Float64Array.of(101, 99, 98, 98.5),
    volume: Float64Array.of(10, 20, 30, 40),
    takerBuyVolume: Float64Array.of(4, 5, NaN, 30),
  };
  const series = { funding_rate: { value: [1] } } as unknown as Instrument['series'];
  const tails = new Set([3600, 7200]);
  const coins = (time: number): 1 | -1 => (tails.has(time) ? -1 : 1);
  const placebo = placeboInstrument({ bars, series }, coins);
  expect([...placebo.bars.takerBuyVolume]).toEqual([4, 15, NaN, 30]);
  expect(placebo.bars).toMatchObject({ symbol: 'BTCUSDT', timeframe: 3600, volume: bars.volume, time: bars.time });
  expect(placebo.bars.close).toEqual(mirrorBars(bars, coins).close);
  // 101 to 99 becomes 101 to 101 · 101 / 99.
  expect(placebo.bars.close[1]).toBeCloseTo((101 * 101) / 99, 9);
  expect(placebo.series).toBe(series);
});
