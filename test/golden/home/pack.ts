import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const PACKED = '.gz';

/** Locks, and what SQLite keeps beside a database. */
const TRANSIENT = /\.lock$|-shm$|-wal$/;

/**
 * Copies a folder with every file compressed, without transient ones.
 * @throws RangeError when a database has rows in its write-ahead log
 */
export function packFolder(folder: string, target: string): void {
  for (const path of filesIn(folder)) {
    if (path.endsWith('-wal') && statSync(path).size > 0) throw new RangeError(`${path} is not empty`);
    if (TRANSIENT.test(path)) continue;
    const packed = join(target, relative(folder, path)) + PACKED;
    mkdirSync(dirname(packed), { recursive: true });
    writeFileSync(packed, gzipSync(readFileSync(path), { level: 9 }));
  }
}

/** The reverse of `packFolder`. */
export function unpackFolder(packed: string, target: string): void {
  for (const path of filesIn(packed)) {
    const own = join(target, relative(packed, path).slice(0, -PACKED.length));
    mkdirSync(dirname(own), { recursive: true });
    writeFileSync(own, gunzipSync(readFileSync(path)));
  }
}

/** Bytes of all files in a folder. */
export function sizeOf(folder: string): number {
  return filesIn(folder).reduce((sum, path) => sum + statSync(path).size, 0);
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
