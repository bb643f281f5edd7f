import { describe, expect, it } from 'vitest';
import { candleMarks, levelsAt } from './candle_places.ts';

const CANDLES = [300, 600, 900];

describe('candleMarks', () => {
  it('places a mark at the candle in which its bar closed', () => {
    const marks = [null, 'buy', null, 'exit'] as const;
    expect(candleMarks(marks, [240, 301, 600, 660], CANDLES)).toEqual([null, 'buy', 'exit']);
    expect(candleMarks(['sell'], [300], CANDLES)).toEqual(['sell', null, null]);
  });

  it('shows an entry and an exit of one candle beside each other, and what is later than all at the last', () => {
    expect(candleMarks(['sell', 'exit'], [310, 320], CANDLES)).toEqual([null, 'sell', 'exit']);
    expect(candleMarks(['exit'], [1200], CANDLES)).toEqual([null, null, 'exit']);
    expect(candleMarks(['exit'], [1200], [])).toEqual([]);
  });
});

describe('levelsAt', () => {
  it('has the levels of the last signal that is not after the close of a candle', () => {
    const levels = [10, 20, 30].map((stop) => ({ stop, target: null }));
    const stops = levelsAt(levels, [300, 360, 900], CANDLES).map(({ stop }) => stop);
    expect(stops).toEqual([10, 20, 30]);
    expect(levelsAt(levels, [400, 500, 601], CANDLES).map(({ stop }) => stop)).toEqual([null, 20, 30]);
  });
});
