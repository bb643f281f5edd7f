import { readdir } from 'node:fs/promises';
import { pathInside } from '../../shared/path_name.ts';
import { isSymbol } from '../../shared/symbol_source.ts';
import { makeFolderAsync } from '../../shared/folder.ts';
import type { OpenTime } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { clipBars, findBarFile, readBarFile, writeBarFile } from '../../shared/bar_file/bar_file.ts';
import { ENOUGH_BARS, ownBarSeconds } from '../../shared/bar_file/own_timeframe.ts';
import { joinBars, mergeBars } from '../../shared/bar_file/bar_merge.ts';
import type { BarSink } from '../../shared/bar_file/bar_sink.ts';
import { sampleOf } from '../../shared/bar_file/verdict/bar_inspection.ts';
import { knownCloses } from './known_symbols.ts';

const MAX_READ = 7;

/** Whether a file has the bars of a symbol. */
function isOf(name: string, symbol: string): boolean {
  return name === `${symbol}.csv` || name === `${symbol}.csv.gz`;
}

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
    async symbols() {
      const files = await readdir(folder);
      return files.flatMap((name) => /^(.+?)\.csv(?:\.gz)?$/.exec(name)?.[1] ?? []).filter(isSymbol);
    },
    putSeries: null,
    imported: () => Promise.resolve(),
    async known(symbol, period, bucketSeconds) {
      const names = (await readdir(folder)).filter((name) => /\.csv(\.gz)?$/.test(name));
      const read = new Map<string, BarColumns>();
      // The symbol's own file, and a few others: a folder may have hundreds.
      for (const name of [...names]
        .sort((a, b) => Number(isOf(b, symbol)) - Number(isOf(a, symbol)))
        .slice(0, MAX_READ)) {
        const columns = await readBarFile(pathInside(folder, name));
        if (columns.length > 0) read.set(columns.symbol, columns);
      }
      const there = [...read.values()].map(({ symbol: own, time, length }) => ({
        symbol: own,
        first: time[0]!,
        last: time[length - 1]!,
      }));
      return knownCloses({
        there,
        symbol,
        period,
        sample: (name, { from, to }) => sampleOf(name, bucketSeconds, [clipBars(read.get(name)!, from, to)]),
      });
    },
    importNumber: null,
    finished: () => Promise.resolve(),
  };
}

async function* onePage(columns: BarColumns): AsyncGenerator<BarColumns, void> {
  yield await Promise.resolve(columns);
}
