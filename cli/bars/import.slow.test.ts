import fc from 'fast-check';
import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { clipBars, columnsOf, formatBars, readBarFile } from '../../shared/bar_file/bar_file.ts';
import { IS_WEEKLY } from '../../test/weekly.ts';
import { readSourceName } from '../../shared/symbol/source_name.ts';
import { checkClock } from '../../shared/bar_file/clock_check.ts';
import { REFUSING } from '../../shared/bar_file/verdict/finding.ts';
import { folderSink } from './folder_sink.ts';
import type { ImportOptions, ImportReport, ImportResult } from './import.ts';
import { importBars } from './import.ts';
import { realData, skipNote } from '../../shared/bar_file/real_data.fixture.ts';
import { parseTimeZone } from '../../shared/bar_file/time_zone.ts';

const HEADER = 'time,open,high,low,close,volume';
const raw = realData('raw-samples');
const binance = realData('binance');
const m1 = realData('m1');

let folder: string;
let out: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bar-import-'));
  out = join(folder, 'out');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function source(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** Bars of a few rows and made-up prices: verdicts, which have tests of their own, keep none of them out. */
async function importInto(source: string, options: Partial<ImportOptions> = {}): Promise<ImportResult> {
  return importBars({ accept: [...REFUSING], ...options, source, into: await folderSink(out) });
}

async function importOne(path: string, timezone?: string): Promise<ImportReport> {
  const { symbols } = await importInto(path, timezone === undefined ? {} : { timezone });
  expect(symbols).toHaveLength(1);
  return symbols[0]!;
}

async function bars(symbol: string): Promise<string[]> {
  const { length, time, open, high, low, close, volume, spread } = await readBarFile(join(out, `${symbol}.csv.gz`));
  return Array.from({ length }, (_, i) => {
    const stamp = new Date(time[i]! * 1000).toISOString().slice(0, 16);
    const text = `${stamp} ${open[i]} ${high[i]} ${low[i]} ${close[i]} ${volume[i]}`;
    return spread === null ? text : `${text} ${spread[i]!.toFixed(5)}`;
  });
}

async function refusalOf(promise: Promise<unknown>): Promise<MinutehandError> {
  const outcome = await promise.then(() => new Error('was not refused')).catch((error: unknown) => error);
  if (outcome instanceof MinutehandError) return outcome;
  throw outcome;
}

describe('importBars recognizes by the content', () => {
  it('our own layout', async () => {
    const path = await source('EURUSD.csv', `${HEADER}\n1546383600,1.2,1.3,1.1,1.25,7\n`);
    expect(await importOne(path)).toMatchObject({ symbol: 'EURUSD', read: 1, added: 1, rejected_count: 0, bars: 1 });
    expect(await bars('EURUSD')).toEqual(['2019-01-01T23:00 1.2 1.3 1.1 1.25 7']);
  });

  it('HistData ASCII, on the given clock', async () => {
    const path = await source(
      'DAT_ASCII_EURUSD_M1_2019.csv',
      '20190102 180000;1.134000;1.134500;1.133900;1.134100;0\r\n20190102 180100;1.1341;1.1342;1.1341;1.1342;0\r\n',
    );
    expect(await importOne(path, '-05:00')).toMatchObject({ symbol: 'EURUSD', added: 2 });
    expect(await bars('EURUSD')).toEqual([
      '2019-01-02T23:00 1.134 1.1345 1.1339 1.1341 0',
      '2019-01-02T23:01 1.1341 1.1342 1.1341 1.1342 0',
    ]);
  });

  it('a MetaTrader export, in UTF-16 too, with the spread from points to price units', async () => {
    const text =
      '<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\r\n' +
      '2021.11.15\t01:39:00\t1.14439\t1.1444\t1.14432\t1.14434\t20\t0\t8\r\n2021.11.15\t01:40:00\t1.1443\t1.1444\t1.1443\t1.1444\t26\t0\t12\r\n';
    const expected = [
      '2021-11-14T23:39 1.14439 1.1444 1.14432 1.14434 20 0.00008',
      '2021-11-14T23:40 1.1443 1.1444 1.1443 1.1444 26 0.00012',
    ];
    await importOne(await source('EURUSD_M1_202111150139.csv', text), '+02:00');
    expect(await bars('EURUSD')).toEqual(expected);
    const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le');
    expect(await importOne(await source('EURUSD_utf16.csv', utf16), '+02:00')).toMatchObject({
      duplicates: 2,
      added: 0,
    });
  });

  it('the output of MetaTrader’s Python interface', async () => {
    const text =
      ',time,open,high,low,close,tick_volume,spread,real_volume,data\n0,1636940340,1.14439,1.14439,1.14432,1.1443400000000001,20,8,0,x\n';
    await importOne(await source('EURUSD_M1.csv', text), '+02:00');
    expect(await bars('EURUSD')).toEqual(['2021-11-14T23:39 1.14439 1.14439 1.14432 1.14434 20 0.00008']);
  });

  it('Binance klines: milliseconds with a header, microseconds without, ISO text, a close time only', async () => {
    const tail = '2026-01-01,1,2,3,4,0';
    const header =
      'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore';
    await importOne(
      await source(
        'ETHUSDT-1m-a.csv',
        `${header}\n1769904000000,10.1130,10.1300,10.1090,10.1280,38521,1769904059999,1,2,3,4,0\n`,
      ),
    );
    await importOne(
      await source('ETHUSDT-1m-b.csv', `1769904060000000,10.1,10.2,10,10.1,5,1769904119999999,1,2,3,4,0\n`),
    );
    await importOne(
      await source('ETHUSDT-1m-c.csv', `${header}\n2026-02-01 00:02:00+00:00,10.1,10.2,10,10.1,6,${tail}\n`),
    );
    await importOne(
      await source(
        'ETHUSDT-1m-d.csv',
        'open,high,low,close,volume,close_datetime\n10.1,10.2,10,10.1,7,2026-02-01 01:03:59.999000+01:00\n',
      ),
    );
    expect(await bars('ETHUSDT')).toEqual([
      '2026-02-01T00:00 10.113 10.13 10.109 10.128 38521',
      '2026-02-01T00:01 10.1 10.2 10 10.1 5',
      '2026-02-01T00:02 10.1 10.2 10 10.1 6',
      '2026-02-01T00:03 10.1 10.2 10 10.1 7',
    ]);
  });

  it('the symbol by the name of the file', () => {
    const names = [
      'EURUSD.csv',
      'data/DAT_ASCII_XAUUSD_M1_2019.csv',
      'BTCUSDT-1m-2024-12.csv.gz',
      'mt5-export-layout-EURUSD-M1.csv',
      'eurusd.csv',
      'export-2019.csv',
    ];
    expect(names.map((name) => readSourceName(name).symbol)).toEqual([
      'EURUSD',
      'XAUUSD',
      'BTCUSDT',
      'EURUSD',
      'EURUSD',
      null,
    ]);
  });
});

describe('importBars', () => {
  it('requires a clock where neither the layout nor the weeks determine it', async () => {
    const path = await source(
      'EURUSD_M1.csv',
      'time,open,high,low,close,tick_volume,spread,real_volume\n1636940340,1.10000,1.20000,1.00000,1.10001,20,8,0\n',
    );
    const error = await refusalOf(importInto(path));
    expect(error.code).toBe('USAGE');
    expect(error.next).toContain('--timezone');
    for (const timezone of ['+50:00', 'Tokyo', '-5', ''])
      expect((await refusalOf(importInto(path, { timezone }))).code, timezone).toBe('USAGE');
  });

  it('rejects bad rows one by one, with line and code, and imports the rest', async () => {
    const path = await source(
      'EURUSD-rows.csv',
      [
        '20190102 180000;1.1;1.2;1.0;1.1;0',
        '20190102 180100;1.1;1.2;1.0;1.1',
        '20190230 180200;1.1;1.2;1.0;1.1;0',
        '20190102 180300;1.1;1.2;1.0;nan;0',
        '20190102 180400;1.1;1.2;-1.0;1.1;0',
        '20190102 180500;1.1;1.0;1.0;1.1;0',
        '20190102 180630;1.1;1.2;1.0;1.1;0',
        '',
        'garbage',
        '20190102 180700;1.1;1.2;1.0;1.1;0',
      ].join('\n'),
    );
    const report = await importOne(path, '-05:00');
    expect(report).toMatchObject({ read: 9, added: 2, duplicates: 0, conflicts: 0, rejected_count: 7 });
    expect(report.rejected.map(({ line, code }) => `${line} ${code}`)).toEqual([
      '2 BAR_MALFORMED',
      '3 BAR_MALFORMED',
      '4 BAR_NOT_FINITE',
      '5 BAR_NOT_POSITIVE',
      '6 BAR_RANGE',
      '7 BAR_OFF_MINUTE',
      '9 BAR_MALFORMED',
    ]);
    expect(report.rejected[6]).toMatchObject({ file: path, seen: '1 cells, expected 6 in garbage' });
  });

  it('rejects rows of an implausible year, and reads milliseconds from the middle of a file on', async () => {
    const row = (time: number) => `${time},1,1,1,1,0`;
    const times = [1546383600, 1546383660, 1546383720_000, 1546383780_000, -60, 4_102_444_800];
    const report = await importOne(await source('EURUSD.csv', [HEADER, ...times.map(row)].join('\n')));
    expect(report).toMatchObject({ added: 4, rejected_count: 2, check: { last: 1546383780 } });
    expect(report.rejected.map(({ line, code }) => `${line} ${code}`)).toEqual(['6 BAR_MALFORMED', '7 BAR_TIME_RANGE']);
    for (const { seen } of report.rejected) expect(seen).not.toMatch(/milliseconds/);
    expect(await bars('EURUSD')).toHaveLength(4);
  });

  it('keeps the first copy of a minute, counts identical ones as duplicates and others as conflicts', async () => {
    const row = (price: number) => `1546383600,${price},${price},${price},${price},0`;
    const report = await importOne(await source('EURUSD.csv', [HEADER, row(1), row(1), row(2)].join('\n')));
    expect(report).toMatchObject({ read: 3, added: 1, duplicates: 1, conflicts: 1 });
    expect(report.conflicting).toEqual([{ time: 1546383600, kept: '1 1 1 1 0', seen: '2 2 2 2 0' }]);
    const again = await importOne(await source('EURUSD.csv', [HEADER, row(3)].join('\n')));
    expect(again).toMatchObject({ added: 0, conflicts: 1, bars: 1 });
    expect(await bars('EURUSD')).toEqual(['2019-01-01T23:00 1 1 1 1 0']);
  });

  it('gives the same file, however the rows are shuffled, repeated and cut into imports, and the second time changes no byte', async () => {
    const layout = fc.record({
      minutes: fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 60 }),
      cuts: fc.array(fc.nat({ max: 60 }), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(layout, async ({ minutes, cuts }) => {
        const line = (minute: number): string =>
          `${1546383600 + minute * 60},${1 + minute},${2 + minute},1,${1 + minute},${minute}`;
        const edges = [0, ...cuts.sort((a, b) => a - b), minutes.length];
        const totals = { added: 0, duplicates: 0, read: 0 };
        for (let i = 1; i < edges.length; i++) {
          const part = minutes.slice(edges[i - 1], edges[i]);
          // A file without neighboring minutes is refused as another period; these two rows make it one of minutes.
          const lines = [HEADER, line(300), line(301), ...part.map(line)];
          const report = await importOne(await source('EURUSD.csv', lines.join('\n')));
          totals.added += report.added;
          totals.duplicates += report.duplicates;
          totals.read += report.read;
          expect(report.conflicts + report.rejected_count).toBe(0);
        }
        const expected = [...new Set([...minutes, 300, 301])]
          .sort((a, b) => a - b)
          .map((minute) => 1546383600 + minute * 60);
        const target = join(out, 'EURUSD.csv.gz');
        expect([...(await readBarFile(target)).time]).toEqual(expected);
        expect(totals.added).toBe(expected.length);
        expect(totals.added + totals.duplicates).toBe(totals.read);
        const before = await readFile(target);
        expect(await importOne(join(folder, 'EURUSD.csv'))).toMatchObject({ added: 0 });
        expect(await readFile(target)).toEqual(before);
        await rm(target);
      }),
      { numRuns: 30 },
    );
  });

  it('fills a gap of an older file and keeps its spreads', async () => {
    await importOne(
      await source('EURUSD.csv', `${HEADER},spread\n1546383600,1,1,1,1,0,0.005\n1546383720,1,1,1,1,0,0.007\n`),
    );
    const report = await importOne(
      await source('EURUSD.csv', `${HEADER}\n1546383600,1,1,1,1,0\n1546383660,1,1,1,1,0\n`),
    );
    expect(report).toMatchObject({ added: 1, duplicates: 1, bars: 3 });
    expect([...(await readBarFile(report.file)).spread!]).toEqual([0.005, NaN, 0.007]);
  });

  it('continues with the other files of a folder and lists those it could not read', async () => {
    const inbox = join(folder, 'in');
    await mkdir(inbox);
    await writeFile(join(inbox, 'EURUSD.csv'), `${HEADER}\n1546383600,1,1,1,1,0\n`);
    await writeFile(join(inbox, 'GBPUSD.csv.gz'), gzipSync(`${HEADER}\n1546383600,1,1,1,1,0\n`).subarray(0, 40));
    await writeFile(join(inbox, 'NOTES.txt'), 'not bars');
    const seen: number[] = [];
    const result = await importInto(inbox, { onProgress: ({ done, total }) => seen.push(done / total) });
    expect(result.symbols.map((report) => report.symbol)).toEqual(['EURUSD']);
    expect(result.skipped.map(({ code }) => code)).toEqual(['DATA_FORMAT', 'DATA_FORMAT']);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBeGreaterThan(0.5);
  });

  it('leaves a text without bars out that came with a table of its name, and no other one', async () => {
    const inbox = join(folder, 'in');
    await mkdir(inbox);
    await writeFile(join(inbox, 'EURUSD.csv'), `${HEADER}\n1546383600,1,1,1,1,0\n`);
    await writeFile(join(inbox, 'eurusd.TXT'), 'Gap Report\nGap of 61s found\n');
    await writeFile(join(inbox, 'GBPUSD.txt'), `${HEADER}\n1546383600,1,1,1,1,0\n`);
    await writeFile(join(inbox, 'report.txt'), 'Gap Report\n');
    const result = await importInto(inbox);
    expect(result.symbols.map(({ symbol }) => symbol)).toEqual(['EURUSD', 'GBPUSD']);
    expect(result.besides).toEqual([join(inbox, 'eurusd.TXT')]);
    expect(result.skipped.map(({ file }) => file)).toEqual([join(inbox, 'report.txt')]);
  });

  it('refuses sources that are missing, unknown, or of no timeframe', async () => {
    expect((await refusalOf(importInto(join(folder, 'none')))).code).toBe('DATA_MISSING');
    const lines = Array.from({ length: 30 }, (_, i) => `${1546383600 + i * 420},1,1,1,1,0`);
    const seven = await source('EURUSD.csv', [HEADER, ...lines].join('\n'));
    expect(await refusalOf(importInto(seven))).toMatchObject({
      code: 'DATA_FORMAT',
      seen: expect.stringContaining('420 s'),
    });
    const unknown = await source('EURUSD.csv', 'a,b,c\n1,2,3\n');
    expect((await refusalOf(importInto(unknown))).code).toBe('DATA_FORMAT');
    const nameless = await source('prices-2019.csv', `${HEADER}\n1546383600,1,1,1,1,0\n`);
    expect((await refusalOf(importInto(nameless))).code).toBe('SYMBOL_UNCLEAR');
    expect((await importInto(nameless, { symbol: 'EURUSD' })).symbols[0]).toMatchObject({
      symbol: 'EURUSD',
      added: 1,
    });
  });
});

describe('importBars on the clock of a place', () => {
  /** A MetaTrader export of every minute, as a clock in New York shows them. */
  const minutesFrom = (start: string, count: number, shown: (time: number) => number): string => {
    const from = Date.parse(start) / 1000;
    const rows = Array.from({ length: count }, (_, i) => {
      const [day, hour] = new Date(shown(from + i * 60) * 1000).toISOString().split('T') as [string, string];
      return `${day.replaceAll('-', '.')}\t${hour.slice(0, 8)}\t1.1\t1.3\t1.0\t1.2\t${i + 1}\t0\t0`;
    });
    return ['<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>', ...rows].join('\r\n');
  };
  const newYork = parseTimeZone('America/New_York');

  it('reads both passes of the hour that is repeated in autumn', async () => {
    const text = minutesFrom('2019-11-03T04:00Z', 240, (time) => time + newYork.offsetAt(time));
    const report = await importOne(await source('BTCUSD_M1.csv', text), 'America/New_York');
    expect(report).toMatchObject({ added: 240, duplicates: 0, conflicts: 0, rejected_count: 0 });
    const { time, volume } = await readBarFile(report.file);
    expect([time[0], time[239]]).toEqual([
      Date.parse('2019-11-03T04:00Z') / 1000,
      Date.parse('2019-11-03T07:59Z') / 1000,
    ]);
    expect([...volume]).toEqual(Array.from({ length: 240 }, (_, i) => i + 1));
  });

  it('rejects stamps in the hour that is skipped in spring', async () => {
    const text = minutesFrom('2019-03-10T06:30Z', 120, (time) => time - 5 * 3600);
    const report = await importOne(await source('BTCUSD_M1.csv', text), 'America/New_York');
    expect(report).toMatchObject({ added: 60, rejected_count: 60 });
    expect(report.rejected[0]).toMatchObject({ code: 'BAR_DST_GAP', line: 32 });
  });
});

describe('checkClock', () => {
  // 30 weeks of hourly bars from Sunday 17:00 New York on, January to July 2019; summer time from 10 March.
  const weeks = (shift: (week: number) => number) => {
    const bars = Array.from({ length: 30 * 120 }, (_, i) => {
      const week = Math.floor(i / 120);
      const sunday = Date.UTC(2019, 0, 6 + 7 * week, week >= 9 ? 21 : 22) / 1000;
      const time = (sunday + ((i % 120) + shift(week)) * 3600) as OpenTime;
      return { symbol: 'X', time, open: 1, high: 1, low: 1, close: 1, volume: 0 };
    });
    return columnsOf('X', bars);
  };

  it('accepts weeks that all open at the same New York hour', () => {
    expect(checkClock(weeks(() => 0))).toEqual({ week_opens_new_york: { '17:00': 29 }, suspect: false });
  });

  it('suspects stamps that ignore daylight saving, or come an hour early', () => {
    expect(checkClock(weeks((week) => (week >= 9 ? 1 : 0))).suspect).toBe(true);
    expect(checkClock(weeks(() => -1)).suspect).toBe(true);
  });

  it.skipIf(m1 === null)(`accepts real bars in UTC${skipNote(m1)}`, async () => {
    for (const symbol of ['EURUSD', 'XAUUSD', 'BCOUSD']) {
      const report = checkClock(await readBarFile(join(m1!, `${symbol}.csv.gz`)));
      expect(report.suspect, `${symbol} ${JSON.stringify(report)}`).toBe(false);
    }
  });
});

describe('importBars on files as they are found', () => {
  it.skipIf(raw === null)(
    `takes HistData with a repeated hour: the first copies are kept, identical rows are duplicates${skipNote(raw)}`,
    async () => {
      const report = await importOne(join(raw!, 'DAT_ASCII_AUDUSD_M1_2023-autumn.csv'));
      expect(report).toMatchObject({ symbol: 'AUDUSD', read: 220, rejected_count: 0, conflicts: 0 });
      expect(report.duplicates).toBeGreaterThan(50);
      expect(report.sources[0]).toMatchObject({
        timezone: '-05:00/EU',
        checked: false,
        week_opens: 0,
        steps_back: 1,
        repeated_rows: report.duplicates,
      });
    },
  );

  it.skipIf(raw === null)(
    `gives the bars of the reference series for HistData on both sides of the change to summer time, whose lost hour it names${skipNote(raw)}`,
    async () => {
      const report = await importOne(join(raw!, 'DAT_ASCII_XAUUSD_M1_2019-spring.csv'));
      expect(report).toMatchObject({ symbol: 'XAUUSD', read: 200, rejected_count: 0, added: 200 });
      expect(report.sources[0]).toMatchObject({ timezone: '-05:00/EU', checked: false, week_opens: 1, lost_hours: 1 });
      if (m1 === null) return;
      const imported = await readBarFile(report.file);
      const from = imported.time[0]! as OpenTime;
      const to = (imported.time[imported.length - 1]! + 60) as OpenTime;
      expect(imported).toEqual(clipBars(await readBarFile(join(m1, 'XAUUSD.csv.gz')), from, to));
    },
  );

  it.skipIf(m1 === null)(
    `finds the clock of months of HistData by their weeks, and refuses any other${skipNote(m1)}`,
    { timeout: 180_000 },
    async () => {
      const utc = (day: string): OpenTime => (Date.parse(day) / 1000) as OpenTime;
      const whole = await readBarFile(join(m1!, 'XAUUSD.csv.gz'));
      // Over the changes to summer time of the United States and of Europe.
      const reference = IS_WEEKLY ? whole : clipBars(whole, utc('2019-02-15'), utc('2019-06-01'));
      const { week_opens, holes } = IS_WEEKLY ? { week_opens: 34, holes: 542 } : { week_opens: 15, holes: 359 };
      const clock = parseTimeZone('-05:00/EU');
      const { length, time, open, high, low, close } = reference;
      const lines = Array.from({ length }, (_, i) => {
        const stamp = new Date((time[i]! + clock.offsetAt(time[i]!)) * 1000).toISOString();
        const local = `${stamp.slice(0, 10).replaceAll('-', '')} ${stamp.slice(11, 19).replaceAll(':', '')}`;
        return `${local};${open[i]};${high[i]};${low[i]};${close[i]};0`;
      });
      const path = await source('DAT_ASCII_XAUUSD_M1_2019.csv', lines.join('\n'));
      for (const timezone of ['-05:00', 'America/New_York']) {
        expect(await refusalOf(importInto(path, { timezone }))).toMatchObject({
          code: 'CLOCK_MISMATCH',
          expected: '-05:00/EU, which fits',
        });
      }
      expect(await readdir(out)).toEqual([]);
      const report = await importOne(path);
      expect(report).toMatchObject({ added: length, rejected_count: 0, clock: { suspect: false } });
      expect(report.sources[0]).toMatchObject({
        timezone: '-05:00/EU',
        checked: true,
        odd_opens: 1,
        week_opens,
      });
      expect(formatBars(await readBarFile(report.file)) === formatBars(reference)).toBe(true);
      expect(await importOne(path, '-05:00/EU')).toMatchObject({ added: 0, duplicates: length });
      expect(report.check).toMatchObject({ bars: length, holes });
      await rm(report.file);
      const forced = await importInto(path, { timezone: '-05:00', trustClock: true });
      expect(forced.symbols[0]).toMatchObject({ added: length, clock: { suspect: true } });
    },
  );

  it.skipIf(raw === null)(`gives the same bars for the two MetaTrader layouts${skipNote(raw)}`, async () => {
    expect(await importOne(join(raw!, 'mt5-export-layout-EURUSD-M1.csv'), '+02:00/US')).toMatchObject({
      added: 200,
      rejected_count: 0,
    });
    expect(await importOne(join(raw!, 'mt5-copy-rates-EURUSD-M1.csv'), '+02:00/US')).toMatchObject({
      added: 0,
      duplicates: 200,
      rejected_count: 0,
    });
  });

  it.skipIf(binance === null)(`takes every Binance file without a rejected row${skipNote(binance)}`, async () => {
    const { symbols, skipped } = await importInto(binance!);
    expect(skipped).toEqual([]);
    const counts = Object.fromEntries(
      symbols.map((report) => [report.symbol, [report.added, report.rejected_count, report.conflicts]]),
    );
    expect(counts).toMatchObject({
      AVAXUSDT: [40320, 0, 0],
      LINKUSDT: [40320, 0, 0],
      LTCUSDT: [40320, 0, 0],
      ETHUSDT: [4320, 0, 0],
    });
    expect(counts['BTCUSDT']).toEqual([41761 + 4320, 0, 0]);
    const btc = await readBarFile(join(out, 'BTCUSDT.csv.gz'));
    expect(new Date(btc.time[0]! * 1000).toISOString()).toBe('2024-11-30T23:00:00.000Z');
  });
});
