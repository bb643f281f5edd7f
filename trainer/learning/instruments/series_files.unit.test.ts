import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { parseTimeZone } from '../../../shared/bar_file/time_zone.ts';
import { readInstrumentFile, readInstrumentFolder } from './instrument_bars.ts';
import { importSeries, readSeriesFolder, type SeriesSource } from './series_files.ts';

const folder = mkdtempSync(join(tmpdir(), 'series-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function sourceOf(text: string | Buffer, change: Partial<SeriesSource> = {}): SeriesSource {
  const path = join(folder, `source${files++}.csv.gz`);
  writeFileSync(path, gzipSync(text));
  return { path, valueColumn: 'rate', timeColumn: 'time', arrivalColumn: null, lagSeconds: 60, ...change };
}

/** In units of 10^-8. */
const unscaled = (text: string): number | bigint => BigInt(Math.round(Number(text) * 1e8));

describe('importSeries', () => {
  it('keeps event and arrival times and revisions, and adds nothing twice', async () => {
    const into = join(folder, 'kept');
    const first = await importSeries(into, 'BTCUSDT', 'funding_rate', sourceOf('time,rate\n100,1\n200,2\n300,\n'));
    expect(first).toEqual({ added: 2, duplicates: 0, revisions: 0, empty: 1 });
    for (const [unit, time] of [
      ['milliseconds', 1_736_150_400_003],
      ['microseconds', 1_736_150_400_003_000],
    ] as const) {
      const counts = await importSeries(
        join(folder, unit),
        'BTCUSDT',
        'funding_rate',
        sourceOf(`time,rate\n${time},1\n`),
      );
      expect(counts).toEqual({ added: 1, duplicates: 0, revisions: 0, empty: 0, time_unit: unit });
      const { funding_rate } = await readSeriesFolder(join(folder, unit), 'BTCUSDT');
      expect([funding_rate.eventTime[0], funding_rate.arrivalTime[0]]).toEqual([1_736_150_400.003, 1_736_150_460.003]);
    }
    for (const wrong of ['1e30', '2025-01-06 08:00', '-5'])
      await expect(
        importSeries(join(folder, 'wrong'), 'BTCUSDT', 'funding_rate', sourceOf(`time,rate\n${wrong},1\n`)),
      ).rejects.toMatchObject({ code: 'DATA_FORMAT' });
    const revised = sourceOf('time,known,rate\n100,160,1\n100,500,3\n', { arrivalColumn: 'known' });
    expect(await importSeries(into, 'BTCUSDT', 'funding_rate', revised)).toEqual({
      added: 1,
      duplicates: 1,
      revisions: 1,
      empty: 0,
    });
    expect(readFileSync(join(into, 'BTCUSDT.funding_rate.csv'), 'utf8')).toBe(
      'event_time,arrival_time,value\n100,160,1\n200,260,2\n100,500,3\n',
    );
    const { funding_rate, open_interest } = await readSeriesFolder(into, 'BTCUSDT');
    expect([...funding_rate.value]).toEqual([1, 2, 3]);
    expect(open_interest.length).toBe(0);
  });

  it('reads dates, numbers and encodings as a person states them, or as they show', async () => {
    const added = async (text: string | Buffer, change: Partial<SeriesSource> = {}) => {
      const into = join(folder, `read${files}`);
      await importSeries(into, 'BTCUSDT', 'funding_rate', sourceOf(text, change));
      const { funding_rate: own } = await readSeriesFolder(into, 'BTCUSDT');
      return [...own.eventTime].map((time, i) => [new Date(time * 1000).toISOString().slice(0, 16), own.value[i]]);
    };
    const march = 'time;rate\n02/03/2025 08:00;0,5\n';
    await expect(added(march)).rejects.toMatchObject({ next: expect.stringContaining('--date-order mdy') as string });
    await expect(added(march, { dateOrder: 'dmy' })).rejects.toMatchObject({
      next: expect.stringContaining('--timezone') as string,
    });
    const zone = parseTimeZone('+02:00');
    for (const text of [march, Buffer.from(`\uFEFF${march}`, 'utf16le')])
      expect(await added(text, { dateOrder: 'dmy', zone })).toEqual([['2025-03-02T06:00', 0.5]]);
    expect(await added(march, { dateOrder: 'mdy', zone })).toEqual([['2025-02-03T06:00', 0.5]]);
    // Dates that show their order, and a value that fits two ways of writing.
    const shown = 'time;rate\n13/03/2025 08:00;154,321\n';
    await expect(added(shown, { zone })).rejects.toMatchObject({ next: 'Give --decimal comma or --decimal point.' });
    expect(await added(shown, { zone, decimal: 'comma' })).toEqual([['2025-03-13T06:00', 154.321]]);
    await expect(added(shown, { zone, decimal: 'comma', dateOrder: 'mdy' })).rejects.toThrow(/can only be dmy/);
  });

  const RATES = ['0.00010931', '-0.0000275', '0', '0.01'];
  type Typed = NonNullable<Parameters<typeof parquetWriteBuffer>[0]['schema']>[number];
  /** The rates in one type of Parquet, at their times in another. */
  function parquet(rate: Omit<Typed, 'name'>, cell: (text: string) => unknown, time: Omit<Typed, 'name'>) {
    const times = RATES.map((_, i) => 1_736_150_400 + 3600 * i);
    const path = join(folder, `rates${files++}.parquet`);
    const bytes = parquetWriteBuffer({
      schema: [
        { name: 'root', num_children: 2 },
        { ...time, name: 'time', repetition_type: 'REQUIRED' },
        { ...rate, name: 'rate', repetition_type: 'REQUIRED' },
      ],
      columnData: [
        { name: 'time', data: time.type === 'INT64' ? times.map(BigInt) : times },
        { name: 'rate', data: RATES.map(cell) as number[] },
      ],
    });
    writeFileSync(path, Buffer.from(bytes));
    return { ...sourceOf(''), path };
  }

  it.each<[string, Omit<Typed, 'name'>, (text: string) => unknown]>([
    ['the decimals', { type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale: 8 }, unscaled],
    ['the decimals', { type: 'INT32', converted_type: 'DECIMAL', precision: 9, scale: 8 }, unscaled],
    ['single precision', { type: 'FLOAT' }, Number],
    ['double precision', { type: 'DOUBLE' }, Number],
    ['text', { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, String],
  ])('takes a Parquet file with the numbers of the same text: %s of %o', async (_, rate, cell) => {
    const into = join(folder, `parquet${files}`);
    const counts = await importSeries(into, 'BTCUSDT', 'funding_rate', parquet(rate, cell, { type: 'INT64' }));
    expect(counts.single_precision).toBe(rate.type === 'FLOAT' ? true : undefined);
    const text = RATES.map((own, i) => `${1_736_150_400 + 3600 * i},${own}\n`).join('');
    const again = await importSeries(into, 'BTCUSDT', 'funding_rate', sourceOf(`time,rate\n${text}`));
    expect(again).toMatchObject({ added: 0, duplicates: RATES.length, revisions: 0 });
    expect([...(await readSeriesFolder(into, 'BTCUSDT')).funding_rate.value]).toEqual(RATES.map(Number));
  });

  it('refuses times of single precision, which are none', async () => {
    const source = parquet({ type: 'DOUBLE' }, Number, { type: 'FLOAT' });
    await expect(importSeries(join(folder, 'rounded'), 'BTCUSDT', 'funding_rate', source)).rejects.toMatchObject({
      code: 'DATA_FORMAT',
      seen: `${source.path}: time of single precision (float32), which rounds times to two minutes`,
    });
  });

  it('refuses arrival before the event, two values of one time, and invalid numbers', async () => {
    const add = (text: string, change: Partial<SeriesSource> = {}) =>
      importSeries(join(folder, 'refused'), 'BTCUSDT', 'sentiment', sourceOf(text, change));
    await expect(add('time,known,rate\n100,99,1\n', { arrivalColumn: 'known' })).rejects.toThrow(
      /not before the event/,
    );
    await expect(add('time,rate\n100,1\n100,2\n')).rejects.toThrow(/a revision arrives later/);
    await expect(add('time,rate\n100,x\n')).rejects.toThrow(/line 2/);
    await expect(add('time,other\n100,1\n')).rejects.toThrow(/a column rate/);
    await expect(add('timestamp,rate\n100,1\n')).rejects.toMatchObject({ next: expect.stringContaining('`--time`') });
  });
});

describe('readInstrumentFile', () => {
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const HEAD = 'time,open,high,low,close,volume,taker_buy_volume,trades\n';

  it('infers the timeframe from the distance of bars despite gaps, and reads an empty cell as unknown', async () => {
    const path = write(
      'ETHUSDT-1h.csv',
      `${HEAD}0,1,2,1,2,5,,\n3600,2,3,2,3,5,4,9\n14400,3,3,3,3,0,0,0\n18000,3,3,3,3,1,1,1\n`,
    );
    const bars = await readInstrumentFile(path);
    expect(bars).toMatchObject({ symbol: 'ETHUSDT', timeframe: 3600, length: 4 });
    expect([...bars.takerBuyVolume]).toEqual([NaN, 4, 0, 1]);
    expect(await readInstrumentFolder(folder, ['ETHUSDT'], 3600)).toEqual([bars]);
    await expect(readInstrumentFolder(folder, ['ETHUSDT'], 60)).rejects.toThrow(/no file for ETHUSDT/);
  });

  it.each([
    ['0,1,2,1,2,5,6,1', 'taker_buy_volume in 0…volume'],
    ['0,1,2,1.5,2,5,4,1', 'high and low'],
    ['0,1,2,1,2,5,4', '8 fields'],
    ['0,1,2,1,2,5,4,1\n0,1,2,1,2,5,4,1', 'ascending'],
    ['0,1,2,1,2,5,4,1\n3600,1,2,1,2,5,4,1\n7200,1,2,1,2,5,4,1\n9000,1,2,1,2,5,4,1', 'a multiple of the timeframe'],
  ])('refuses %s', async (rows, expected) => {
    await expect(readInstrumentFile(write('BAD.csv', `${HEAD}${rows}\n`))).rejects.toThrow(expected);
  });
});
