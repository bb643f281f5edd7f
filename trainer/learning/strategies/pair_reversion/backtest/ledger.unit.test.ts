import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../../../shared/bar.ts';
import type { PnlChanges } from '../../../backtest/equity.ts';
import { equityCsv, isoSecond, tradesCsv } from './ledger.ts';
import type { BundleResult, PeriodResult, TradeRecord, ViewResult } from './period.ts';

const FIRST = Date.parse('2019-03-01T12:00:00Z') / 1000;

function tradeOf(changes: Partial<TradeRecord>): TradeRecord {
  return {
    pairId: 'AAA_BBB',
    side: -1,
    entryTime: (FIRST + 60) as OpenTime,
    exitTime: (FIRST + 180) as OpenTime,
    reason: 'Z_EXIT',
    grossBps: 7.5,
    netBps: 4,
    entrySignal: 0,
    exitSignal: 2,
    entryBar: 1,
    exitBar: 3,
    beta: 1.25,
    scale: 0.5,
    fullScale: 0.5,
    entryCostBps: 0.5,
    costBps: 3,
    swapBps: 0.25,
    entrySignalTime: FIRST + 60,
    exitSignalTime: FIRST + 180,
    entryPrices: [10, 20],
    exitPrices: [11, 19],
    ...changes,
  };
}

interface Traded {
  readonly version: string;
  readonly trades?: readonly TradeRecord[];
  /** Number of published trades by pair. */
  readonly published?: Readonly<Record<string, number>>;
  /** Net value at every minute, as if every pair had an edge. */
  readonly curve?: readonly number[];
  readonly changes?: Readonly<Record<string, PnlChanges>>;
}

function bundleOf({ version, trades = [], published = {}, curve = [], changes = {} }: Traded): BundleResult {
  const view = (own: readonly number[]): Partial<ViewResult> => ({
    trades,
    curve: Float64Array.from(own),
    changes,
    pairs: Object.fromEntries(Object.entries(published).map(([id, count]) => [id, { trades: count }])) as never,
  });
  const all_pairs = view(curve);
  return { version, all_pairs, edge_pairs: view(curve.map((value) => value / 2)) } as BundleResult;
}

function resultOf(pairs: readonly string[], minutes: number, bundles: readonly BundleResult[]): PeriodResult {
  const last = FIRST + (minutes - 1) * 60;
  return { pairs, first: FIRST as OpenTime, last: last as OpenTime, bundles } as unknown as PeriodResult;
}

const changesOf = (entries: readonly (readonly [minute: number, change: number])[]): PnlChanges => ({
  time: Float64Array.from(entries, ([minute]) => FIRST + minute * 60),
  change: Float64Array.from(entries, ([, change]) => change),
});

describe('tradesCsv', () => {
  it('writes a header and every column of every trade of each bundle', () => {
    const open = tradeOf({ pairId: 'CCC_DDD', reason: 'END_OF_DATA', exitSignalTime: null, side: 1 });
    const result = resultOf(['AAA_BBB', 'CCC_DDD'], 5, [
      bundleOf({ version: 'one', trades: [tradeOf({}), open], published: { AAA_BBB: 1, CCC_DDD: 0 } }),
      bundleOf({ version: 'two', trades: [tradeOf({ scale: 1 })], published: { AAA_BBB: 0 } }),
    ]);
    const times = '2019-03-01T12:01:00Z,2019-03-01T12:01:00Z,10,20';
    const prices = '2019-03-01T12:03:00Z,11,19';
    expect([...tradesCsv(result)]).toEqual([
      'model_version,published,pair_id,side,entry_signal,entry_time,entry_price_a,entry_price_b,exit_signal,exit_time,' +
        'exit_price_a,exit_price_b,reason,beta,position_scale,gross_bps,cost_bps,swap_bps,net_bps,scaled_net_bps\n',
      `one,1,AAA_BBB,-1,${times},2019-03-01T12:03:00Z,${prices},Z_EXIT,1.25,0.5,7.5,3,0.25,4,2\n`,
      `one,0,CCC_DDD,1,${times},,${prices},END_OF_DATA,1.25,0.5,7.5,3,0.25,4,2\n`,
      `two,0,AAA_BBB,-1,${times},2019-03-01T12:03:00Z,${prices},Z_EXIT,1.25,1,7.5,3,0.25,4,4\n`,
    ]);
  });
});

describe('equityCsv', () => {
  it('has at the close of every minute the value of both views, and the cumulative changes of each pair', () => {
    const changes = {
      AAA_BBB: changesOf([[0, 0.5]]),
      CCC_DDD: changesOf([
        [1, 0.25],
        [2, -1],
      ]),
    };
    const result = resultOf(['AAA_BBB', 'CCC_DDD'], 3, [
      bundleOf({ version: 'one', curve: [0.25, 0.5, -0.5], changes }),
    ]);
    expect([...equityCsv(result)]).toEqual([
      'time,all_pairs,edge_pairs,AAA_BBB,CCC_DDD\n',
      '2019-03-01T12:01:00Z,0.25000000,0.12500000,0.50000000,0.00000000\n',
      '2019-03-01T12:02:00Z,0.50000000,0.25000000,0.50000000,0.25000000\n',
      '2019-03-01T12:03:00Z,-0.50000000,-0.25000000,0.50000000,-0.75000000\n',
    ]);
  });

  it('names the columns by champion and challenger where there are two bundles', () => {
    const both = [1, 2].map((factor) =>
      bundleOf({ version: `${factor}`, curve: [factor], changes: { AAA_BBB: changesOf([[0, factor * 3]]) } }),
    );
    expect([...equityCsv(resultOf(['AAA_BBB'], 1, both))]).toEqual([
      'time,champion_all_pairs,champion_edge_pairs,challenger_all_pairs,challenger_edge_pairs,champion_AAA_BBB,challenger_AAA_BBB\n',
      '2019-03-01T12:01:00Z,1.00000000,0.50000000,2.00000000,1.00000000,3.00000000,6.00000000\n',
    ]);
  });

  it.each([
    [20_000, 1],
    [20_001, 5],
    [100_000, 5],
    [100_001, 15],
    [300_001, 60],
    [1_200_001, 1440],
    [28_800_001, 1440],
  ])('of %i minutes has a row every %i minutes, and one for the last', (minutes, step) => {
    // A curve of that length whose values are not read.
    const curve = { length: minutes } as unknown as Float64Array;
    const at = new Proxy(curve, { get: (_, minute) => Number(minute) });
    const view = { curve: at, changes: {} } as unknown as ViewResult;
    const bundle = { version: 'long', all_pairs: view, edge_pairs: view } as BundleResult;
    const rows = [...equityCsv(resultOf([], minutes, [bundle]))].slice(1).map((row) => row.split(','));
    expect(rows).toHaveLength(Math.ceil(minutes / step));
    expect(rows[0]).toEqual([isoSecond(FIRST + step * 60), `${(step - 1).toFixed(8)}`, `${(step - 1).toFixed(8)}\n`]);
    expect(rows.at(-1)![0]).toBe(isoSecond(FIRST + minutes * 60));
    expect(Number(rows.at(-1)![1])).toBe(minutes - 1);
  });
});
