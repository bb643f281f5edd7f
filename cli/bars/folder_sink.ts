import { pathInside } from '../../shared/path_name.ts';
import { makeFolderAsync } from '../../shared/folder.ts';
import type { OpenTime } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { clipBars, findBarFile, readBarFile, writeBarFile } from '../../shared/bar_file/bar_file.ts';
import { ENOUGH_BARS, ownBarSeconds } from '../../shared/bar_file/own_timeframe.ts';
import { joinBars, mergeBars } from '../../shared/bar_file/bar_merge.ts';
import type { BarSink } from '../../shared/bar_file/bar_sink.ts';

/**
 * Imports into a folder of `SYMBOL.csv.gz`, which is created where it is absent. A symbol's file appears when all of
 * its rows have been added; until then they are in memory, 56 bytes a bar. When nothing is new, no byte changes.
 */
export async function folderSink(folder: string): Promise<BarSink> {
  await makeFolderAsync(folder);
  return {
    open(symbol) {
      const batches: BarColumns[] = [];
      return {
        async barSeconds() {
          const found = await findBarFile(folder, symbol);
          if (found === null) return null;
          const existing = await readBarFile(found);
          return existing.length < ENOUGH_BARS ? null : ownBarSeconds(existing);
        },
        async near(from, to) {
          const found = await findBarFile(folder, symbol);
          if (found === null) return null;
          const bars = clipBars(await readBarFile(found), from as OpenTime, to as OpenTime);
          return bars.length === 0 ? null : bars;
        },
        put(rows) {
          batches.push(rows);
          return Promise.resolve();
        },
        async finish() {
          const found = await findBarFile(folder, symbol);
          const existing = found === null ? null : await readBarFile(found);
          const { columns, ...counts } = mergeBars(existing, joinBars(symbol, batches));
          const place = found ?? pathInside(folder, `${symbol}.csv.gz`);
          if (counts.added > 0) await writeBarFile(place, columns);
          return { ...counts, place, pages: () => onePage(columns) };
        },
      };
    },
    putSeries: null,
    imported: () => Promise.resolve(),
  };
}

async function* onePage(columns: BarColumns): AsyncGenerator<BarColumns, void> {
  yield await Promise.resolve(columns);
}
