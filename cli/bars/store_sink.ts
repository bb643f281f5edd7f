import { actorName } from '../../shared/process/actor.ts';
import { mergeBars, widened, CONFLICTS_SHOWN, type ConflictingRow } from '../../shared/bar_file/bar_merge.ts';
import type { BarSink, Market } from '../../shared/bar_file/bar_sink.ts';
import { sampleOf } from '../../shared/bar_file/verdict/bar_inspection.ts';
import type { OpenTime } from '../../shared/bar.ts';
import { storedBarSeconds } from '../../trainer/store/bar_flow.ts';
import type { Store } from '../../trainer/store/store.ts';
import { knownCloses } from './known_symbols.ts';

/** Enough for a level of prices. */
const NEAR_ROWS = 2000;

/** Whether bars of other numbers take the place of stored ones. */
export interface StoreSinkOptions {
  readonly source?: string;
  readonly isReplacing?: boolean;
}

/**
 * Imports into the store, under a number by which they can be taken back. Each batch is stored at once: an import that
 * is killed continues where it stopped when it is run again.
 */
export function storeSink(store: Store, market: Market, options: StoreSinkOptions = {}): BarSink {
  const { source = '', isReplacing = false } = options;
  let number: number | null = null;
  const ownNumber = async (): Promise<number> => {
    const kind = isReplacing ? 'replace' : 'import';
    return (number ??= await store.importRuns.begin({ market, kind, source, by: actorName() }));
  };
  return {
    open(symbol) {
      const conflicting: ConflictingRow[] = [];
      let added = 0;
      let duplicates = 0;
      let conflicts = 0;
      let replaced = 0;
      let period: readonly [number, number] | null = null;
      return {
        barSeconds: () => storedBarSeconds(store, market, symbol),
        async near(from, to) {
          // What is to be replaced is no measure.
          if (isReplacing) return null;
          const period = { from: from as OpenTime, to: to as OpenTime };
          for await (const page of store.bars.pages(market, symbol, period, NEAR_ROWS)) return page;
          return null;
        },
        async put(rows) {
          const ordered = mergeBars(null, rows);
          const stored = isReplacing
            ? await store.bars.replace(market, ordered.columns, await ownNumber())
            : await store.bars.put(market, ordered.columns, await ownNumber());
          added += stored.added;
          duplicates += ordered.duplicates + stored.duplicates;
          conflicts += ordered.conflicts + stored.conflicts;
          replaced += stored.replaced ?? 0;
          for (const time of stored.replaced_period ?? []) period = widened(period, time);
          conflicting.push(
            ...[...ordered.conflicting, ...stored.conflicting].slice(0, CONFLICTS_SHOWN - conflicting.length),
          );
        },
        finish: () =>
          Promise.resolve({
            added,
            duplicates,
            conflicts,
            ...(isReplacing && { replaced }),
            ...(period !== null && { replaced_period: period }),
            conflicting,
            place: store.place,
            pages: () => store.bars.pages(market, symbol),
          }),
      };
    },

    async symbols() {
      const stored = await store.bars.symbols(market);
      return stored.map(({ symbol }) => symbol);
    },

    async putSeries(symbol, name, time, value) {
      const { times, values, duplicates, conflicts } = firstCopies(time, value);
      const columns = { length: times.length, time: Float64Array.from(times), value: Float64Array.from(values) };
      const stored = await store.series.put(market, symbol, name, columns, await ownNumber());
      return {
        added: stored.added,
        duplicates: duplicates + stored.duplicates,
        conflicts: conflicts + stored.conflicts,
      };
    },

    imported: async (file) => store.imports.add(market, file, await ownNumber()),

    async known(...question) {
      const known = await knownInStore(store, market, ...question);
      return isReplacing ? known.filter(({ symbol }) => symbol !== question[0]) : known;
    },

    get importNumber() {
      return number;
    },

    async finished({ verdicts, added, replaced, rejected }) {
      if (number === null) return;
      if (added === 0 && replaced === 0) {
        await store.importRuns.discard(number);
        number = null;
        return;
      }
      await store.importRuns.finish(number, { added, removed: replaced, rejected, verdicts });
    },
  };
}

/** Values in ascending order of their times, the first copy of each time. */
function firstCopies(time: Float64Array, value: Float64Array) {
  const order = Array.from(time, (_, i) => i).sort((i, j) => time[i]! - time[j]! || i - j);
  const times: number[] = [];
  const values: number[] = [];
  let duplicates = 0;
  let conflicts = 0;
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
  return { times, values, duplicates, conflicts };
}

async function knownInStore(
  store: Store,
  market: Market,
  ...[symbol, period, bucketSeconds]: Parameters<BarSink['known']>
): ReturnType<BarSink['known']> {
  return knownCloses({
    there: await store.bars.symbols(market),
    symbol,
    period,
    sample: (name, span) => sampleOf(name, bucketSeconds, store.bars.pages(market, name, span)),
  });
}
