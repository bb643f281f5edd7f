import fc from 'fast-check';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { barAt, columnsOf, readBarFile, type BarColumns } from '../../bar_file/bar_file.ts';
import { realData, skipNote } from '../../bar_file/real_data.fixture.ts';
import { resampleBars } from '../../bar_file/resampled_bars.ts';
import type { Bar, OpenTime } from '../../bar.ts';
import { TIMEFRAMES } from '../../pair.ts';
import { BarResampler, barOpen, lastMinuteOf } from './bar_resampler.ts';
import { resampledFile } from './bar_resampler.oracle.ts';

const LONGER = Object.values(TIMEFRAMES).filter((seconds) => seconds > 60);
const m1 = realData('m1');

const price = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
/** Ascending minutes with gaps of minutes, hours and weekends. */
const minutes: fc.Arbitrary<Bar[]> = fc
  .array(
    fc.record({
      gap: fc.oneof(
        { weight: 8, arbitrary: fc.constant(1) },
        fc.integer({ min: 2, max: 9 }),
        fc.constantFrom(47, 61, 2881),
      ),
      prices: fc.tuple(price, price, price, price),
      volume: fc.double({ min: 0, max: 1e9, noNaN: true }),
      spread: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
      taker: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined, freq: 20 }),
      trades: fc.option(fc.nat(1000), { nil: undefined, freq: 20 }),
    }),
    { maxLength: 150 },
  )
  .map((rows) => {
    let time = 1_600_000_020 - 60;
    return rows.map(({ gap, prices, volume, spread, taker, trades }) => {
      time += gap * 60;
      const [open, close] = prices;
      const bar = { symbol: 'A', time: time as OpenTime, open, close, volume };
      const range = { high: Math.max(...prices), low: Math.min(...prices) };
      const flow = {
        ...(taker !== undefined && { takerBuyVolume: volume * taker }),
        ...(trades !== undefined && { trades }),
      };
      return { ...bar, ...range, ...(spread !== undefined && { spread }), ...flow };
    });
  });

function resample(bars: readonly Bar[], barSeconds: number): Bar[] {
  const out: Bar[] = [];
  const resampler = new BarResampler('A', barSeconds, (bar) => out.push(bar));
  for (const bar of bars) resampler.take(bar);
  return out;
}

function barsOf(columns: BarColumns): Bar[] {
  return Array.from({ length: columns.length }, (_, i) => barAt(columns, i));
}

describe('BarResampler', () => {
  it('gives the bars of the whole file at every timeframe, through gaps, to the bit', () => {
    fc.assert(
      fc.property(minutes, fc.constantFrom(...LONGER), (bars, seconds) => {
        expect(resample(bars, seconds)).toEqual(resampledFile(bars, seconds));
      }),
    );
  });

  it('gives the same bars from the open of any bar on: a restart needs no state', () => {
    fc.assert(
      fc.property(minutes, fc.constantFrom(...LONGER), fc.nat(), (bars, seconds, at) => {
        fc.pre(bars.length > 0);
        const from = barOpen(lastMinuteOf(bars[at % bars.length]!.time, seconds), seconds);
        const restarted = resample(
          bars.filter(({ time }) => time >= from),
          seconds,
        );
        expect(restarted).toEqual(resample(bars, seconds).filter(({ time }) => time >= from));
      }),
    );
  });

  it('names a bar by its last minute', () => {
    expect([0, 3540, 3600].map((time) => lastMinuteOf(time, 3600))).toEqual([3540, 3540, 7140]);
    expect([barOpen(3540, 3600), barOpen(7140, 3600), barOpen(60, 60)]).toEqual([0, 3600, 60]);
  });

  it('closes a bar with the minute that ends it, else with the first later one', () => {
    const at = (time: number): Bar => ({
      symbol: 'A',
      time: time as OpenTime,
      open: 1,
      high: 1,
      low: 1,
      close: 1,
      volume: 1,
    });
    const closed: number[] = [];
    const resampler = new BarResampler('A', 300, ({ time }) => closed.push(time));
    const took = [0, 60, 240, 300, 1200, 1440].map((time) => {
      resampler.take(at(time));
      return closed.length;
    });
    expect(took).toEqual([0, 0, 1, 1, 2, 3]);
    expect(closed).toEqual([240, 540, 1440]);
  });

  it('gives bars that are of the timeframe already as they are', () => {
    const hours = Array.from({ length: 30 }, (_, i): Bar => {
      const time = (1_600_002_000 + i * 3600) as OpenTime;
      return { symbol: 'A', time, open: i + 2, high: i + 3, low: i + 1, close: i + 2.5, volume: i };
    });
    const expected = hours.slice(0, -1).map((bar) => ({ ...bar, time: bar.time + 3540 }));
    expect(resample(hours, 3600)).toEqual(expected);
  });

  it.skipIf(m1 === null)(
    `gives the whole file's bars on every recorded symbol and timeframe${skipNote(m1)}`,
    async () => {
      const days = process.env['MINUTEHAND_WEEKLY'] === undefined ? 4 : Infinity;
      const files = readdirSync(m1!).filter((name) => name.endsWith('.csv.gz'));
      for (const file of days === Infinity ? files : files.slice(-2)) {
        const columns = await readBarFile(join(m1!, file));
        const bars = barsOf(columns).filter(({ time }) => time < columns.time[0]! + days * 86_400);
        const part = columnsOf(columns.symbol, bars);
        for (const seconds of LONGER) {
          const resampled = barsOf(resampleBars(part, seconds));
          const isEqual = JSON.stringify(resampled) === JSON.stringify(resampledFile(bars, seconds));
          expect([file, seconds, resampled.length > 0, isEqual]).toEqual([file, seconds, true, true]);
        }
      }
    },
    120_000,
  );
});
