import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Bar } from '../../../shared/bar.ts';
import { columnsOf } from '../../../shared/bar_file/bar_file.ts';
import { InstrumentFeatures } from '../../../shared/core/features/instrument/instrument_features.ts';
import { INSTRUMENT_WINDOWS } from '../../../shared/core/features/instrument/definitions.ts';
import { resampledFile } from '../../../shared/core/resample/bar_resampler.oracle.ts';
import { barOpen } from '../../../shared/core/resample/bar_resampler.ts';
import { SERIES_NAMES } from '../../../shared/core/series/series_names.ts';
import { createRng } from '../../../shared/rng.ts';
import {
  instrumentBarsOf,
  joinBars,
  readInstrumentFile,
  readInstrumentFolder,
  type InstrumentBars,
} from './instrument_bars.ts';
import { stepAll } from '../strategies/direction/instrument_rows.ts';
import { NO_SERIES } from './series_files.ts';

const folder = mkdtempSync(join(tmpdir(), 'instrument-bars-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const START = 1_600_000_000 - (1_600_000_000 % 86_400);

/** Bars with gaps; some have unknown taker volume. */
function write(name: string, timeframe: number, count: number): Promise<InstrumentBars> {
  const rng = createRng(name);
  let time = START;
  let price = 100;
  const rows = Array.from({ length: count }, () => {
    time += timeframe * (rng.uniform() < 0.02 ? 1 + rng.integer(40) : 1);
    const open = price;
    price *= Math.exp(0.001 * rng.normal());
    const volume = 1 + rng.integer(9);
    const taker = rng.uniform() < 0.01 ? '' : volume * rng.uniform();
    return [time, open, Math.max(open, price), Math.min(open, price), price, volume, taker].join();
  });
  writeFileSync(join(folder, name), `time,open,high,low,close,volume,taker_buy_volume\n${rows.join('\n')}\n`);
  return readInstrumentFile(join(folder, name));
}

function barsOf(bars: InstrumentBars): Bar[] {
  return Array.from(bars.time, (time, i) => ({
    symbol: bars.symbol,
    time: time + bars.timeframe - 60,
    open: bars.open[i]!,
    high: bars.high[i]!,
    low: bars.low[i]!,
    close: bars.close[i]!,
    volume: bars.volume[i]!,
    ...(!Number.isNaN(bars.takerBuyVolume[i]!) && { takerBuyVolume: bars.takerBuyVolume[i]! }),
  })) as Bar[];
}

describe('bars of an instrument', () => {
  it('equal those of a daemon at every longer timeframe, and so do their features, bit for bit', async () => {
    const minutes = await write('AAA-1m.csv', 60, 4000);
    const missing = new Float64Array(SERIES_NAMES.length).fill(NaN);
    for (const timeframe of [300, 900, 3600, 14_400]) {
      const joined = joinBars(minutes, timeframe);
      const live = resampledFile(barsOf(minutes), timeframe);
      expect(barsOf(joined)).toEqual(live);
      expect(instrumentBarsOf(columnsOf(minutes.symbol, barsOf(minutes)), timeframe)).toEqual(joined);
      const [trained, answered] = [0, 1].map(() => new InstrumentFeatures(INSTRUMENT_WINDOWS, timeframe));
      const [rows, own] = [[], []] as [number[], number[]];
      stepAll(joined, NO_SERIES, trained!, () => void rows.push(...trained!.values));
      live.forEach(({ time, takerBuyVolume = NaN, ...bar }) => {
        answered!.step({ ...bar, time: barOpen(time, timeframe), takerBuyVolume }, missing);
        own.push(...answered!.values);
      });
      expect(Float64Array.from(rows)).toEqual(Float64Array.from(own));
      expect(joined).toMatchObject({ timeframe, joinedFrom: 60 });
    }
  });

  it('of an installation say what they were joined from, and nothing where they have the timeframe', () => {
    const ofMinutes = (minutes: number) => {
      const time = Float64Array.from({ length: 40 }, (_, i) => START + 60 * (minutes * (i + 1) - 1));
      const ones = new Float64Array(40).fill(1);
      return {
        symbol: 'AAA',
        length: 40,
        time,
        open: ones,
        high: ones,
        low: ones,
        close: ones,
        volume: ones,
        spread: ones,
      };
    };
    expect([60, 15, 1].map((minutes) => instrumentBarsOf(ofMinutes(minutes), 3600).joinedFrom)).toEqual([
      undefined,
      900,
      60,
    ]);
  });

  it('come from the file of their timeframe, otherwise from the longest shorter one', async () => {
    await write('BBB-1m.csv', 60, 300);
    await write('BBB-15m.csv', 900, 300);
    await write('CCC.csv', 300, 300);
    const seen = async (symbol: string, timeframe: number): Promise<[number, number | undefined]> => {
      const [bars] = await readInstrumentFolder(folder, [symbol], timeframe);
      return [bars!.timeframe, bars!.joinedFrom];
    };
    expect(await seen('BBB', 900)).toEqual([900, undefined]);
    expect(await seen('BBB', 3600)).toEqual([3600, 900]);
    expect(await seen('BBB', 300)).toEqual([300, 60]);
    expect(await seen('CCC', 14_400)).toEqual([14_400, 300]);
    await expect(seen('CCC', 60)).rejects.toMatchObject({ code: 'DATA_FORMAT', expected: '60 s, or a part of them' });
    await expect(seen('DDD', 60)).rejects.toMatchObject({ code: 'DATA_MISSING' });
    await write('BBB.csv', 900, 300);
    await expect(seen('BBB', 900)).rejects.toMatchObject({ code: 'DATA_MISSING', seen: /and BBB/ });
  });
});
