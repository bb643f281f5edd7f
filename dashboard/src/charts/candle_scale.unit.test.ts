import { describe, expect, it } from 'vitest';
import { candleScale } from './candle_scale.ts';

describe('candleScale', () => {
  it('shows all candles with a margin, and levels that are near', () => {
    expect(candleScale([100, 99], [101, 109], [])).toEqual([99 - 0.6, 109 + 0.6]);
    expect(candleScale([100, 99], [101, 109], [[null, 95], [112]])).toEqual([95 - 0.6, 112 + 0.6]);
  });

  it('leaves levels out with which the candles would be a line', () => {
    expect(candleScale([100, 99], [101, 109], [[80], [140, 111]])).toEqual([99 - 0.6, 111 + 0.6]);
  });

  it('has a height where no price moved, and none without candles', () => {
    expect(candleScale([200], [200], [])).toEqual([200 - 0.012, 200 + 0.012]);
    expect(candleScale([null], [null], [[1]])).toBeNull();
  });
});
