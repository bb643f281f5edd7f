import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readBarFile } from '../../shared/bar_file/bar_file.ts';
import { importBars, type ImportOptions, type ImportResult } from './import.ts';
import { IS_WEEKLY } from '../../test/weekly.ts';
import { realData, skipNote } from '../../shared/bar_file/real_data.fixture.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../trainer/store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../trainer/store/store.ts';
import { REFUSING } from '../../shared/bar_file/verdict/finding.ts';
import { previewSink } from './preview_sink.ts';
import { storeSink } from './store_sink.ts';

const m1 = realData('m1');
const binance = realData('binance');
const raw = realData('raw-samples');
const HEADER = 'time,open,high,low,close,volume';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-import-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

let server: PostgresServer | null = null;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(async () => server?.stop());

describe.each([
  { kind: 'sqlite', note: '', newUrl: () => Promise.resolve(join(folder, 'trainer.db')) },
  { kind: 'postgres', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('importing into a store on $kind $note', ({ note, newUrl }) => {
  let store: Store;
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    store = await openStore(await newUrl());
  });
  afterEach(async () => {
    if (note === '') await store.close();
  });

  const take = (source: string, options: Partial<ImportOptions> = {}): Promise<ImportResult> =>
    importBars({ accept: [...REFUSING], ...options, source, into: storeSink(store, 'live') });

  function write(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  it('would have the holes and breaks that it has, whether or not bars are stored and replaced', async () => {
    const row = (minute: number, price = 1): string => `${minute * 60},${price},${price},${price},${price},0`;
    const preview = (source: string, isReplacing = false): Promise<ImportResult> =>
      importBars({ accept: [...REFUSING], source, into: previewSink(store, 'live', { isReplacing }) });
    const first = write('EURUSD.csv', [HEADER, row(1), row(4), row(5), row(200)].join('\n'));
    const check = { bars: 4, missing_minutes: 2, holes: 1, breaks: 1 };
    expect((await preview(first)).symbols[0]).toMatchObject({ bars: 4, check });
    expect(await store.bars.symbols('live')).toEqual([]);
    expect((await take(first)).symbols[0]).toMatchObject({ bars: 4, check });
    const second = write('EURUSD.csv', [HEADER, row(0), row(2), row(4, 2), row(199), row(300)].join('\n'));
    const would = [await preview(second), await preview(second, true)].map(({ symbols }) => symbols[0]);
    const kept = await take(second);
    const { added, conflicts, bars, check: after } = kept.symbols[0]!;
    expect({ added, conflicts, bars }).toEqual({ added: 4, conflicts: 1, bars: 8 });
    for (const one of would)
      expect(one).toMatchObject({ added, conflicts, bars, check: { ...after, spikes: expect.any(Number) } });
    expect(would[0]!.check).toEqual(after);
    // With the new price of a minute.
    expect(would[1]!.check!.spikes).toBeGreaterThan(after!.spikes);
  });

  it('adds each minute once, keeps first copies, and records the file', async () => {
    const row = (minute: number, price: number): string => `${minute * 60},${price},${price},${price},${price},0`;
    const path = write('EURUSD.csv', [HEADER, row(2, 1), row(1, 1), row(2, 1), row(2, 7), 'x'].join('\n'));
    const first = await take(path);
    expect(first.symbols[0]).toMatchObject({
      symbol: 'EURUSD',
      read: 5,
      added: 2,
      duplicates: 1,
      conflicts: 1,
      rejected_count: 1,
      bars: 2,
      file: store.place,
      conflicting: [{ time: 120, kept: '1 1 1 1 0', seen: '7 7 7 7 0' }],
    });
    expect((await take(path)).symbols[0]).toMatchObject({ added: 0, duplicates: 3, conflicts: 1, bars: 2 });
    const imports = await store.imports.list('live');
    expect(imports).toHaveLength(2);
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    expect(imports[0]).toMatchObject({
      symbol: 'EURUSD',
      file: path,
      sha256,
      layout: 'minutehand',
      timezone: 'UTC',
      rows: 5,
      rejected: 1,
    });
  });

  it('stores nothing of a file that is damaged, or on another clock than stated', async () => {
    const day = (week: number): string =>
      new Date(Date.UTC(2019, 0, 6 + 7 * week)).toISOString().slice(0, 10).replaceAll('-', '');
    const stamps = Array.from({ length: 8 }, (_, week) => ['170000', '170100'].map((time) => `${day(week)} ${time}`));
    const text = stamps
      .flat()
      .map((stamp) => `${stamp};1.1;1.2;1.0;1.1;0`)
      .join('\n');
    const path = write('DAT_ASCII_EURUSD_M1_2019.csv', text);
    await expect(take(path, { timezone: 'UTC' })).rejects.toMatchObject({ code: 'CLOCK_MISMATCH' });
    expect(await store.bars.symbols('live')).toEqual([]);
    expect((await take(path)).symbols[0]).toMatchObject({ added: 16, sources: [{ checked: true, week_opens: 7 }] });
  });

  it('imports series beside bars, by their header or the given name', async () => {
    const known = write(
      'BTCUSDT-8h.csv',
      'timestamp,symbol,funding_rate\n1768233600000,BTCUSDT,0.00004650\n1768262400007,BTCUSDT,x\n1768291200007,BTCUSDT,-0.5\n',
    );
    expect((await take(known)).series).toEqual([
      {
        symbol: 'BTCUSDT',
        name: 'funding_rate',
        file: known,
        left_out: [],
        read: 3,
        rejected_count: 1,
        added: 2,
        duplicates: 0,
        conflicts: 0,
      },
    ]);
    const funding = await store.series.read('live', 'BTCUSDT', 'funding_rate');
    expect([[...funding.time], [...funding.value]]).toEqual([
      [1768233600, 1768291200],
      [0.0000465, -0.5],
    ]);
    expect((await take(known)).series[0]).toMatchObject({ added: 0, duplicates: 2 });
    const own = write('XAUUSD.csv', 'time,value\n60,1\n120,2\n60,1\n60,3\n');
    await expect(take(own)).rejects.toMatchObject({ code: 'DATA_FORMAT' });
    expect((await take(own, { series: ['gold_lease'] })).series[0]).toMatchObject({
      symbol: 'XAUUSD',
      name: 'gold_lease',
      added: 2,
      duplicates: 1,
      conflicts: 1,
    });
    await expect(take(own, { series: ['Gold Lease'] })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(take(own, { series: ['gold_lease', 'other'] })).rejects.toMatchObject({ code: 'USAGE' });
    // Several columns at once, in the file's order; the others are named.
    const wide = write('GBPUSD.csv', 'time,skew,carry,depth\n60,1,2,3\n120,4,5,6\n');
    const taken = (await take(wide, { series: ['carry', 'skew'] })).series;
    expect(taken.map(({ name, added, left_out }) => [name, added, left_out])).toEqual([
      ['skew', 2, ['depth']],
      ['carry', 2, ['depth']],
    ]);
    expect([...(await store.series.read('live', 'GBPUSD', 'carry')).value]).toEqual([2, 5]);
    await expect(take(wide, { series: ['carry', 'nothing'] })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it.skipIf(binance === null)(
    `takes every Binance file, with funding and open interest${skipNote(binance)}`,
    { timeout: 120_000 },
    async () => {
      const bars = await take(binance!);
      expect(bars.skipped).toEqual([]);
      expect(
        Object.fromEntries(bars.symbols.map(({ symbol, added, rejected_count }) => [symbol, [added, rejected_count]])),
      ).toEqual({
        AVAXUSDT: [40320, 0],
        BTCUSDT: [41761 + 4320, 0],
        ETHUSDT: [4320, 0],
        LINKUSDT: [40320, 0],
        LTCUSDT: [40320, 0],
      });
      for (const [part, count] of [
        ['funding', 200],
        ['open-interest', 168],
      ] as const) {
        const { series, symbols, skipped } = await take(join(binance!, part));
        expect([symbols, skipped]).toEqual([[], []]);
        expect(series.map(({ added, rejected_count }) => [added, rejected_count])).toEqual(
          series.map(() => [count, 0]),
        );
        expect(series).toHaveLength(part === 'funding' ? 5 : 10);
      }
      const names = (await store.series.list('live'))
        .filter(({ symbol }) => symbol === 'LTCUSDT')
        .map(({ name }) => name);
      expect(names).toEqual(['funding_rate', 'open_interest', 'open_interest_value']);
      const { time } = await store.series.read('live', 'BTCUSDT', 'funding_rate');
      expect(time.every((stamp) => stamp % 3600 === 0)).toBe(true);
    },
  );

  it.skipIf(raw === null)(`takes every raw sample${skipNote(raw)}`, async () => {
    for (const [name, rows, options] of [
      ['DAT_ASCII_XAUUSD_M1_2019-spring.csv', 200, {}],
      ['DAT_ASCII_AUDUSD_M1_2023-autumn.csv', 220, {}],
      ['mt5-export-layout-EURUSD-M1.csv', 200, { timezone: '+02:00/US' }],
      ['mt5-copy-rates-EURUSD-M1.csv', 200, { timezone: '+02:00/US' }],
    ] as const)
      expect((await take(join(raw!, name), options)).symbols[0], name).toMatchObject({
        read: rows,
        conflicts: 0,
        rejected_count: 0,
      });
  });
});

it.skipIf(m1 === null)(
  `eight months of real bars come out of the store as they went in${skipNote(m1)}`,
  { timeout: 600_000 },
  async () => {
    const store = await openStore(join(folder, 'trainer.db'));
    for (const symbol of IS_WEEKLY ? ['BCOUSD', 'XAUUSD'] : ['BCOUSD']) {
      const source = join(m1!, `${symbol}.csv.gz`);
      const { symbols, skipped } = await importBars({ source, into: storeSink(store, 'live') });
      expect(skipped).toEqual([]);
      expect(symbols).toMatchObject([{ symbol, clock: { suspect: false } }]);
      expect(symbols[0]!.added).toBe(symbols[0]!.read);
      const { length, ...stored } = await store.bars.read('live', symbol);
      const { length: expected, ...original } = await readBarFile(source);
      expect(length).toBe(expected);
      for (const name of ['time', 'open', 'high', 'low', 'close', 'volume'] as const)
        expect(Buffer.from(stored[name].buffer).equals(Buffer.from(original[name].buffer)), name).toBe(true);
    }
    await store.close();
  },
);
