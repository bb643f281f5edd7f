import { mergeBars, CONFLICTS_SHOWN, type ConflictingRow } from '../../shared/bar_file/bar_merge.ts';
import type { BarSink, Market } from '../../shared/bar_file/bar_sink.ts';
import { ENOUGH_BARS, ownBarSeconds } from '../../shared/bar_file/own_timeframe.ts';
import type { OpenTime } from '../../shared/bar.ts';
import type { Store } from '../../trainer/store/store.ts';

/** Enough for a level of prices. */
const NEAR_ROWS = 2000;

/**
 * Imports into the store. Each batch is stored at once: an import that is killed continues where it stopped when it is
 * run again.
 */
export function storeSink(store: Store, market: Market): BarSink {
  return {
    open(symbol) {
      const conflicting: ConflictingRow[] = [];
      let [added, duplicates, conflicts] = [0, 0, 0];
      return {
        async barSeconds() {
          for await (const page of store.bars.pages(market, symbol))
            return page.length < ENOUGH_BARS ? null : ownBarSeconds(page);
          return null;
        },
        async near(from, to) {
          const period = { from: from as OpenTime, to: to as OpenTime };
          for await (const page of store.bars.pages(market, symbol, period, NEAR_ROWS)) return page;
          return null;
        },
        async put(rows) {
          const ordered = mergeBars(null, rows);
          const stored = await store.bars.put(market, ordered.columns);
          added += stored.added;
          duplicates += ordered.duplicates + stored.duplicates;
          conflicts += ordered.conflicts + stored.conflicts;
          conflicting.push(
            ...[...ordered.conflicting, ...stored.conflicting].slice(0, CONFLICTS_SHOWN - conflicting.length),
          );
        },
        finish: () =>
          Promise.resolve({
            added,
            duplicates,
            conflicts,
            conflicting,
            place: store.place,
            pages: () => store.bars.pages(market, symbol),
          }),
      };
    },

    async putSeries(symbol, name, time, value) {
      const order = Array.from(time, (_, i) => i).sort((i, j) => time[i]! - time[j]! || i - j);
      const [times, values]: [number[], number[]] = [[], []];
      let [duplicates, conflicts] = [0, 0];
      for (const i of order) {
        if (times.at(-1) !== time[i]) {
          times.push(time[i]!);
          values.push(value[i]!);
        } else if (values.at(-1) === value[i]) {
          duplicates++;
        } else {
          conflicts++;
        }
      }
      const columns = { length: times.length, time: Float64Array.from(times), value: Float64Array.from(values) };
      const stored = await store.series.put(market, symbol, name, columns);
      return {
        added: stored.added,
        duplicates: duplicates + stored.duplicates,
        conflicts: conflicts + stored.conflicts,
      };
    },

    imported: (file) => store.imports.add(market, file),
  };
}
