import { describe, expect, it } from 'vitest';
import { CALM_BAR, historyOf, randomHistory } from '../history/pair_history.fixture.ts';
import { TREND_BARS, trendRegimes, zScores } from './regime.ts';

const MORE = 40;
const rising = historyOf(Array.from({ length: TREND_BARS + MORE }, (_, i) => ({ ...CALM_BAR, lnA: i * 0.01 })));
const falling = historyOf(Array.from({ length: TREND_BARS + MORE }, (_, i) => ({ ...CALM_BAR, lnA: 100 - i * 0.01 })));
const histories = [rising, falling, randomHistory('regime', TREND_BARS + 400, 1)];

/** A row for every bar of a history. */
function rowsOf(index: number): { time: Float64Array; pair: Int32Array } {
  const { time, length } = histories[index]!;
  return { time: time.map((opened) => opened + 60), pair: new Int32Array(length).fill(index) };
}

describe('trendRegimes', () => {
  it('is bull while leg A is higher than before, bear while lower, and neither before the look-back is complete', () => {
    const flat = Array(TREND_BARS).fill(0);
    expect([...trendRegimes(rowsOf(0), histories)]).toEqual([...flat, ...Array(MORE).fill(1)]);
    expect([...trendRegimes(rowsOf(1), histories)]).toEqual([...flat, ...Array(MORE).fill(-1)]);
    const { lnA } = histories[2]!;
    const expected = [...lnA.keys()].map((t) => (t < TREND_BARS ? 0 : lnA[t]! > lnA[t - TREND_BARS]! ? 1 : -1));
    expect([...trendRegimes(rowsOf(2), histories)]).toEqual(expected);
  });

  it('is known at the bar: later bars change nothing', () => {
    const { time, pair } = rowsOf(2);
    const all = trendRegimes({ time, pair }, histories);
    for (const at of [30, 111, 250].map((after) => TREND_BARS + after)) {
      const cut = { ...histories[2]!, length: at + 1, lnA: histories[2]!.lnA.map((v, i) => (i > at ? NaN : v)) };
      const row = { time: time.subarray(at, at + 1), pair: Int32Array.of(2) };
      expect(trendRegimes(row, [rising, falling, cut])[0]).toBe(all[at]);
    }
  });

  it('refuses a row whose bar is not in the history of its pair', () => {
    expect(() => trendRegimes({ time: [123], pair: [0] }, histories)).toThrow(/row 0: pair 0 has no bar/);
    const cut = { ...rising, length: TREND_BARS + 20 };
    expect(trendRegimes({ time: [rising.time[TREND_BARS + 19]! + 60], pair: [0] }, [cut])[0]).toBe(1);
    for (const at of [TREND_BARS + 20, TREND_BARS + 30])
      expect(() => trendRegimes({ time: [rising.time[at]! + 60], pair: [0] }, [cut])).toThrow(RangeError);
  });
});

describe('zScores', () => {
  it('is the z of each row’s bar', () => {
    expect(zScores(rowsOf(2), histories)).toEqual(histories[2]!.z);
  });
});
