import fc from 'fast-check';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../bar.ts';
import { MinutehandError } from '../errors.ts';
import type { BarColumns } from './bar_file.ts';
import {
  barAt,
  barReader,
  columnsOf,
  copyBars,
  lowerBound,
  minutes,
  parseBars,
  readBarFile,
  readBarFolder,
  viewBars,
  writeBarFile,
} from './bar_file.ts';
import { realData, skipNote } from './real_data.fixture.ts';

const HEADER = 'time,open,high,low,close,volume';
const GOOD = '1546383600,1.2,1.3,1.1,1.25,7';
const m1 = realData('m1');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bar-file-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function parse(...lines: string[]): BarColumns {
  return parseBars(Buffer.from(lines.join('\n') + '\n', 'latin1'), 'data/EURUSD.csv');
}

function refusal(act: () => unknown): MinutehandError {
  try {
    act();
  } catch (error) {
    if (error instanceof MinutehandError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

async function refusalOf(promise: Promise<unknown>): Promise<MinutehandError> {
  const outcome = await promise.then(() => new Error('was not refused')).catch((error: unknown) => error);
  if (outcome instanceof MinutehandError) return outcome;
  throw outcome;
}

/** The obvious way to read the same text. */
function slowRows(text: string): number[][] {
  return text
    .split(/\r?\n/)
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => line.split(',').map(Number));
}

function rowsOf(columns: BarColumns): number[][] {
  return Array.from(columns.time, (time, i) => {
    const row = [time, columns.open[i]!, columns.high[i]!, columns.low[i]!, columns.close[i]!, columns.volume[i]!];
    return columns.spread === null ? row : [...row, columns.spread[i]!];
  });
}

const barSeries = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 1, max: 4000 }),
      prices: fc.array(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), { minLength: 4, maxLength: 4 }),
      volume: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e12, noNaN: true })),
      spread: fc.option(fc.double({ min: 0, max: 10, noNaN: true }), { nil: undefined }),
      takerBuyVolume: fc.option(fc.double({ min: 0, max: 10, noNaN: true }), { nil: undefined }),
      trades: fc.option(fc.nat(), { nil: undefined }),
    }),
    { maxLength: 40 },
  )
  .map((rows): Bar[] => {
    let time = 1_500_000_000 - (1_500_000_000 % 60);
    return rows.map(({ gap, prices, volume, spread, takerBuyVolume, trades }) => {
      time += gap * 60;
      const [low, open, close, high] = [...prices].sort((a, b) => a - b) as [number, number, number, number];
      const bar = { symbol: 'EURUSD', time: time as OpenTime, open, high, low, close, volume };
      return {
        ...bar,
        ...(spread !== undefined && { spread }),
        ...(takerBuyVolume !== undefined && { takerBuyVolume }),
        ...(trades !== undefined && { trades }),
      };
    });
  });

describe('a bar file', () => {
  it('may have blank lines between its rows, as an import may', () => {
    const rows = [GOOD, GOOD.replace('1546383600', '1546383660')];
    expect(rowsOf(parse(HEADER, rows[0]!, '', '\r', rows[1]!, ''))).toEqual(rowsOf(parse(HEADER, ...rows)));
  });

  it('that decompresses without end is refused before it fills the memory', async () => {
    const path = join(folder, 'EURUSD.csv.gz');
    await writeFile(path, gzipSync(Buffer.alloc(8 << 20)));
    expect(await refusalOf(readBarFile(path))).toMatchObject({
      code: 'DATA_FORMAT',
      seen: expect.stringMatching(/a line of more than 1048576 bytes/),
    });
  });

  it('is read into one array per column, like a slow reader', () => {
    const text = `${HEADER},spread\n1546383600,1.2,1.3,1.1,1.25,7,0.0001\n1546383660,1.25,1.25,1.2,1.2,0,0\n`;
    expect(rowsOf(parseBars(Buffer.from(text), 'EURUSD.csv'))).toEqual(slowRows(text));
  });

  it('is read back to the bit after writing, plain and compressed, with unknown spreads', async () => {
    await fc.assert(
      fc.asyncProperty(barSeries, fc.constantFrom('EURUSD.csv', 'EURUSD.csv.gz'), async (bars, name) => {
        const columns = columnsOf('EURUSD', bars);
        await writeBarFile(join(folder, name), columns);
        const back = await readBarFile(join(folder, name));
        expect(back).toEqual(columns);
        expect(Array.from(back.time, (_, i) => barAt(back, i))).toEqual(bars);
        expect(await readdir(folder)).not.toContainEqual(expect.stringMatching(/tmp$/));
        await rm(join(folder, name));
      }),
      { numRuns: 40 },
    );
  });

  it('may have CRLF line ends, a byte order mark, and no line end at the end', () => {
    const plain = rowsOf(parse(HEADER, GOOD));
    for (const text of [
      `${HEADER}\r\n${GOOD}\r\n`,
      `\ufeff${HEADER}\n${GOOD}\n`,
      `${HEADER}\n${GOOD}`,
      `${HEADER}\n${GOOD}\n\r\n\n`,
    ])
      expect(rowsOf(parseBars(Buffer.from(text, 'utf8'), 'EURUSD.csv'))).toEqual(plain);
  });

  it('may have no bars', () => {
    expect(parse(HEADER)).toMatchObject({ symbol: 'EURUSD', length: 0 });
  });

  it.each([
    ['a word', '1546383600,1.2,1.3,1.1,nan,7'],
    ['an empty price', '1546383600,1.2,1.3,1.1,,7'],
    ['infinity', '1546383600,1.2,1e999,1.1,1.2,7'],
    ['a price of zero', '1546383600,1.2,1.3,0,1.25,7'],
    ['a negative price', '1546383600,1.2,1.3,-1.1,1.25,7'],
    ['a negative volume', '1546383600,1.2,1.3,1.1,1.25,-7'],
    ['an empty volume', '1546383600,1.2,1.3,1.1,1.25,'],
    ['high below close', '1546383600,1.2,1.24,1.1,1.25,7'],
    ['low above open', '1546383600,1.2,1.3,1.21,1.25,7'],
    ['half a minute', '1546383630,1.2,1.3,1.1,1.25,7'],
    ['milliseconds', '1546383600000,1.2,1.3,1.1,1.25,7'],
    ['an empty time', ',1.2,1.3,1.1,1.25,7'],
    ['too few fields', '1546383600,1.2,1.3,1.1,1.25'],
    ['too many fields', '1546383600,1.2,1.3,1.1,1.25,7,8'],
    ['a duplicate', '1546383540,1.2,1.3,1.1,1.25,7'],
    ['a step back', '1546383480,1.2,1.3,1.1,1.25,7'],
  ])('is refused with file, line and content: %s', (_, line) => {
    const error = refusal(() => parse(HEADER, '1546383540,1.2,1.3,1.1,1.25,7', line));
    expect(error.code).toBe('DATA_FORMAT');
    expect(error.message).toContain('data/EURUSD.csv line 3: ');
    expect(error.expected).toBeDefined();
  });

  it('is refused when its spread is negative', () => {
    expect(refusal(() => parse(`${HEADER},spread`, `${GOOD},-1`)).message).toContain('line 2');
    expect(parse(`${HEADER},spread`, `${GOOD},`).spread![0]).toBeNaN();
    const flow = `${HEADER},taker_buy_volume,trades`;
    expect(refusal(() => parse(flow, `${GOOD},-1,3`)).message).toContain('a taker_buy_volume >= 0');
    expect(refusal(() => parse(flow, `${GOOD},1`)).message).toContain('8 fields');
    expect(refusal(() => parse(`${HEADER},trades,spread`, GOOD)).message).toContain('[,spread][,taker_buy_volume]');
  });

  it('is refused without the header', () => {
    expect(refusal(() => parse(GOOD))).toMatchObject({ code: 'DATA_FORMAT', seen: expect.stringContaining(GOOD) });
    expect(refusal(() => parseBars(Buffer.alloc(0), 'EURUSD.csv')).seen).toContain('empty file');
    expect(refusal(() => parse('time;open;high;low;close;volume', GOOD)).code).toBe('DATA_FORMAT');
  });

  it('is refused when its gzip stream was cut or damaged, wherever that happened', async () => {
    const lines = Array.from(
      { length: 500 },
      (_, i) => `${1546383600 + 60 * i},1.2${i},1.3${i},1.1,1.2${i},${(i * 7919) % 1000}`,
    );
    const whole = gzipSync([HEADER, ...lines].join('\n'));
    const path = join(folder, 'EURUSD.csv.gz');
    for (const length of [0, 1, 9, 30, whole.length >> 1, whole.length - 9, whole.length - 1]) {
      await writeFile(path, whole.subarray(0, length));
      expect(await refusalOf(readBarFile(path)), `${length} bytes`).toMatchObject({
        code: 'DATA_FORMAT',
        seen: expect.stringContaining(path),
      });
    }
    const damaged = Buffer.from(whole);
    damaged[whole.length - 6]! ^= 1;
    await writeFile(path, damaged);
    expect((await refusalOf(readBarFile(path))).message).toContain('not a sound gzip file');
  });

  it('that does not exist is reported', async () => {
    expect((await refusalOf(readBarFile(join(folder, 'EURUSD.csv')))).code).toBe('DATA_MISSING');
  });

  it('has the same bytes whenever the same bars are written', async () => {
    const path = join(folder, 'EURUSD.csv.gz');
    await writeBarFile(path, parse(HEADER, GOOD));
    const first = await readFile(path);
    await writeBarFile(path, parse(HEADER, GOOD));
    expect(await readFile(path)).toEqual(first);
    expect(gunzipSync(first).toString()).toBe(`${HEADER}\n${GOOD}\n`);
  });
});

describe('readBarFolder', () => {
  it('gives the symbols that have a file, in the requested order, cut to the period', async () => {
    const lines = [0, 60, 120, 180].map((s) => `${1546383600 + s},1.2,1.3,1.1,1.25,7`);
    await writeFile(join(folder, 'EURUSD.csv'), [HEADER, ...lines].join('\n'));
    await writeFile(join(folder, 'AUDUSD.csv.gz'), gzipSync([HEADER, GOOD].join('\n')));
    const seen: string[] = [];
    const found = await readBarFolder(folder, ['EURUSD', 'NONE', 'AUDUSD'], {
      from: 1546383660 as OpenTime,
      to: 1546383780 as OpenTime,
      onProgress: (p) => seen.push(`${p.symbol} ${p.done}/${p.total} ${p.bars}`),
    });
    expect([...found.keys()]).toEqual(['EURUSD', 'AUDUSD']);
    expect([...found.get('EURUSD')!.time]).toEqual([1546383660, 1546383720]);
    expect(found.get('AUDUSD')!.length).toBe(0);
    expect(seen).toEqual(['EURUSD 1/3 2', 'NONE 2/3 0', 'AUDUSD 3/3 0']);
  });

  it('reports that a folder does not exist', async () => {
    expect((await refusalOf(readBarFolder(join(folder, 'none'), ['EURUSD']))).code).toBe('DATA_MISSING');
  });

  it('does not choose between two files of one symbol', async () => {
    await writeFile(join(folder, 'EURUSD.csv'), `${HEADER}\n${GOOD}\n`);
    await writeFile(join(folder, 'EURUSD.csv.gz'), gzipSync(`${HEADER}\n${GOOD}\n`));
    expect((await refusalOf(readBarFolder(folder, ['EURUSD']))).code).toBe('DATA_FORMAT');
  });

  it.skipIf(m1 === null)(`reads real bars as the slow reader does${skipNote(m1)}`, async () => {
    const path = join(m1!, 'USDJPY.csv.gz');
    const columns = await readBarFile(path);
    const slow = slowRows(gunzipSync(await readFile(path)).toString('latin1'));
    expect(columns.length).toBe(slow.length);
    const fast = rowsOf(columns);
    expect(slow.findIndex((row, i) => row.some((value, j) => !Object.is(value, fast[i]![j])))).toBe(-1);
  });
});

describe('minutes', () => {
  it('gives every bar once, minute by minute, in the order of the map, as grouping and sorting does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 30 }), { maxLength: 5 }),
        (times) => {
          const columns = new Map(
            times.map((own, i) => {
              const bars = own
                .sort((a, b) => a - b)
                .map((t) => ({
                  symbol: `S${i}`,
                  time: (t * 60) as OpenTime,
                  open: 1,
                  high: 2,
                  low: 1,
                  close: 2,
                  volume: t,
                }));
              return [`S${i}`, columnsOf(`S${i}`, bars)];
            }),
          );
          const groups = new Map<number, string[]>();
          times.forEach((own, i) => own.forEach((t) => groups.set(t * 60, [...(groups.get(t * 60) ?? []), `S${i}`])));
          const expected = [...groups].sort((a, b) => a[0] - b[0]);
          const seen = [...minutes(columns)].map((m) => [m.time, m.bars.map((bar) => bar.symbol)]);
          expect(seen).toEqual(expected);
        },
      ),
    );
  });

  it('leaves an unknown spread out of the bar', () => {
    const columns = parse(`${HEADER},spread`, `${GOOD},`, '1546383660,1.2,1.3,1.1,1.25,7,0.1');
    const [first, second] = [...minutes(new Map([['EURUSD', columns]]))];
    expect('spread' in first!.bars[0]!).toBe(false);
    expect(second!.bars[0]!.spread).toBe(0.1);
  });
});

describe('columns of bars', () => {
  const quoted = fc.record({
    close: fc.double({ min: 1, max: 9, noNaN: true }),
    spread: fc.constantFrom(undefined, 0, 0.3),
  });
  const columns = fc.array(quoted, { maxLength: 30 }).map((rows) =>
    columnsOf(
      'X',
      rows.map(({ close, spread }, i): Bar => {
        const bar = { symbol: 'X', time: (60 * i) as OpenTime, open: close, high: 10, low: 1, close, volume: i };
        return spread === undefined ? bar : { ...bar, spread };
      }),
    ),
  );

  it('are read one after the other by a reader as one by one, spreads that are unknown included', () => {
    fc.assert(
      fc.property(columns, fc.array(fc.nat(29), { maxLength: 40 }), (bars, order) => {
        const read = barReader(bars);
        for (const index of order.filter((i) => i < bars.length)) {
          expect({ ...read(index) }).toEqual(barAt(bars, index));
          expect('spread' in read(index)).toBe('spread' in barAt(bars, index));
        }
      }),
    );
  });

  it('are cut as views of the same memory, or as copies', () => {
    fc.assert(
      fc.property(columns, fc.nat(30), fc.nat(30), (bars, x, y) => {
        const first = Math.min(x, y, bars.length);
        const end = Math.min(Math.max(x, y), bars.length);
        const view = viewBars(bars, first, end);
        const copy = copyBars(bars, first, end);
        expect(view).toEqual(copy);
        expect(Array.from({ length: view.length }, (_, i) => barAt(view, i))).toEqual(
          Array.from({ length: end - first }, (_, i) => barAt(bars, first + i)),
        );
        expect(view.close.buffer).toBe(bars.close.buffer);
        expect(copy.close.buffer).not.toBe(bars.close.buffer);
      }),
    );
  });

  it('have a lower bound: the first time that is not before', () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 60 })).map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(times, fc.integer({ min: -1, max: 61 }), (list, at) => {
        const found = list.findIndex((time) => time >= at);
        expect(lowerBound(Float64Array.from(list), at)).toBe(found < 0 ? list.length : found);
      }),
    );
  });
});
