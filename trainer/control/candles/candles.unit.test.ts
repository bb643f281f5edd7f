import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { columnsOf } from '../../../shared/bar_file/bar_file.ts';
import { candlesOf } from './candles.ts';

const FIRST = Date.UTC(2026, 2, 2, 9) / 1000;

/** Minutes whose open is their number, with a high and a low beside it. */
function minutes(numbers: readonly number[]) {
  const bars = numbers.map((i) => ({
    symbol: 'XAUUSD',
    time: (FIRST + 60 * i) as OpenTime,
    open: 100 + i,
    high: 100 + i + 0.9,
    low: 100 + i - 0.4,
    close: 100 + i + 0.5,
    volume: 1,
  }));
  return columnsOf('XAUUSD', bars);
}
const firstOf = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('candlesOf', () => {
  it('leaves minutes as they are where they are few, each at its close', () => {
    expect(candlesOf(minutes([0, 1, 3]), 10)).toEqual({
      timeframe: '1m',
      time: [FIRST + 60, FIRST + 120, FIRST + 240],
      open: [100, 101, 103],
      high: [100.9, 101.9, 103.9],
      low: [99.6, 100.6, 102.6],
      close: [100.5, 101.5, 103.5],
    });
  });

  it('joins them in the shortest timeframe that has at most so many, and keeps the last one that is not over', () => {
    const candles = candlesOf(minutes(firstOf(22)), 5);
    expect(candles).toEqual({
      timeframe: '5m',
      time: [300, 600, 900, 1200, 1500].map((seconds) => FIRST + seconds),
      open: [100, 105, 110, 115, 120],
      high: [104.9, 109.9, 114.9, 119.9, 121.9],
      low: [99.6, 104.6, 109.6, 114.6, 119.6],
      close: [104.5, 109.5, 114.5, 119.5, 121.5],
    });
    expect(candlesOf(minutes(firstOf(22)), 4).timeframe).toBe('10m');
  });

  it('counts the period, so that gaps do not change the timeframe, and has a longest one', () => {
    expect(candlesOf(minutes([0, 59]), 20).timeframe).toBe('5m');
    expect(candlesOf(minutes([0, 3 * 1440]), 1).timeframe).toBe('1d');
    expect(candlesOf(minutes([]), 10)).toMatchObject({ timeframe: '1m', time: [], close: [] });
  });
});
