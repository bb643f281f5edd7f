import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IN_MEMORY, openStore, type Store } from '../../trainer/store/store.ts';
import { importBars, type ImportOptions, type ImportResult } from './import.ts';
import { storeSink } from './store_sink.ts';

const HEADER = 'time,open,high,low,close,volume';
/** Monday, January 6, 2025, 00:00 UTC. */
const T0 = Date.UTC(2025, 0, 6) / 1000;

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'minutehand-verdict-'));
  store = await openStore(IN_MEMORY);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

function rows(
  count: number,
  change: (fields: number[], i: number) => (number | string)[] = (fields) => fields,
): string {
  let close = 1.03;
  const lines = Array.from({ length: count }, (_, i) => {
    const open = close;
    close = open + ((i * 7919) % 13) / 1e5 - 6e-5;
    const fields = [T0 + i * 60, open, Math.max(open, close) + 1e-5, Math.min(open, close) - 1e-5, close, 1 + (i % 90)];
    return change(fields, i).join(',');
  });
  return [HEADER, ...lines].join('\n');
}

/** In an order of their own, always the same one. */
function shuffled(lines: readonly string[]): string[] {
  const place = (i: number): number => (i * 7919) % 100_003;
  return lines
    .map((_, i) => i)
    .sort((a, b) => place(a) - place(b))
    .map((i) => lines[i]!);
}

async function take(text: string, options: Partial<ImportOptions> = {}, name = 'EURUSD.csv'): Promise<ImportResult> {
  const source = join(folder, name);
  await writeFile(source, text);
  return importBars({ source, into: storeSink(store, 'live', { source }), ...options });
}

const stored = async (): Promise<number> => (await store.bars.symbols('live'))[0]?.bars ?? 0;

describe('an import', () => {
  it('of sound bars has the verdict OK and a number', async () => {
    const result = await take(rows(200));
    expect(result).toMatchObject({ import_number: 1, symbols: [{ imported: true, verdict: { verdict: 'OK' } }] });
    expect(await store.importRuns.list('live')).toMatchObject([{ added: 200, rejected: 0, kind: 'import' }]);
    const again = await take(rows(200));
    expect(again).toMatchObject({ import_number: null, symbols: [{ added: 0, duplicates: 200 }] });
    expect(await store.importRuns.list('live')).toHaveLength(1);
  });

  it('takes nothing of a symbol with another verdict, unless it is accepted', async () => {
    const swapped = rows(200, ([time, o, h, l, c, v]) => [time!, o!, l!, h!, c!, v!]);
    const refused = await take(swapped);
    expect(refused).toMatchObject({
      import_number: null,
      symbols: [{ imported: false, added: 0, check: null, clock: null }],
    });
    expect(refused.symbols[0]!.verdict.findings.map(({ code }) => code)).toEqual(['REJECTED', 'SWAPPED']);
    expect(refused.symbols[0]!.rejected[0]).toMatchObject({ line: 2, code: 'BAR_RANGE' });
    expect(await stored()).toBe(0);
    const tenfold = rows(200, ([time, o, h, l, c, v]) => [time!, o! * 10, h! * 10, l! * 10, c! * 10, v!]);
    expect(await take(tenfold)).toMatchObject({ symbols: [{ imported: false, verdict: { verdict: 'SCALED' } }] });
    expect(await take(tenfold, { accept: ['SCALED'] })).toMatchObject({ symbols: [{ imported: true, added: 200 }] });
    expect(await stored()).toBe(200);
  });

  it('is refused where more rows have faults than the stated share', async () => {
    const faulty = (every: number) =>
      rows(200, (fields, i) => (i % every === 0 ? [fields[0]!, '', ...fields.slice(2)] : fields));
    expect(await take(faulty(10))).toMatchObject({
      symbols: [
        { imported: false, verdict: { verdict: 'REJECTED', findings: [{ values: { rejected: 20, rows: 200 } }] } },
      ],
    });
    expect(await take(faulty(40))).toMatchObject({ symbols: [{ imported: true, added: 195, rejected_count: 5 }] });
    expect(await take(faulty(10), { maxRejectedPercent: 10 })).toMatchObject({ symbols: [{ imported: true }] });
  });

  it('leaves out the bar that is still forming, and refuses bars of the future', async () => {
    const nowMs = (T0 + 99 * 60 + 30) * 1000;
    const ending = await take(rows(100), { nowMs });
    expect(ending).toMatchObject({
      symbols: [{ imported: true, added: 99, left_out: { forming: 1 }, rejected_count: 0, verdict: { verdict: 'OK' } }],
    });
    const ahead = await take(rows(220), { nowMs });
    expect(ahead).toMatchObject({
      symbols: [{ imported: false, verdict: { verdict: 'FUTURE', findings: [{ values: { rows: 120 } }] } }],
    });
    expect(await take(rows(220), { nowMs, accept: ['FUTURE'] })).toMatchObject({
      symbols: [{ added: 0, duplicates: 99 }],
    });
    expect(await take(rows(220), { nowMs: null })).toMatchObject({ symbols: [{ added: 121 }] });
  });

  it('refuses a clock that applies to none of its files, and names the option that does', async () => {
    await expect(take(rows(50), { timezone: '+02:00/US' })).rejects.toMatchObject({
      code: 'USAGE',
      seen: expect.stringMatching(/^--timezone \+02:00\/US, which does not apply: .*EURUSD\.csv are epochs/) as string,
      next: expect.stringContaining('--epoch-timezone +02:00/US') as string,
    });
    expect(await take(rows(50), { timezone: 'UTC' })).toMatchObject({ symbols: [{ imported: true }] });
    const ofMt5 = [
      '<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>',
      ...Array.from({ length: 20 }, (_, i) => `2025.01.06\t10:${10 + i}:00\t1.03\t1.031\t1.029\t1.03\t5\t0\t7`),
    ].join('\n');
    await expect(take(ofMt5, { epochTimezone: '+02:00/US' })).rejects.toMatchObject({
      code: 'USAGE',
      seen: expect.stringMatching(/^--epoch-timezone .* does not apply: .* name no zone$/) as string,
      next: expect.stringContaining('Give --timezone +02:00/US') as string,
    });
  });

  it('reads stamps that claim to be UTC on a stated clock, and stamps of the close as those', async () => {
    const ahead = await take(rows(50), { epochTimezone: '+02:00' });
    expect(ahead.symbols[0]!.check!.first).toBe(T0 - 7200);
    const closes = await take(rows(50), { reading: { stamp: 'close' } }, 'ABCDEF.csv');
    expect(closes.symbols[0]!.check!.first).toBe(T0 - 60);
  });

  it('asks about a gap of most of a year, and about bars that stand off all others, in any order of the rows', async () => {
    // Whole weeks, so that the bars stay on their days.
    const YEAR = 364 * 86_400;
    const split = rows(200, ([time, ...rest], i) => [i < 120 ? time! - YEAR : time!, ...rest]);
    const [header, ...lines] = split.split('\n');
    const values = { days: 364, before: 120, after: 80, gaps: 1 };
    for (const text of [split, [header, ...lines.toReversed()].join('\n'), [header, ...shuffled(lines)].join('\n')])
      expect(await take(text)).toMatchObject({
        symbols: [{ imported: false, verdict: { verdict: 'GAP', findings: [{ code: 'GAP', values }] } }],
      });
    const stray = rows(200, ([time, ...rest], i) => [i === 0 ? time! - 40 * 86_400 : time!, ...rest]);
    expect(await take(stray)).toMatchObject({
      symbols: [{ verdict: { findings: [{ code: 'GAP', values: { before: 1, after: 199 } }] } }],
    });
    // A missing month between two others is reported, and the bars are imported.
    const month = rows(200, ([time, ...rest], i) => [i < 100 ? time! - 40 * 86_400 : time!, ...rest]);
    expect(await take(month)).toMatchObject({ symbols: [{ imported: true, verdict: { verdict: 'INCOMPLETE' } }] });
    expect(await take(split, { accept: ['GAP'] }, 'ABCDEF.csv')).toMatchObject({ symbols: [{ added: 200 }] });
  });

  it('of a first symbol refuses inverted quotes by the prices of the year, and says where a price near 1 hides them', async () => {
    const inverted = rows(200, ([time, o, h, l, c, v]) => [time!, 1 / o!, 1 / l!, 1 / h!, 1 / c!, v!]);
    const values = { factor: '1/x', year: 2023 };
    const back = 2 * 364 * 86_400;
    const of2023 = (lines: string): string => lines.replaceAll(/^\d{10}/gm, (time) => String(Number(time) - back));
    expect(await take(of2023(inverted))).toMatchObject({
      symbols: [{ imported: false, verdict: { verdict: 'SCALED', findings: [{ by: 'year_prices', values }] } }],
    });
    expect(await take(of2023(rows(200)))).toMatchObject({ symbols: [{ imported: true }] });
    const nearOne = await take(rows(50), {}, 'AUDNZD.csv');
    expect(nearOne.symbols[0]!.sources[0]!.read_by).toContain(
      'a price near 1, which does not show whether the quote is inverted',
    );
  });

  it('judges rows in no order of time as if they were sorted, and counts what repeats', async () => {
    const swapped = rows(2500, ([time, o, h, l, c, v]) => [time!, c!, h!, l!, o!, v!]);
    const mix = (text: string): string => {
      const [header, ...lines] = text.split('\n');
      return [header, ...shuffled(lines)].join('\n');
    };
    expect((await take(swapped)).symbols[0]!.verdict.verdict).toBe('SWAPPED');
    expect((await take(mix(swapped))).symbols[0]!.verdict).toEqual((await take(swapped)).symbols[0]!.verdict);
    const text = rows(2500);
    const sound = await take(mix(`${text}\n${text.split('\n')[7]!}`));
    expect(sound).toMatchObject({
      symbols: [
        {
          imported: true,
          added: 2500,
          duplicates: 1,
          sources: [{ order: 'none', steps_back: 0, repeated_rows: 1, timeframe: '1m' }],
        },
      ],
    });
    const [header, ...lines] = text.split('\n');
    const newestFirst = await take([header, ...lines.toReversed()].join('\n'));
    expect(newestFirst.symbols[0]!.sources[0]).toMatchObject({ order: 'descending', steps_back: 0, repeated_rows: 0 });
  });

  it('refuses prices that no market has, as the daemon does', async () => {
    const huge = rows(100, ([time, o, h, l, c, v], i) =>
      i === 50 ? [time!, o! * 1e300, h! * 1e300, l! * 1e300, c! * 1e300, v!] : [time!, o!, h!, l!, c!, v!],
    );
    expect((await take(huge)).symbols[0]!.rejected).toMatchObject([{ line: 52, code: 'BAR_PRICE_RANGE' }]);
  });
});

describe('files of Binance’s public data', () => {
  const METRICS =
    'create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio';

  it('with metrics become series of open interest, on UTC', async () => {
    const lines = Array.from({ length: 288 }, (_, i) => {
      const stamp = new Date((T0 + (i + 1) * 300) * 1000).toISOString().slice(0, 19).replace('T', ' ');
      return `${stamp},BTCUSDT,${81_000 + i}.5,7968426640.3,1.05,1.08,1.83,1.73`;
    });
    const result = await take([METRICS, ...lines].join('\n'), {}, 'BTCUSDT-metrics-2025-01-06.csv');
    expect(result.series.map(({ name, added, rejected_count }) => [name, added, rejected_count])).toEqual([
      ['open_interest', 288, 0],
      ['open_interest_value', 288, 0],
    ]);
    expect(await store.series.list('live')).toMatchObject([
      { symbol: 'BTCUSDT', name: 'open_interest', first: T0 + 300, last: T0 + 86_400 },
      { name: 'open_interest_value' },
    ]);
  });

  it('with funding keep its interval, which changes, and a rate whose interval is absent', async () => {
    const HOUR_S = 3600;
    const rows = [0, 8, 16, 17, 18].map((hour, i) => {
      const interval = i < 2 ? '8' : i === 4 ? '' : '1';
      // Stamps are some milliseconds off the hour.
      return `${(T0 + hour * HOUR_S) * 1000 + 7},${interval},0.000${i + 1}`;
    });
    const text = ['calc_time,funding_interval_hours,last_funding_rate', ...rows].join('\n');
    const result = await take(text, {}, 'BTCUSDT-fundingRate-2025-01.csv');
    expect(result.series.map(({ name, added, rejected_count }) => [name, added, rejected_count])).toEqual([
      ['funding_interval_hours', 4, 0],
      ['funding_rate', 5, 0],
    ]);
    expect(await store.series.list('live')).toMatchObject([
      { name: 'funding_interval_hours', first: T0, last: T0 + 17 * HOUR_S },
      { symbol: 'BTCUSDT', name: 'funding_rate', first: T0, last: T0 + 18 * HOUR_S },
    ]);
  });

  it.each([
    [
      'aggTrades',
      'agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n1,2,3,4,5,6,true',
    ],
    ['aggTrades', '2679408183,98000.1,0.5,5772121345,5772121345,1736121600025,true\n'],
    ['trades', 'id,price,qty,quote_qty,time,is_buyer_maker\n1,2,3,6,1736121600025,true'],
    ['bookDepth', 'timestamp,percentage,depth,notional\n2025-01-06 00:00:08,-5,1,2'],
    [
      'bookTicker',
      'update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n1,2,3,4,5,6,7',
    ],
    [
      'liquidationSnapshot',
      'time,side,order_type,time_in_force,original_quantity,price,average_price,order_status\n1,BUY,LIMIT,IOC,1,2,3,FILLED',
    ],
    ['BVOLIndex', 'calc_time,symbol,base_asset,quote_asset,index_value\n1,BTCBVOLUSDT,BTC,USDT,50'],
  ])('with %s are refused by that name', async (name, text) => {
    await expect(take(text, {}, `BTCUSDT-${name}-2025-01-06.csv`)).rejects.toMatchObject({
      code: 'DATA_FORMAT',
      seen: expect.stringContaining(name.slice(0, 6)) as string,
    });
  });

  it('with mark prices, which have no volume, are suspect', async () => {
    const klines = rows(100).split('\n').slice(1);
    const lines = klines.map((line) => {
      const [time, o, h, l, c] = line.split(',');
      return `${time}000,${o},${h},${l},${c},0,${Number(time) * 1000 + 59_999},0,60,0,0,0`;
    });
    expect(await take(lines.join('\n'), {}, 'BTCUSDT-1m-2025-01-06.csv')).toMatchObject({
      symbols: [{ imported: false, verdict: { findings: [{ code: 'SUSPECT', by: 'untraded' }] } }],
    });
  });
});
