import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBarFile, readBarFolder } from '../../shared/bar_file/bar_file.ts';
import type { BarSink } from '../../shared/bar_file/bar_sink.ts';
import type { MinutehandError } from '../../shared/errors.ts';
import { TIMEFRAMES } from '../../shared/pair.ts';
import { readSourceName } from '../../shared/symbol/source_name.ts';
import { REFUSING } from '../../shared/bar_file/verdict/finding.ts';
import { folderSink } from './folder_sink.ts';
import { importBars, type ImportOptions, type ImportResult } from './import.ts';

const MONDAY = 1_704_067_200;
const HEADER = 'time,open,high,low,close,volume';

let folder: string;
let out: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bar-timeframes-'));
  out = join(folder, 'out');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function source(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

const rows = (seconds: number, count: number, from = MONDAY): string[] =>
  Array.from({ length: count }, (_, i) => `${from + i * seconds},1.1,1.3,1.0,1.2,${i}`);

async function imported(path: string, options: Partial<ImportOptions> = {}): Promise<ImportResult> {
  return importBars({ accept: [...REFUSING], source: path, into: await folderSink(out), ...options });
}

const refusal = (path: string, options: Partial<ImportOptions> = {}): Promise<MinutehandError> =>
  imported(path, options).then(
    () => Promise.reject(new Error('was not refused')),
    (error: unknown) => error as MinutehandError,
  );

describe('an import of other timeframes', () => {
  it('imports 1m to 1d unchanged, and states what it inferred and from what', async () => {
    for (const [name, seconds] of Object.entries(TIMEFRAMES)) {
      const symbol = `SYM${name.toUpperCase()}`;
      const path = source(`${symbol}.csv`, [HEADER, ...rows(seconds, 40)]);
      const { symbols } = await imported(path);
      expect(symbols[0]).toMatchObject({ symbol, added: 40, check: { missing_minutes: 0, breaks: 0 } });
      expect(symbols[0]!.sources[0]).toMatchObject({
        timeframe: name,
        timeframe_by: 'spacing',
        symbol_by: 'name',
        price_range: [1, 1.3],
        timezone: 'UTC',
      });
      const stored = await readBarFile(join(out, `${symbol}.csv.gz`));
      expect([stored.time[0], stored.time[1]]).toEqual([MONDAY, MONDAY + seconds]);
      // Used, a bar has the time of its last minute.
      const used = await readBarFolder(out, [symbol]);
      expect(used.get(symbol)!.time[0]).toBe(MONDAY + seconds - 60);
    }
  });

  it('reads symbol and timeframe of few bars from the name, as MetaTrader and Binance write them', async () => {
    const names = {
      'BTCUSDT-1h-2024-01.csv': ['BTCUSDT', 3600],
      'DAT_ASCII_EURUSD_M1_2019.csv': ['EURUSD', 60],
      'EURUSD_H4.csv': ['EURUSD', 14_400],
      'EURUSD1440.csv': ['EURUSD', 86_400],
      'XAUUSD.csv.gz': ['XAUUSD', null],
      'US500.csv': ['US500', null],
    } as const;
    for (const [name, [symbol, barSeconds]] of Object.entries(names))
      expect(readSourceName(name), name).toMatchObject({ symbol, barSeconds });
    const { symbols } = await imported(source('EURUSD_H1.csv', [HEADER, ...rows(3600, 3)]));
    expect(symbols[0]!.sources[0]).toMatchObject({ timeframe: '1h', timeframe_by: 'name' });
  });

  it('asks for the timeframe of a few bars that may be of days or hours as well as rare ones of a minute', async () => {
    const MONTH = 30 * 86_400;
    for (const [seconds, count] of [
      [86_400, 15],
      [3600, 2],
      [300, 19],
    ] as const) {
      const error = await refusal(source('EURUSD.csv', [HEADER, ...rows(seconds, count)]));
      expect(error.message, `${count} of ${seconds} s`).toContain('do not show whether they are bars of 1m or of');
    }
    // Few minutes, and minutes of which some are missing.
    await imported(source('EURUSD.csv', [HEADER, ...rows(60, 3), ...rows(300, 3, MONDAY + 3600)]));
    await imported(source('XAUUSD.csv', [HEADER, ...rows(420, 3)]));

    // A symbol whose timeframe is known takes bars that fit it.
    for (const [symbol, seconds] of [
      ['GBPUSD', 60],
      ['AUDUSD', 3600],
      ['NZDUSD', 86_400],
    ] as const) {
      await imported(source(`${symbol}.csv`, [HEADER, ...rows(seconds, 25)]));
      const later = source(`${symbol}.csv`, [HEADER, ...rows(Math.max(seconds, 300), 4, MONDAY + MONTH)]);
      expect((await imported(later)).symbols[0]).toMatchObject({ added: 4 });
    }
    const days = [HEADER, ...rows(86_400, 4, MONDAY + 2 * MONTH)];
    expect((await refusal(source('GBPUSD.csv', days))).message).toContain('bars of 1m or of 1d');
    expect((await refusal(source('AUDUSD.csv', days))).code).toBe('DATA_FORMAT');
  });

  it('refuses a mixture for one symbol: within a file, between files, and with stored bars', async () => {
    const mixed = [HEADER, ...rows(3600, 30), ...rows(60, 30, MONDAY + 30 * 3600)];
    expect((await refusal(source('EURUSD.csv', mixed))).message).toContain('bars of 1m and of 1h');

    await imported(source('GBPUSD.csv', [HEADER, ...rows(60, 30)]));
    const hours = source('GBPUSD_H1.csv', [HEADER, ...rows(3600, 30)]);
    const error = await refusal(hours);
    expect(error.code).toBe('DATA_FORMAT');
    expect(error.message).toContain('GBPUSD: bars of 1m and of 1h');
    expect((await readBarFile(join(out, 'GBPUSD.csv.gz'))).length).toBe(30);

    const both = join(folder, 'out2');
    const { symbols, skipped } = await importBars({ source: folder, into: await folderSink(both) });
    expect(symbols.find(({ symbol }) => symbol === 'GBPUSD')).toMatchObject({ added: 30 });
    expect(skipped.map(({ file }) => file)).toContain(hours);
  });

  it('refuses a name that contradicts the bars, and spacings that are no timeframe', async () => {
    const contradiction = await refusal(source('EURUSD_H1.csv', [HEADER, ...rows(300, 30)]));
    expect(contradiction.message).toContain('its name states bars of 1h, and they are 300 s apart');
    for (const seconds of [120, 2700])
      expect((await refusal(source('EURUSD.csv', [HEADER, ...rows(seconds, 30)]))).message).toContain(
        `neighboring bars are ${seconds} s apart`,
      );
  });

  it('refuses four-hour bars on a clock where they begin elsewhere, and imports them on one that fits', async () => {
    const lines = Array.from({ length: 30 }, (_, i) => {
      const [day, time] = new Date((MONDAY + i * 14_400) * 1000).toISOString().split('T') as [string, string];
      return `${day.replaceAll('-', '.')}\t${time.slice(0, 8)}\t1.1\t1.3\t1.0\t1.2\t7\t0\t0`;
    });
    const header = '<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>';
    const path = source('EURUSD_H4.csv', [header, ...lines]);
    expect((await refusal(path)).code).toBe('USAGE');
    expect((await refusal(path, { timezone: '+02:00' })).message).toContain('a bar of 4h that opens at');
    const { symbols } = await imported(path, { timezone: 'UTC' });
    expect(symbols[0]!.sources[0]).toMatchObject({ timeframe: '4h', timezone: 'UTC', checked: false });
  });

  it('reads the open of an hour from klines that have only their close', async () => {
    const lines = Array.from({ length: 30 }, (_, i) => {
      const close = new Date((MONDAY + (i + 1) * 3600) * 1000 - 1)
        .toISOString()
        .replace('T', ' ')
        .replace('Z', '+00:00');
      return `1.1,1.3,1.0,1.2,7,${i},${close}`;
    });
    await imported(source('BTCUSDT.csv', ['open,high,low,close,volume,trades,close_datetime', ...lines]));
    const { time } = await readBarFile(join(out, 'BTCUSDT.csv.gz'));
    expect([time[0], time[29]]).toEqual([MONDAY, MONDAY + 29 * 3600]);
  });

  it('turns taker volume and number of trades into series on request, known when their bar closes', async () => {
    const given: Record<string, [number[], number[]]> = {};
    const sink: BarSink = {
      ...(await folderSink(out)),
      putSeries(_symbol, name, time, value) {
        given[name] = [[...time], [...value]];
        return Promise.resolve({ added: time.length, duplicates: 0, conflicts: 0 });
      },
    };
    const lines = rows(3600, 30).map((row, i) => `${row},${i / 2},${i === 4 ? '' : 10 * i}`);
    const path = source('BTCUSDT-1h.csv', [`${HEADER},taker_buy_volume,number_of_trades`, ...lines]);
    const { series, symbols } = await importBars({ source: path, into: sink, flow: true });
    expect(series).toMatchObject([
      { name: 'taker_buy_volume', read: 30, added: 30, rejected_count: 0 },
      { name: 'number_of_trades', read: 30, added: 29, rejected_count: 1 },
    ]);
    expect(given['taker_buy_volume']![0].slice(0, 2)).toEqual([MONDAY + 3600, MONDAY + 7200]);
    expect(given['taker_buy_volume']![1].slice(0, 3)).toEqual([0, 0.5, 1]);
    expect(symbols[0]!.sources[0]).toMatchObject({ series: ['taker_buy_volume', 'number_of_trades'] });

    const unwanted = await importBars({ source: path, into: sink });
    expect(unwanted.series).toEqual([]);
    expect(unwanted.symbols[0]!.sources[0]!.series_left_out).toEqual(['taker_buy_volume', 'number_of_trades']);
  });
});
