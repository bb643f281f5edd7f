import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findBarFile, readBarFile, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { NO_SYMBOL_NAMES } from '../../shared/symbol/symbol.ts';
import { folderSink } from './folder_sink.ts';
import { importBars, type ImportOptions, type ImportReport } from './import.ts';

let folder = '';
let out = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'foreign-'));
  out = join(folder, 'out');
});
afterEach(() => rm(folder, { recursive: true }));

/** Monday 2025-01-06 00:00 UTC. */
const START = 1_736_121_600;

interface Row {
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** A walk whose bars open at the close before them, from `count` minutes on. */
function walk(count: number, price = 1.08): Row[] {
  const rows: Row[] = [];
  let state = 7;
  const next = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647 - 0.5;
  let close = price;
  for (let i = 0; i < count; i++) {
    const open = close;
    close = open * (1 + next() * 2e-4);
    const spare = Math.abs(next()) * 1e-4 * price;
    rows.push({
      time: START + i * 60,
      open,
      high: Math.max(open, close) + spare,
      low: Math.min(open, close) - spare,
      close,
    });
  }
  return rows;
}

const HEADER = 'time,open,high,low,close,volume';
const numbers = ({ open, high, low, close }: Row, digits = 5): string =>
  [open, high, low, close].map((price) => price.toFixed(digits)).join(',');
const table = (
  rows: readonly Row[],
  stamp: (time: number, i: number) => string | number = (time) => time,
  header = HEADER,
): string => `${header}\n${rows.map((row, i) => `${stamp(row.time, i)},${numbers(row)},7`).join('\n')}\n`;
const iso = (time: number): string => new Date(time * 1000).toISOString().slice(0, 16).replace('T', ' ');

async function given(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

async function read(path: string, options: Partial<ImportOptions> = {}): Promise<ImportReport> {
  const { symbols } = await importBars({ source: path, into: await folderSink(out), ...options });
  return symbols[0]!;
}

async function stored(symbol = 'EURUSD'): Promise<BarColumns> {
  return readBarFile((await findBarFile(out, symbol))!);
}

async function refusal(path: string, options: Partial<ImportOptions> = {}): Promise<MinutehandError> {
  const error = await read(path, options).then(
    () => null,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(MinutehandError);
  return error as MinutehandError;
}

async function timesOf(content: string | Buffer, options: Partial<ImportOptions> = {}): Promise<number[]> {
  const report = await read(await given('EURUSD.csv', content), options);
  expect(report).toMatchObject({ rejected_count: 0, imported: true });
  return [...(await stored()).time];
}

describe('a file of MetaTrader without a header', () => {
  const stamp = (time: number): string =>
    new Date(time * 1000).toISOString().slice(0, 16).replace('T', ',').replaceAll('-', '.');
  const file = (behind: (i: number) => string): string =>
    walk(400)
      .map((row, i) => `${stamp(row.time)}:00,${numbers(row)},${behind(i)}`)
      .join('\n');

  it('has its spread in the last of three columns behind the prices, in points', async () => {
    const report = await read(
      await given(
        'EURUSD_M1.csv',
        file((i) => `${i + 1},0,${12 + (i % 3)}`),
      ),
      { timezone: 'UTC' },
    );
    expect(report.sources[0]).toMatchObject({ layout: 'metatrader' });
    expect(report.sources[0]!.read_by.join()).toContain('spread in points');
    expect(report.sources[0]!.read_by.join()).toMatch(/the usual spread, 13 points, is 0\.00013 in price, 1\.2 basis/);
    const { spread, volume } = await stored();
    expect(spread![0]).toBeCloseTo(0.000_12, 9);
    expect(spread![2]).toBeCloseTo(0.000_14, 9);
    expect(volume[4]).toBe(5);
  });

  it('is taken as MetaTrader 4 writes it with the volume alone', async () => {
    const report = await read(
      await given(
        'EURUSD_M1.csv',
        file((i) => String(i + 1)),
      ),
      { timezone: 'UTC' },
    );
    expect(report.sources[0]!.read_by.join()).not.toMatch(/not taken|spread/);
    expect((await stored()).spread).toBeNull();
  });

  it('is not silent about columns that it does not know, and takes a spread that is told', async () => {
    const path = await given(
      'EURUSD_M1.csv',
      file((i) => `${i + 1},${12 + (i % 3)}`),
    );
    const report = await read(path, { timezone: 'UTC' });
    expect(report.sources[0]!.read_by.join()).toMatch(/column 8 is not taken.*--spread/);
    expect((await stored()).spread).toBeNull();
    await rm(out, { recursive: true });
    await read(path, { timezone: 'UTC', reading: { spread: 'points' } });
    expect((await stored()).spread![1]).toBeCloseTo(0.000_13, 9);
  });
});

describe('Text of another encoding', () => {
  const rows = walk(60);
  const expected = rows.map(({ time }) => time);
  const text = table(rows);

  it('is read: UTF-16 of both orders, with and without its mark, UTF-8, Latin-1, Shift_JIS', async () => {
    const little = Buffer.from(text, 'utf16le');
    const big = Buffer.from(little).swap16();
    for (const bytes of [
      Buffer.concat([Buffer.from([0xff, 0xfe]), little]),
      Buffer.concat([Buffer.from([0xfe, 0xff]), big]),
      little,
      big,
    ]) {
      await rm(out, { recursive: true, force: true });
      expect(await timesOf(bytes)).toEqual(expected);
    }
    const german = table(rows, (time) => time, 'Zeit,Eröffnung,Hoch,Tief,Schluss,Volumen');
    const japanese = table(rows, (time) => time, '日時,始値,高値,安値,終値,出来高');
    // 日時,始値,高値,安値,終値,出来高
    const shiftJis = Buffer.from('93fa8e9e2c8e6e926c2c8d82926c2c88c0926c2c8f49926c2c8f6f97888d820a', 'hex');
    for (const bytes of [Buffer.from(german, 'utf8'), Buffer.from(german, 'latin1'), Buffer.from(japanese, 'utf8')]) {
      await rm(out, { recursive: true, force: true });
      expect(await timesOf(bytes)).toEqual(expected);
    }
    await rm(out, { recursive: true, force: true });
    const withoutHeader = Buffer.from(text.split('\n').slice(1).join('\n'));
    expect(await timesOf(Buffer.concat([shiftJis, withoutHeader]))).toEqual(expected);
  });

  it('may end its lines with carriage returns alone, however long it is', async () => {
    expect(await timesOf(text.replaceAll('\n', '\r'))).toEqual(expected);
    await rm(out, { recursive: true });
    const long = walk(40_000);
    const report = await read(await given('EURUSD.csv', table(long).replaceAll('\n', '\r')));
    expect(report.read).toBe(40_000);
  });
});

it('names bars that move without volume where others have one', async () => {
  const rows = walk(300);
  const text = (volume: (i: number) => number): string =>
    ['time,open,high,low,close,volume', ...rows.map((row, i) => `${row.time},${numbers(row)},${volume(i)}`), ''].join(
      '\n',
    );
  const mixed = await read(
    await given(
      'EURUSD.csv',
      text((i) => (i % 50 === 7 ? 0 : 3)),
    ),
  );
  expect(mixed).toMatchObject({ imported: true, verdict: { verdict: 'OK' } });
  expect(mixed.sources[0]!.read_by.at(-1)).toMatch(
    /^6 bars have volume 0 and another close than open, 294 have a volume/,
  );
  for (const [name, volume] of [
    ['GBPUSD', 0],
    ['AUDUSD', 3],
  ] as const) {
    const report = await read(
      await given(
        `${name}.csv`,
        text(() => volume),
      ),
      { accept: ['SUSPECT', 'SCALED'] },
    );
    expect(report.sources[0]!.read_by.join()).not.toContain('volume 0');
  }
});

describe('a Parquet file', () => {
  const rows = walk(5000);
  /** As pandas writes it: the times with a zone, or without one. */
  const parquet = (isAdjustedToUTC: boolean): Buffer =>
    Buffer.from(
      parquetWriteBuffer({
        schema: [
          { name: 'root', num_children: 6 },
          {
            name: 'time',
            type: 'INT64',
            logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit: 'MICROS' },
            repetition_type: 'OPTIONAL',
          },
          ...(['open', 'high', 'low', 'close', 'volume'] as const).map((name) => ({
            name,
            type: 'DOUBLE' as const,
            repetition_type: 'OPTIONAL' as const,
          })),
        ],
        columnData: [
          { name: 'time', data: rows.map(({ time }) => BigInt(time) * 1_000_000n) },
          ...(['open', 'high', 'low', 'close'] as const).map((name) => ({
            name,
            data: rows.map((row) => Number(row[name].toFixed(5))),
          })),
          { name: 'volume', data: rows.map(() => 7) },
        ],
        rowGroupSize: 2000,
      }),
    );

  it('gives the bars of the same rows as text, and states their zone where it has one', async () => {
    await timesOf(table(rows));
    const expected = await stored();
    await rm(out, { recursive: true });
    const withZone = await given('EURUSD.parquet', parquet(true));
    expect((await refusal(withZone, { timezone: 'America/New_York' })).message).toContain('does not apply');
    const zoned = await read(withZone);
    expect(zoned).toMatchObject({ read: 5000, rejected_count: 0, imported: true });
    expect(await stored()).toEqual(expected);
    await rm(out, { recursive: true });
    await read(await given('EURUSD.parquet', parquet(false)), { timezone: '+02:00' });
    const shifted = await stored();
    expect([...shifted.time]).toEqual([...expected.time].map((time) => time - 7200));
    expect(shifted.close).toEqual(expected.close);
  });

  const PRICES = ['open', 'high', 'low', 'close'] as const;
  const texts = rows.map((row) => PRICES.map((name) => row[name].toFixed(5)));
  type Stored = Omit<Parameters<typeof parquetWriteBuffer>[0]['schema'] & object, never>[number];
  /** The prices of the CSV file in one type of Parquet. */
  const typed = (element: Omit<Stored, 'name'>, cell: (text: string) => unknown): Buffer =>
    Buffer.from(
      parquetWriteBuffer({
        schema: [
          { name: 'root', num_children: 5 },
          { name: 'time', type: 'INT64', repetition_type: 'REQUIRED' },
          ...PRICES.map((name) => ({ ...element, name, repetition_type: 'REQUIRED' as const })),
        ],
        columnData: [
          { name: 'time', data: rows.map(({ time }) => BigInt(time)) },
          ...PRICES.map((name, column) => ({ name, data: texts.map((row) => cell(row[column]!)) as number[] })),
        ],
      }),
    );
  const unscaled = (text: string, scale: number): bigint => BigInt(text.replace('.', '')) * 10n ** BigInt(scale - 5);

  it.each<[string, Omit<Stored, 'name'>, (text: string) => unknown]>([
    [
      'DECIMAL in INT32',
      { type: 'INT32', converted_type: 'DECIMAL', precision: 9, scale: 5 },
      (text) => unscaled(text, 5),
    ],
    [
      'DECIMAL in INT64',
      { type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale: 8 },
      (text) => unscaled(text, 8),
    ],
    [
      'DECIMAL in FIXED_LEN_BYTE_ARRAY',
      { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, converted_type: 'DECIMAL', precision: 38, scale: 18 },
      (text) => unscaled(text, 18),
    ],
    ['single precision', { type: 'FLOAT' }, Number],
  ])('has the prices of the same text in columns of %s', async (_, element, cell) => {
    const parquetFile = await given('EURUSD.parquet', typed(element, cell));
    const first = await read(parquetFile);
    expect(first).toMatchObject({ rejected_count: 0, imported: true });
    const { close } = await stored();
    expect([...close]).toEqual(texts.map((row) => Number(row[3])));
    const isSingle = element.type === 'FLOAT';
    expect(first.sources[0]!.read_by.join().includes('open, high, low, close of single precision')).toBe(isSingle);
    const lines = rows.map(({ time }, i) => `${time},${texts[i]!.join(',')}`);
    const again = await read(await given('EURUSD.csv', ['time,open,high,low,close', ...lines, ''].join('\n')));
    expect(again).toMatchObject({ added: 0, conflicts: 0, duplicates: rows.length });
  });

  it.each<[string, Omit<Stored, 'name'>, (text: string) => unknown, 'price' | 'points']>([
    [
      'DECIMAL in INT64',
      { type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale: 8 },
      (text) => unscaled(text, 8),
      'price',
    ],
    ['single precision', { type: 'FLOAT' }, Number, 'price'],
    ['INT32, in points', { type: 'INT32' }, (text) => Math.round(Number(text) * 1e5), 'points'],
    ['INT64, in points', { type: 'INT64' }, (text) => BigInt(Math.round(Number(text) * 1e5)), 'points'],
  ])('has the spreads of the same text in a column of %s', async (_, element, cell, unit) => {
    const spreads = rows.map((__, i) => (0.00008 + (i % 7) * 0.00001).toFixed(5));
    const bytes = parquetWriteBuffer({
      schema: [
        { name: 'root', num_children: 6 },
        { name: 'time', type: 'INT64', repetition_type: 'REQUIRED' },
        ...PRICES.map((name) => ({ name, type: 'DOUBLE' as const, repetition_type: 'REQUIRED' as const })),
        { ...element, name: 'spread', repetition_type: 'REQUIRED' as const },
      ],
      columnData: [
        { name: 'time', data: rows.map(({ time }) => BigInt(time)) },
        ...PRICES.map((name, column) => ({ name, data: texts.map((row) => Number(row[column]!)) })),
        { name: 'spread', data: spreads.map(cell) as number[] },
      ],
    });
    const path = await given('EURUSD.parquet', Buffer.from(bytes));
    const first = await read(path, { reading: { spread: unit } });
    expect(first).toMatchObject({ rejected_count: 0, imported: true });
    expect([...(await stored()).spread!]).toEqual(spreads.map(Number));
    const told = first.sources[0]!.read_by.join('; ');
    expect(told.includes('spread of single precision')).toBe(element.type === 'FLOAT');
    expect(told).toContain(
      unit === 'points' ? '11 points, is 0.00011 in price, 1 basis points' : '0.00011 as a price, is 1 basis points',
    );
    const lines = rows.map(({ time }, i) => `${time},${texts[i]!.join(',')},${spreads[i]!}`);
    const csv = await given('EURUSD.csv', ['time,open,high,low,close,spread', ...lines, ''].join('\n'));
    expect(await read(csv, { reading: { spread: 'price' } })).toMatchObject({ added: 0, conflicts: 0 });
  });

  it('is refused where it is cut or damaged, also in a folder beside others', async () => {
    const whole = parquet(true);
    for (const bytes of [whole.subarray(0, -300), Buffer.from('PAR1\0\0\0', 'latin1')]) {
      const error = await refusal(await given('EURUSD.parquet', bytes));
      expect(error.code).toBe('DATA_FORMAT');
      expect(error.message).toContain('cannot be read as a Parquet file');
      expect(error.message).toMatch(/^[\x20-\x7e“”’…]*$/);
    }
  });
});

describe('A file that is no text', () => {
  it('is refused by its name, and no byte of it reaches the terminal', async () => {
    const files: readonly (readonly [Buffer, string])[] = [
      [Buffer.from('504b0304140008', 'hex'), 'ZIP'],
      [Buffer.from('377abcaf271c', 'hex'), '7-Zip'],
      [Buffer.from('SQLite format 3\0', 'latin1'), 'SQLite'],
      [gzipSync(gzipSync(table(walk(30)))), 'twice'],
    ];
    for (const [bytes, name] of files) {
      const error = await refusal(await given('EURUSD.csv', bytes));
      expect(error.code).toBe('DATA_FORMAT');
      expect(error.message).toContain(name);
      expect(error.message).toMatch(/^[\x20-\x7e“”’…]*$/);
    }
  });

  it('without a header is refused with the words that its header is missing', async () => {
    const rows = table(walk(30)).split('\n').slice(1).join('\n');
    const error = await refusal(await given('EURUSD.csv', rows));
    expect(error.code).toBe('DATA_FORMAT');
    expect(error.next).toContain('write a header above it');
    expect((await refusal(await given('GBPUSD.csv', 'when,o,h,l,c\n1,2,3,4,5\n'))).next).not.toContain('header above');
  });

  it('is refused where it is a pipe, instead of waiting for ever; a folder or a loop of links in a folder does not stop the rest', async () => {
    execFileSync('mkfifo', [join(folder, 'EURUSD.csv')]);
    expect(await refusal(join(folder, 'EURUSD.csv'))).toMatchObject({ code: 'DATA_FORMAT' });
    const source = join(folder, 'many');
    await given('many/EURUSD.csv', table(walk(30)));
    await given('many/GBPUSD.zip', 'PK');
    await mkdir(join(source, 'AUDUSD.csv'));
    await symlink('LOOP.csv', join(source, 'LOOP.csv'));
    const result = await importBars({ source, into: await folderSink(out) });
    expect(result.symbols.map(({ symbol, added }) => [symbol, added])).toEqual([['EURUSD', 30]]);
    expect(result.skipped.map(({ file }) => file.split('/').at(-1)).sort()).toEqual([
      'AUDUSD.csv',
      'GBPUSD.zip',
      'LOOP.csv',
    ]);
  });
});

it('what a data folder of another bot holds is taken or named, never both', async () => {
  const candles = walk(120, 98_000).map(({ time, open, high, low, close }) => [time * 1000, open, high, low, close, 1]);
  const source = dirname(await given('data/BTC_USDT-1m.json', JSON.stringify(candles)));
  await given('data/XRP_USDT-1m.feather', 'ARROW1');
  await given('data/futures/SOL_USDT_USDT-1m-futures.json', '[]');
  await given('data/notes/readme.md', 'no bars');
  const { symbols, skipped, folders } = await importBars({ source, into: await folderSink(out) });
  expect(symbols.map(({ symbol, added }) => [symbol, added])).toEqual([['BTCUSDT', 120]]);
  expect([...skipped.map(({ file }) => file), ...folders].map((path) => path.slice(source.length + 1))).toEqual([
    'XRP_USDT-1m.feather',
    'futures',
  ]);
});

describe('Stamps', () => {
  const rows = walk(60);
  const expected = rows.map(({ time }) => time);

  it('of spreadsheets, with names of months, and under the header of our own files are read', async () => {
    const serial = (time: number): string => (time / 86_400 + 25_569).toFixed(10);
    const month = (time: number): string => `${iso(time).slice(8, 10)}-Jan-2025 ${iso(time).slice(11)}`;
    const zoned = (time: number): string => `${iso(time + 3600).replace(' ', 'T')}:00+01:00`;
    for (const stamp of [serial, month, zoned]) {
      await rm(out, { recursive: true, force: true });
      expect(await timesOf(table(rows, stamp), { timezone: 'UTC' })).toEqual(expected);
    }
  });

  it('of several units are read one by one, and that is said', async () => {
    const mixed = table(rows, (time, i) => (i < 40 ? time : time * 1000), HEADER.replace('time', 'timestamp'));
    const report = await read(await given('EURUSD.csv', mixed));
    expect([...(await stored()).time]).toEqual(expected);
    expect(report.sources[0]!.read_by.join()).toContain('seconds and milliseconds');
  });

  it('without a zone are not read on a clock of convention: a table of an unknown maker names none', async () => {
    const path = await given('EURUSD.csv', table(rows, iso));
    expect(await refusal(path)).toMatchObject({ code: 'USAGE' });
    const crypto = await given('BTCUSDT.csv', table(rows, iso));
    expect(await refusal(crypto)).toMatchObject({ code: 'USAGE' });
    expect((await read(path, { timezone: 'UTC' })).added).toBe(60);
  });

  it('of which only some name their zone, or that change the order of day and month, are refused', async () => {
    const long = walk(1500);
    const zones = table(long, (time, i) => `${iso(time)}${i < 1200 ? '+00:00' : ''}`);
    expect(await refusal(await given('EURUSD.csv', zones))).toMatchObject({
      code: 'DATA_FORMAT',
      seen: expect.stringContaining('300 stamps without a zone') as string,
    });
    const slashes = (time: number, isDayFirst: boolean): string => {
      const [, year, month, day, clock] = /^(\d+)-(\d+)-(\d+) (.*)$/.exec(iso(time))!;
      return `${isDayFirst ? `${day}/${month}` : `${month}/${day}`}/${year} ${clock}`;
    };
    const days = walk(1500).map((row, i) => ({ ...row, time: START + 12 * 86_400 + i * 60 }));
    const orders = table(days, (time, i) => slashes(time, i < 1200));
    expect(await refusal(await given('EURUSD.csv', orders), { timezone: 'UTC' })).toMatchObject({
      code: 'DATA_FORMAT',
      seen: expect.stringContaining('1202') as string,
    });
  });
});

describe('Two things in one file', () => {
  it('are refused where the column of symbols changes after thousands of rows, also with --symbol', async () => {
    const rows = walk(3000);
    const text = `symbol,${HEADER}\n${rows.map((row, i) => `${i < 2500 ? 'EURUSD' : 'GBPUSD'},${row.time},${numbers(row)},7`).join('\n')}\n`;
    const path = await given('prices.csv', text);
    for (const options of [{}, { symbol: 'EURUSD' }])
      expect(await refusal(path, options)).toMatchObject({
        code: 'SYMBOL_UNCLEAR',
        seen: expect.stringContaining('EURUSD, GBPUSD') as string,
      });
  });

  it('are SUSPECT where minutes repeat with other prices, one after the other or file after file', async () => {
    const other = walk(500, 1.27);
    const rows = walk(500);
    const paired = rows.flatMap((row, i) => [row, other[i]!]);
    for (const both of [paired, [...rows, ...other]]) {
      const report = await read(await given('EURUSD.csv', table(both)));
      expect(report).toMatchObject({ imported: false, verdict: { verdict: 'SUSPECT' } });
      expect(report.verdict.findings.map(({ by }) => by)).toContain('two_series');
    }
    // Copies of the same rows are none.
    expect(await read(await given('EURUSD.csv', table([...rows, ...rows])))).toMatchObject({
      imported: true,
      added: 500,
    });
  });

  it('are refused where a column is there twice', async () => {
    const text = `${HEADER},close\n${walk(30)
      .map((row) => `${row.time},${numbers(row)},7,1.5`)
      .join('\n')}\n`;
    expect(await refusal(await given('EURUSD.csv', text))).toMatchObject({ code: 'DATA_FORMAT' });
  });

  it('are told apart where they are bid and ask: the spread is their difference', async () => {
    const header = 'time,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close';
    const text = `${header}\n${walk(60)
      .map((row) => `${row.time},${numbers(row)},${numbers({ ...row, close: Number(row.close.toFixed(5)) + 0.0002 })}`)
      .join('\n')}\n`;
    const report = await read(await given('EURUSD.csv', text));
    expect(report.sources[0]!.read_by.join()).toContain('bid');
    expect((await stored()).spread?.[0]).toBeCloseTo(0.0002, 8);
    const asks = text.replaceAll('bid_', 'x_').replace('x_open,x_high,x_low,x_close', 'a,b,c,d');
    expect((await refusal(await given('EURUSD.csv', asks))).code).toBe('DATA_FORMAT');
  });

  it('are SWAPPED where high and low change their places in half of the file, and REJECTED alone takes nothing', async () => {
    const rows = walk(4000).map((row, i) => (i < 2000 ? row : { ...row, high: row.low, low: row.high }));
    const { verdict } = await read(await given('EURUSD.csv', table(rows)));
    expect(verdict.findings.map(({ code }) => code)).toEqual(['REJECTED', 'SWAPPED']);
  });

  it('are SWAPPED where open and close change their places in a part of the file', async () => {
    const rows = walk(4000).map((row, i) => (i < 3000 ? row : { ...row, open: row.close, close: row.open }));
    expect(await read(await given('EURUSD.csv', table(rows)))).toMatchObject({
      imported: false,
      verdict: { verdict: 'SWAPPED', findings: [{ by: 'part' }] },
    });
  });
});

describe('Prices at which nobody trades', () => {
  it('are SUSPECT by the name of the file or of a folder above it, whatever volume they have', async () => {
    const rows = walk(60, 95_000);
    const klines = rows
      .map((row) => `${row.time * 1000},${numbers(row, 2)},5,${row.time * 1000 + 59_999},1,9,1,1,0`)
      .join('\n');
    for (const [name, kind] of [
      ['markPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2025-01-06.csv', 'mark prices'],
      ['BTCUSDT-indexPriceKlines-1m-2025-01-06.csv', 'index prices'],
      ['premiumIndexKlines/BTCUSDT-1m-2025-01-06.csv', 'the premium index'],
      ['BTCUSDT-mark-price-1m.csv', 'mark prices'],
    ] as const) {
      const report = await read(await given(name, `${klines}\n`));
      expect(report, name).toMatchObject({ symbol: 'BTCUSDT', imported: false, verdict: { verdict: 'SUSPECT' } });
      expect(report.verdict.findings[0], name).toMatchObject({ by: 'price_name', values: { kind } });
    }
    const trades = await read(await given('klines/BTCUSDT/1m/BTCUSDT-1m-2025-01-06.csv', `${klines}\n`));
    expect(trades).toMatchObject({ imported: true, verdict: { verdict: 'OK' } });
    // A market that has the word in its name is none of them.
    expect(await read(await given('marketdata/ETHUSDT-1m.csv', `${klines}\n`))).toMatchObject({ imported: true });
  });
});

describe('A file without rows', () => {
  it('has the verdict EMPTY and not OK', async () => {
    expect(await read(await given('EURUSD.csv', `${HEADER}\n`))).toMatchObject({
      verdict: { verdict: 'EMPTY' },
      read: 0,
    });
  });
});

describe('A file without a name', () => {
  const names = { ...NO_SYMBOL_NAMES, known: new Set(['EURUSD', 'USDCHF', 'USDJPY', 'BTCUSDT']) };

  it('is of the symbol whose stored bars have the same closes', async () => {
    const rows = walk(300);
    await read(await given('EURUSD.csv', table(rows.slice(0, 200))));
    await read(
      await given(
        'GBPUSD.csv',
        table(walk(300, 1.09).map((row, i) => ({ ...row, close: rows[i]!.close * 1.01, high: 1.2, low: 1 }))),
      ),
    );
    const report = await read(await given('1234.csv', table(rows)), { names });
    expect(report).toMatchObject({ symbol: 'EURUSD', added: 100, sources: [{ symbol_by: 'prices' }] });
  });

  it('is asked for where only the level of its prices is known, with the symbols that it can be', async () => {
    await read(await given('EURUSD.csv', table(walk(200))));
    const other = walk(300, 1.09).map((row) => ({ ...row, time: row.time + 86_400 }));
    const error = await refusal(await given('data.csv', table(other)), { names });
    expect(error).toMatchObject({ code: 'SYMBOL_UNCLEAR' });
    expect(error.expected).toBe('one of: EURUSD, USDCHF');
    expect(error.next).toContain('--symbol EURUSD');
    const none = await refusal(await given('data.csv', table(walk(60, 31_000))), { names });
    expect(none.seen).toContain('prices of about 30974.9');
  });
});

describe('a symbol that is given', () => {
  it('against what the file says is told, in an empty store too, and so is one that nothing in the file names', async () => {
    const path = await given('EURUSD-M1.csv', table(walk(60)));
    const names = { ...NO_SYMBOL_NAMES, known: new Set(['EURUSD', 'GBPUSD']) };
    const resultOf = async (symbol: string, own = names) =>
      (await importBars({ source: path, into: await folderSink(out), symbol, names: own })).renamed;
    expect(await resultOf('GBPUSD')).toEqual([{ file: path, symbol: 'GBPUSD', says: 'EURUSD' }]);
    expect(await resultOf('EURUSD')).toEqual([]);
    // A pair of currencies need not be configured.
    expect(await resultOf('GBPUSD', { ...names, known: new Set(['GBPUSD']) })).toEqual([
      { file: path, symbol: 'GBPUSD', says: 'EURUSD' },
    ]);
    const word = await given('foo.csv', table(walk(60)));
    const believed = await importBars({
      source: word,
      into: await folderSink(join(out, 'word')),
      symbol: 'GBPUSD',
      names,
    });
    expect(believed.renamed).toEqual([{ file: word, symbol: 'GBPUSD', says: null }]);
    const unnamed = await given('2019.csv', table(walk(60)));
    const take = async (symbol: string) =>
      (await importBars({ source: unnamed, into: await folderSink(join(out, 'unnamed')), symbol, names })).renamed;
    expect(await take('EURUSD')).toEqual([{ file: unnamed, symbol: 'EURUSD', says: null }]);
    // There are bars to compare with.
    expect(await take('EURUSD')).toEqual([]);
  });
});
