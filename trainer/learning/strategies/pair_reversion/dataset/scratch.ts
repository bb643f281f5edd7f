import { rmSync } from 'node:fs';
import { makeFolder } from '../../../../../shared/folder.ts';
import { pathInside } from '../../../../../shared/path_name.ts';
import type { Pair } from '../../../../../shared/pair.ts';
import { openColumns, temporaryPath, writeColumns, type ColumnFile } from '../../../dataset/column_file.ts';
import type { KeptBuild, PairBuild } from './pair_build.ts';
import { columnsOf, storedBuildOf } from './pair_columns.ts';

/** Files in which a training has the histories of its pairs instead of in memory, while it needs only some of them. */
export interface Scratch {
  /** The build with its history in a file of its own; the build itself where that cannot be written. */
  store(build: PairBuild): KeptBuild;
  /** The build in an open file, whose history is read from it. @param rows with features */
  keep(pair: Pair, file: ColumnFile, rows: number): KeptBuild;
  /** Closes all files: no history can be read any more. */
  close(): void;
}

let files = 0;

/**
 * @param folder that of the cache, which removes the files of processes that ended in the midst of it. A pair of eight
 * months takes about 35 MB; its file has no name any more once it is open, and its space is free when it is closed
 */
export function openScratch(folder: string): Scratch {
  const opened: ColumnFile[] = [];
  const keep: Scratch['keep'] = (pair, file, rows) => {
    opened.push(file);
    return storedBuildOf(pair, file, rows);
  };
  return {
    keep,
    store(build) {
      const path = temporaryPath(pathInside(folder, `scratch-${++files}`));
      try {
        makeFolder(folder);
        writeColumns(path, null, columnsOf(build));
        const file = openColumns(path);
        return file === null ? build : keep(build.history.pair, file, build.history.rows);
      } catch {
        return build;
      } finally {
        withoutName(path);
      }
    },
    close() {
      for (const file of opened.splice(0)) file.close();
    },
  };
}

/** Where an open file cannot lose its name, that of a process which has ended is removed with the cache's. */
function withoutName(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It only takes space.
  }
}
