import { copyBars, lowerBound, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { mergeBars, CONFLICTS_SHOWN, joinBars, type ConflictingRow } from '../../shared/bar_file/bar_merge.ts';
import type { BarSink, Market } from '../../shared/bar_file/bar_sink.ts';
import type { OpenTime } from '../../shared/bar.ts';
import type { Store } from '../../trainer/store/store.ts';
import { storeSink, type StoreSinkOptions } from './store_sink.ts';

/**
 * The bars of a symbol as they would be, a page at a time: of a minute that both have, the stored bar, or the new one
 * where it replaces it.
 * @param own ascending, each minute once
 */
async function* asTheyWouldBe(
  stored: AsyncIterable<BarColumns>,
  own: BarColumns,
  isReplacing: boolean,
): AsyncGenerator<BarColumns> {
  const times = own.time.subarray(0, own.length);
  let from = 0;
  for await (const page of stored) {
    const to = lowerBound(times, page.time[page.length - 1]! + 1);
    const part = copyBars(own, from, to);
    yield (isReplacing ? mergeBars(part, page) : mergeBars(page, part)).columns;
    from = to;
  }
  if (from < own.length) yield copyBars(own, from, own.length);
}

/** Counts what an import into the store would add and replace, and writes nothing. */
export function previewSink(store: Store, market: Market, options: StoreSinkOptions = {}): BarSink {
  const real = storeSink(store, market, options);
  return {
    ...real,
    importNumber: null,
    open(symbol) {
      const { barSeconds, near } = real.open(symbol);
      const batches: BarColumns[] = [];
      return {
        barSeconds,
        near,
        put(rows) {
          batches.push(rows);
          return Promise.resolve();
        },
        async finish() {
          const own = mergeBars(null, joinBars(symbol, batches));
          const { time, length } = own.columns;
          const period = { from: (time[0] ?? 0) as OpenTime, to: ((time[length - 1] ?? -1) + 1) as OpenTime };
          const stored = await store.bars.read(market, symbol, period);
          const merged = mergeBars(stored, own.columns);
          const conflicting: ConflictingRow[] = [...own.conflicting, ...merged.conflicting].slice(0, CONFLICTS_SHOWN);
          return {
            added: merged.added,
            duplicates: own.duplicates + merged.duplicates,
            conflicts: own.conflicts + merged.conflicts,
            ...(options.isReplacing === true && { replaced: merged.conflicts }),
            ...(options.isReplacing === true &&
              merged.conflictPeriod !== null && { replaced_period: merged.conflictPeriod }),
            conflicting,
            place: store.place,
            pages: () => asTheyWouldBe(store.bars.pages(market, symbol), own.columns, options.isReplacing === true),
          };
        },
      };
    },
    putSeries: (_symbol, _name, time) => Promise.resolve({ added: time.length, duplicates: 0, conflicts: 0 }),
    imported: () => Promise.resolve(),
    finished: () => Promise.resolve(),
  };
}
