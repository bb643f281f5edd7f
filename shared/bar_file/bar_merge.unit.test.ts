import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { barAt, columnsOf, emptyColumns, type BarColumns } from './bar_file.ts';
import type { Bar, OpenTime } from '../bar.ts';
import { joinBars, mergeBars } from './bar_merge.ts';

interface Row {
  readonly minute: number;
  readonly price: number;
  readonly spread: number;
}

function columns(rows: readonly Row[]): BarColumns {
  const { spread, ...own } = emptyColumns(rows.length);
  rows.forEach(({ minute, price, spread: known }, i) => {
    own.time[i] = minute * 60;
    for (const name of ['open', 'high', 'low', 'close', 'volume'] as const) own[name][i] = price;
    spread[i] = known;
  });
  return { symbol: 'X', length: rows.length, ...own, spread };
}

const barsOf = (bars: BarColumns): Bar[] => Array.from({ length: bars.length }, (_, i) => barAt(bars, i));

const rows = fc.array(
  fc.record({
    minute: fc.nat({ max: 12 }),
    price: fc.integer({ min: 1, max: 2 }),
    spread: fc.constantFrom(NaN, NaN, 0.5, 0.7),
  }),
  { maxLength: 25 },
);

describe('mergeBars', () => {
  it('keeps taker volume and trades with the bars that have them', () => {
    const bar = { symbol: 'X', open: 1, high: 1, low: 1, close: 1, volume: 9 };
    const at = (minute: number, of: object = {}) => ({ ...bar, time: (minute * 60) as OpenTime, ...of });
    const received = columnsOf('X', [at(1, { takerBuyVolume: 4 }), at(2)]);
    const imported = columnsOf('X', [at(0, { trades: 3 }), at(2, { takerBuyVolume: 5 }), at(3, { takerBuyVolume: 6 })]);
    const { flow } = mergeBars(received, imported).columns;
    expect([...flow!.takerBuyVolume!]).toEqual([NaN, 4, NaN, 6]);
    expect([...flow!.trades!]).toEqual([3, NaN, NaN, NaN]);
    expect(mergeBars(null, columnsOf('X', [at(0)])).columns.flow).toBeUndefined();
  });

  it('keeps the first bar of each minute, and counts the rest, like a plain map', () => {
    fc.assert(
      fc.property(rows, rows, (before, after) => {
        const existing = mergeBars(null, columns(before)).columns;
        const first = new Map<number, Row>();
        for (const bar of barsOf(existing))
          first.set(bar.time / 60, { minute: bar.time / 60, price: bar.open, spread: bar.spread ?? NaN });
        const expected = { added: 0, duplicates: 0, conflicts: 0 };
        for (const row of after) {
          const kept = first.get(row.minute);
          if (kept === undefined) {
            first.set(row.minute, row);
            expected.added++;
          } else if (
            kept.price === row.price &&
            (Number.isNaN(kept.spread) || Number.isNaN(row.spread) || kept.spread === row.spread)
          ) {
            expected.duplicates++;
          } else {
            expected.conflicts++;
          }
        }
        const merged = mergeBars(existing, columns(after));
        expect(merged).toMatchObject(expected);
        expect(merged.conflicting).toHaveLength(Math.min(20, expected.conflicts));
        const wanted = [...first.values()].sort((a, b) => a.minute - b.minute);
        expect(barsOf(merged.columns)).toEqual(barsOf(columns(wanted)));
      }),
    );
  });
});

describe('joinBars', () => {
  it('joins bars that were cut into pages, with or without spreads', () => {
    const bar = (minute: number, spread?: number): Bar => {
      const values = { open: 1, high: 2, low: 1, close: 1 + minute, volume: 0 };
      const own = { symbol: 'X', time: (minute * 60) as OpenTime, ...values };
      return spread === undefined ? own : { ...own, spread };
    };
    const all = [bar(1), bar(2), bar(3, 0.5), bar(4)];
    const pages = [columnsOf('X', all.slice(0, 2)), columnsOf('X', all.slice(2))];
    expect(joinBars('X', pages)).toEqual(columnsOf('X', all));
    expect(joinBars('X', [])).toEqual(columnsOf('X', []));
    expect(joinBars('X', pages.slice(0, 1))).toBe(pages[0]);
  });
});
