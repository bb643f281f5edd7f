import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MinutehandError } from '../errors.ts';
import { parsePair, TIMEFRAMES } from '../pair.ts';
import { columnsOf, type BarColumns } from './bar_file.ts';
import { legBars, resampleBars } from './resampled_bars.ts';
import { atLastMinute, checkInstrumentTimeframe, checkTimeframes, ownBarSeconds } from './own_timeframe.ts';
import type { OpenTime } from '../bar.ts';

const START = 1_704_067_200;

function barsAt(times: readonly number[], symbol = 'AAA'): BarColumns {
  const bars = times.map((time, i) => {
    const close = 100 + Math.sin(i);
    return { symbol, time: time as OpenTime, open: 100, high: 102, low: 98, close, volume: i };
  });
  return columnsOf(symbol, bars);
}

const spaced = (seconds: number, count: number, symbol?: string): BarColumns =>
  barsAt(
    Array.from({ length: count }, (_, i) => START + i * seconds),
    symbol,
  );

function refusal(work: () => unknown): MinutehandError {
  try {
    work();
  } catch (error) {
    if (error instanceof MinutehandError) return error;
  }
  throw new Error('was not refused');
}

describe('the timeframe of bars', () => {
  it('is the greatest common divisor of their distances, and a minute for few bars', () => {
    for (const seconds of Object.values(TIMEFRAMES)) expect(ownBarSeconds(spaced(seconds, 50))).toBe(seconds);
    expect(ownBarSeconds(spaced(3600, 10))).toBe(60);
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(TIMEFRAMES)),
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 30 }),
        (seconds, steps) => {
          let time = START;
          // Two neighbors are there in any file.
          expect(ownBarSeconds(barsAt([1, ...steps].map((step) => (time += step * seconds))))).toBe(seconds);
        },
      ),
    );
  });

  it('decides where bars are used: stored hours are the hours that minutes make', () => {
    const minutes = spaced(60, 60 * 48);
    const hours = resampleBars(minutes, 3600);
    const stored = { ...hours, time: hours.time.map((time) => time - 3540) };
    expect(atLastMinute(stored)).toEqual(hours);
    expect(atLastMinute(minutes)).toBe(minutes);
    const leg = (bars: BarColumns, id: string): BarColumns => legBars(new Map([['AAA', bars]]), parsePair(id), 'a')!;
    for (const id of ['AAA_BBB@1h', 'AAA_BBB@4h', 'AAA_BBB@1d'])
      expect(leg(atLastMinute(stored), id)).toEqual(leg(minutes, id));
  });

  it('refuses a pair with bars shorter than the stored ones, and states the next step', () => {
    const bars = new Map(['AAA', 'BBB'].map((symbol) => [symbol, spaced(3600, 40, symbol)]));
    for (const id of ['AAA_BBB@1h', 'AAA_BBB@4h', 'AAA_BBB@1d', 'AAA_CCC@1h'])
      expect(() => checkTimeframes([parsePair(id)], bars)).not.toThrow();
    const error = refusal(() => checkTimeframes([parsePair('AAA_BBB')], bars));
    expect(error.code).toBe('DATA_FORMAT');
    expect(error.message).toContain('bars of 1h for AAA');
    expect(error.next).toBe('Import shorter bars, or configure AAA_BBB@1h.');
    const odd = new Map([['AAA', spaced(2700, 40)]]);
    expect(() => checkTimeframes([parsePair('AAA_BBB@1d')], odd)).not.toThrow();
    expect(refusal(() => checkTimeframes([parsePair('AAA_BBB@15m')], odd)).message).toContain('bars of 2700 s');
  });

  it('refuses an instrument with bars shorter than the stored ones, too', () => {
    const hours = spaced(3600, 40, 'AAA');
    for (const seconds of [3600, 14_400, 86_400]) expect(() => checkInstrumentTimeframe(hours, seconds)).not.toThrow();
    const error = refusal(() => checkInstrumentTimeframe(hours, 900));
    expect([error.code, error.message]).toEqual(['DATA_FORMAT', expect.stringContaining('or shorter for AAA@15m')]);
    expect(error.next).toBe('Import shorter bars, or choose AAA@1h.');
  });

  it('refuses days that follow a clock with summer time', () => {
    const days = Array.from({ length: 40 }, (_, i) => START + i * 86_400 + (i < 20 ? 79_200 : 75_600));
    const bars = new Map([['AAA', barsAt(days.filter((_, i) => i % 7 < 5))]]);
    expect(refusal(() => checkTimeframes([parsePair('AAA_BBB@1d')], bars)).message).toContain('no two bars as near');
  });
});
