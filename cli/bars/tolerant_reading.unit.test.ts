import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MinutehandError } from '../../shared/errors.ts';
import { findBarFile, readBarFile, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { folderSink } from './folder_sink.ts';
import { FIRST_REJECTED, importBars, type ImportOptions, type ImportReport } from './import.ts';

let folder = '';
let out = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tolerant-'));
  out = join(folder, 'out');
});
afterEach(() => rm(folder, { recursive: true }));

/** 2025-01-06 00:00 UTC. */
const START = 1_736_121_600;
const ROWS = 30;

interface Row {
  readonly time: number;
  readonly prices: readonly [string, string, string, string];
}

function bars(digits = 5, base = 1.08): Row[] {
  const text = (value: number): string => value.toFixed(digits);
  const step = 10 ** -digits;
  return Array.from({ length: ROWS }, (_, i) => {
    const open = base + i * 3 * step;
    const close = open + 2 * step;
    return { time: START + i * 60, prices: [text(open), text(close + 4 * step), text(open - 3 * step), text(close)] };
  });
}

async function given(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function read(path: string, options: Partial<ImportOptions> = {}): Promise<ImportReport> {
  const { symbols } = await importBars({ source: path, into: await folderSink(out), ...options });
  return symbols[0]!;
}

async function stored(symbol: string): Promise<BarColumns> {
  return readBarFile((await findBarFile(out, symbol))!);
}

async function refusal(work: Promise<unknown>): Promise<MinutehandError> {
  const error = await work.then(
    () => null,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(MinutehandError);
  return error as MinutehandError;
}

function date(time: number, form: (iso: string) => string): string {
  return form(new Date(time * 1000).toISOString());
}
const PLAIN = ['time,open,high,low,close,volume', ...bars().map(({ time, prices }) => `${time},${prices.join()},5`)];
const comma = (price: string): string => price.replace('.', ',');

describe('A table is read the same, however it is written:', () => {
  const dotted = (iso: string): string =>
    `${iso.slice(8, 10)}.${iso.slice(5, 7)}.${iso.slice(0, 4)} ${iso.slice(11, 19)}.000`;
  const forms: Record<string, readonly string[]> = {
    'separators at the ends of lines': PLAIN.map((line) => `${line},`),
    'quoted cells': PLAIN.map((line) => `"${line.split(',').join('","')}"`),
    semicolons: PLAIN.map((line) => line.replaceAll(',', ';')),
    tabs: PLAIN.map((line) => line.replaceAll(',', '\t')),
    'blanks around cells': PLAIN.map((line) => line.replaceAll(',', ' , ')),
    'capital headers': [PLAIN[0]!.toUpperCase(), ...PLAIN.slice(1)],
    'a comment and a title above': ['# exported by a program', 'EURUSD', ...PLAIN],
    'decimal commas behind semicolons': [
      PLAIN[0]!.replaceAll(',', ';'),
      ...bars().map(({ time, prices }) => `${time};${prices.map(comma).join(';')};5`),
    ],
    'decimal commas in quotes': [
      PLAIN[0]!,
      ...bars().map(({ time, prices }) => `${time},"${prices.map(comma).join('","')}",5`),
    ],
    exponents: [
      PLAIN[0]!,
      ...bars().map(({ time, prices }) => `${time},${prices.map((one) => Number(one).toExponential()).join()},5e0`),
    ],
    milliseconds: ['timestamp,open,high,low,close,volume', ...PLAIN.slice(1).map((l) => l.replace(/^(\d+)/, '$1000'))],
    microseconds: [
      'timestamp,open,high,low,close,volume',
      ...PLAIN.slice(1).map((l) => l.replace(/^(\d+)/, '$1000000')),
    ],
    'seconds and milliseconds in turns': [
      PLAIN[0]!,
      ...PLAIN.slice(1).map((l, i) => (i % 2 === 0 ? l : l.replace(/^(\d+)/, '$1000'))),
    ],
    nanoseconds: [
      'timestamp,open,high,low,close,volume',
      ...PLAIN.slice(1).map((l) => l.replace(/^(\d+)/, '$1000000000')),
    ],
    'ISO text with its zone': [
      'datetime,open,high,low,close,volume',
      ...bars().map(({ time, prices }) => `${date(time + 7200, (iso) => iso.slice(0, 19))}+02:00,${prices.join()},5`),
    ],
    'days before months, as Dukascopy writes them': [
      'Gmt time,Open,High,Low,Close,Volume',
      ...bars().map(({ time, prices }) => `${date(time, dotted)},${prices.join()},5`),
    ],
    'other columns between': [
      'unix,date,symbol,open,high,low,close,Volume EUR,tradecount',
      ...bars().map(({ time, prices }) => `${time},x,EUR/USD,${prices.join()},5,3`),
    ],
  };
  for (const [form, lines] of Object.entries(forms)) {
    it(form, async () => {
      await read(await given('EURUSD.csv', `${lines.join('\n')}\n`));
      const { length, time, close, volume } = await stored('EURUSD');
      expect(length).toBe(ROWS);
      expect([...time.subarray(0, ROWS)]).toEqual(bars().map((bar) => bar.time));
      expect([...close.subarray(0, ROWS)]).toEqual(bars().map(({ prices }) => Number(prices[3])));
      expect(new Set(volume.subarray(0, ROWS))).toEqual(new Set([5]));
    });
  }

  it('but not when a million lines in a row have no time of their own', async () => {
    for (const filling of ['0', `${START}`]) {
      const endless = [...PLAIN, ...Array.from({ length: 1_000_100 }, () => filling)].join('\n');
      const { code, seen } = await refusal(read(await given('EURUSD.csv', endless)));
      expect([filling, code]).toEqual([filling, 'DATA_FORMAT']);
      expect(seen).toMatch(/EURUSD\.csv:10\d{5}: .*after 1000000 lines without a new time/);
    }
  });

  it('UTF-16, byte order marks, carriage returns and gzip', async () => {
    const text = `${PLAIN.join('\r\n')}\r\n`;
    const contents = [
      Buffer.from(`\ufeff${text}`, 'utf16le'),
      Buffer.from(`\ufeff${text}`, 'utf8'),
      gzipSync(Buffer.from(text)),
    ];
    for (const content of contents) {
      await rm(out, { recursive: true, force: true });
      expect(await read(await given('EURUSD.csv', content))).toMatchObject({ added: ROWS, rejected_count: 0 });
    }
  });

  it('the history of MetaTrader 4, without a header', async () => {
    const lines = bars().map(
      ({ time, prices }) =>
        `${date(time, (iso) => `${iso.slice(0, 10).replaceAll('-', '.')},${iso.slice(11, 16)}`)},${prices.join()},5`,
    );
    const report = await read(await given('EURUSD1.csv', lines.join('\n')), { timezone: 'UTC', trustClock: true });
    expect(report).toMatchObject({ symbol: 'EURUSD', added: ROWS, sources: [{ layout: 'metatrader' }] });
  });
});

describe('What can be read in two ways is not guessed:', () => {
  const slashed = (iso: string): string =>
    `${iso.slice(5, 7)}/${iso.slice(8, 10)}/${iso.slice(0, 4)} ${iso.slice(11, 16)}`;
  const american = [
    'time (UTC),open,high,low,close,volume',
    ...bars().map(({ time, prices }) => `${date(time, slashed)},${prices.join()},5`),
  ];

  it('dates whose day and month cannot be told apart', async () => {
    const path = await given('EURUSD.csv', american.join('\n'));
    expect(await refusal(read(path))).toMatchObject({
      code: 'DATA_FORMAT',
      next: expect.stringContaining('--date-order dmy') as unknown,
    });
    await read(path, { reading: { dateOrder: 'mdy' } });
    expect((await stored('EURUSD')).time[0]).toBe(START);
  });

  it('years with two digits: their order is asked for, whatever the separator', async () => {
    const forms: Readonly<Record<string, readonly ['dmy' | 'mdy' | 'ymd', (iso: string) => string]>> = {
      dotted: ['dmy', (iso) => `${iso.slice(8, 10)}.${iso.slice(5, 7)}.${iso.slice(2, 4)} ${iso.slice(11, 16)}`],
      slashed: ['mdy', (iso) => `${iso.slice(5, 7)}/${iso.slice(8, 10)}/${iso.slice(2, 4)} ${iso.slice(11, 16)}`],
      dashed: ['ymd', (iso) => `${iso.slice(2, 10)} ${iso.slice(11, 16)}`],
      together: ['ymd', (iso) => `${iso.slice(2, 10).replaceAll('-', '')} ${iso.slice(11, 16).replace(':', '')}00`],
      named: ['dmy', (iso) => `${iso.slice(8, 10)}-Jan-${iso.slice(2, 4)} ${iso.slice(11, 16)}`],
    };
    for (const [name, [dateOrder, form]] of Object.entries(forms)) {
      const lines = bars().map(({ time, prices }) => `${date(time, form)},${prices.join()},5`);
      const path = await given('EURUSD.csv', ['time (UTC),open,high,low,close,volume', ...lines].join('\n'));
      expect([name, await refusal(read(path))]).toMatchObject([
        name,
        { code: 'DATA_FORMAT', next: expect.stringContaining('--date-order ymd') as unknown },
      ]);
      await rm(out, { recursive: true, force: true });
      await read(path, { reading: { dateOrder } });
      expect([name, (await stored('EURUSD')).time[0], (await stored('EURUSD')).length]).toEqual([name, START, ROWS]);
    }
    const whole = await given('EURUSD.csv', american.join('\n'));
    expect((await refusal(read(whole, { reading: { dateOrder: 'ymd' } }))).message).toContain('whose year is last');
  });

  it('unless a later row shows it', async () => {
    const later = `01/13/2025 00:00,${bars()[0]!.prices.join()},5`;
    await read(await given('EURUSD.csv', [...american, later].join('\n')));
    expect((await stored('EURUSD')).length).toBe(ROWS + 1);
  });

  it('a comma that may stand before decimals or between thousands', async () => {
    const yen = bars(3, 154).map(({ time, prices }) => `${time};${prices.map(comma).join(';')};5`);
    const path = await given('USDJPY.csv', ['time;open;high;low;close;volume', ...yen].join('\n'));
    expect(await refusal(read(path))).toMatchObject({
      code: 'DATA_FORMAT',
      next: expect.stringContaining('--decimal') as unknown,
    });
    await read(path, { reading: { decimal: 'comma' } });
    expect((await stored('USDJPY')).close[0]).toBe(154.002);
  });

  it('rows of several symbols, and a name that contradicts the content', async () => {
    const rows = (symbols: readonly string[]): string =>
      [
        'symbol,timestamp,open,high,low,close,volume',
        ...bars().map(({ time, prices }, i) => `${symbols[i % symbols.length]},${time},${prices.join()},5`),
      ].join('\n');
    expect(await refusal(read(await given('a.csv', rows(['EURUSD', 'GBPUSD']))))).toMatchObject({
      code: 'SYMBOL_UNCLEAR',
    });
    expect(await read(await given('data.csv', rows(['EUR/USD'])))).toMatchObject({
      symbol: 'EURUSD',
      sources: [{ symbol_by: 'content' }],
    });
  });
});

describe('A guess that would change prices or spreads by a power of ten is refused:', () => {
  const terminal = (digits: number, spread: number, base = 1.08, later = 0): string =>
    [
      'time,open,high,low,close,tick_volume,spread,real_volume',
      ...bars(digits, base).map(({ time, prices }) => `${time + later},${prices.join()},5,${spread},0`),
    ].join('\n');
  const known = { timezone: 'UTC', trustClock: true };

  it('prices at a tenth of those that are there', async () => {
    await read(await given('EURUSD.csv', PLAIN.join('\n')));
    const tenth = [
      'time,open,high,low,close,volume',
      ...bars(6, 0.108).map((bar) => `${bar.time + 7200},${bar.prices.join()},5`),
    ];
    const path = await given('EURUSD.csv', tenth.join('\n'));
    expect(await refusal(read(path))).toMatchObject({
      code: 'DATA_FORMAT',
      next: expect.stringContaining('--trust-prices') as unknown,
    });
    expect(await read(path, { trustPrices: true })).toMatchObject({ added: ROWS });
  });

  it('points of fewer digits than those of the bars that are there', async () => {
    await read(await given('EURUSD.csv', terminal(5, 8)), known);
    expect((await stored('EURUSD')).spread![0]).toBeCloseTo(0.00008, 12);
    const path = await given('EURUSD.csv', terminal(4, 8, 1.08, 7200));
    expect(await refusal(read(path, known))).toMatchObject({ next: expect.stringContaining('--digits 5') as unknown });
    await read(path, { ...known, digits: 5 });
    expect((await stored('EURUSD')).spread![ROWS]).toBeCloseTo(0.00008, 12);
  });

  it('points that make a spread twenty times the configured one', async () => {
    const path = await given('EURUSD.csv', terminal(3, 8));
    const error = await refusal(read(path, { ...known, spreadBps: { EURUSD: 0.2 } }));
    expect(error).toMatchObject({ code: 'DATA_FORMAT', seen: expect.stringContaining('basis points') as unknown });
  });

  it('spreads that are no points, or no prices', async () => {
    const fractions = terminal(5, 0.00008);
    expect(await refusal(read(await given('EURUSD.csv', fractions), known))).toMatchObject({
      next: expect.stringContaining('--spread price') as unknown,
    });
    const points = [`${PLAIN[0]!},spread`, ...PLAIN.slice(1).map((line) => `${line},8`)].join('\n');
    expect(await refusal(read(await given('EURUSD.csv', points)))).toMatchObject({
      next: expect.stringContaining('--spread points') as unknown,
    });
  });

  it('digits of an exponent are those of the price', async () => {
    const rows = bars(9, 8.512e-6).map(
      ({ time, prices }) => `${time},${prices.map((one) => Number(one).toExponential()).join()},5,20,0`,
    );
    const path = await given(
      'SHIBUSD.csv',
      ['time,open,high,low,close,tick_volume,spread,real_volume', ...rows].join('\n'),
    );
    await read(path, known);
    const { close, spread } = await stored('SHIBUSD');
    expect(close[0]).toBe(Number(bars(9, 8.512e-6)[0]!.prices[3]));
    expect(spread![0]).toBeCloseTo(2e-8, 15);
  });
});

it('a rejected row names its cell', async () => {
  const rows = [
    '1.08,1.09,1.07,1.0x,5',
    '1.08,1.09',
    '1.08,1.09,1.07,-1,5',
    '1.08,1.09,1.07,1.08,-7',
    '1.08,1e300,1.07,1.08,5',
    '1.08,1.05,1.07,1.06,5',
  ];
  const lines = [...PLAIN, ...rows.map((row, i) => `${START + 3600 + 60 * i},${row}`)];
  const report = await read(await given('EURUSD.csv', lines.join('\n')), { maxRejectedPercent: 50 });
  expect(report.rejected.map(({ line, seen }) => `${line}: ${seen}`)).toEqual([
    expect.stringContaining(`${ROWS + 2}: close “1.0x”`),
    expect.stringContaining(`${ROWS + 3}: 3 cells, expected 6`),
    expect.stringContaining(`${ROWS + 4}: close “-1”`),
    expect.stringContaining(`${ROWS + 5}: volume “-7”`),
    expect.stringContaining(`${ROWS + 6}: high “1e300”`),
    expect.stringContaining(`${ROWS + 7}: open “1.08”, outside low “1.07” to high “1.05”`),
  ]);
});

it('bars stamped with their close are moved to their open when told so', async () => {
  await read(await given('EURUSD.csv', PLAIN.join('\n')), { reading: { stamp: 'close' } });
  expect((await stored('EURUSD')).time[0]).toBe(START - 60);
});

describe('a file that was cut', () => {
  const text = (): string =>
    ['time,open,high,low,close,volume', ...bars().map(({ time, prices }) => [time, ...prices, 1].join(','))].join('\n');

  it('is taken up to its cut, which is named although other rows are malformed too', async () => {
    const lines = text().split('\n');
    for (let i = 2; i < 10; i++) lines[i] = 'x';
    const whole = lines.join('\n');
    const path = await given('EURUSD.csv', whole.slice(0, whole.lastIndexOf(',') - 8));
    const { rejected } = await read(path, { maxRejectedPercent: 50 });
    expect(rejected).toHaveLength(9);
    expect(rejected[FIRST_REJECTED - 1]).toMatchObject({
      line: ROWS + 1,
      seen: expect.stringContaining('may have been cut'),
    });
  });

  it('is no file with a malformed row inside', async () => {
    const lines = text().split('\n');
    lines[5] = 'x';
    const { rejected } = await read(await given('EURUSD.csv', lines.join('\n')), { maxRejectedPercent: 50 });
    expect(rejected.map(({ seen }) => seen.includes('cut'))).toEqual([false]);
  });
});
