import { fstat, open, read } from 'node:fs';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { MinutehandError } from '../errors.ts';
import { damageOf } from '../store/damaged_files.ts';
import { fileInUse } from './files.ts';
import type { DependencyCheck } from './watch.ts';

/** The first bytes of a database: https://www.sqlite.org/fileformat.html, section 1.3. */
const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const PAGE_SIZE_AT = 16;
const CHANGES_AT = 24;
const PAGES_AT = 28;
/** The header's page size 1 means 65,536 bytes, which its two bytes cannot hold. */
const LARGEST_PAGE = 1;

/**
 * Checks that an SQLite file in use and its write-ahead log are those that were opened, and that the file is whole as
 * far as that can be seen without reading all of it: its header is that of a database, no page that the header counts
 * lies behind its end, its counter of changes has not fallen, and this process has met no damage in it. A file that is
 * cut or overwritten in place, by a backup for instance, keeps its identity, and a program that has its pages in memory
 * goes on for a while.
 *
 * A checkpoint writes the header before it lengthens the file. So a file counts as cut when it is as short at the next
 * check.
 * @param also another check of it, while these find nothing
 */
export function databaseInUse(path: string, also: DependencyCheck = () => undefined): DependencyCheck {
  const file = fileInUse(path);
  const log = fileInUse(`${path}-wal`);
  let shortBytes: number | null = null;
  let hadPages = false;
  let mostChanges = 0;
  let isOverwritten = false;
  return async () => {
    await file();
    const cause = damageOf(path);
    if (cause !== undefined) throw damaged(path, cause instanceof Error ? cause.message : String(cause), cause);
    const extent = await extentOf(path);
    if (extent !== null) {
      const { bytes, countedBytes, changes } = extent;
      // A database that is being made has no header yet.
      if (bytes === 0 && hadPages) throw damaged(path, 'the file is empty');
      hadPages ||= bytes > 0;
      const isShort = bytes < countedBytes;
      if (isShort && shortBytes === bytes) throw damaged(path, `${bytes} of ${countedBytes} bytes`);
      shortBytes = isShort ? bytes : null;
      // Kept: what this process writes later may lift the counter again, and heals nothing.
      isOverwritten ||= changes < mostChanges;
      if (isOverwritten) throw damaged(path, 'an older copy was written over it while it was in use');
      mostChanges = changes;
    }
    await also();
    // Last: once the other check has opened the database, nobody removes its log.
    await log();
  };
}

interface Extent {
  readonly bytes: number;
  /** As its header tells. */
  readonly countedBytes: number;
  /** Counter of its header, which only grows. */
  readonly changes: number;
}

/**
 * The length of the file, and what its header tells.
 * @returns null when there is no file
 * @throws MinutehandError DATABASE_DAMAGED when it does not begin as a database does
 */
async function extentOf(path: string): Promise<Extent | null> {
  const file = await openForGood(path);
  if (file === null) return null;
  const header = Buffer.alloc(HEADER_BYTES);
  const { bytesRead } = await readInto(file, header, 0, HEADER_BYTES, 0);
  const { size: bytes } = await statOf(file);
  if (bytes === 0) return { bytes, countedBytes: 0, changes: 0 };
  if (bytesRead < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw damaged(path, 'it does not begin as a database does');
  const pageSize = header.readUInt16BE(PAGE_SIZE_AT);
  const countedBytes = (pageSize === LARGEST_PAGE ? 65_536 : pageSize) * header.readUInt32BE(PAGES_AT);
  return { bytes, countedBytes, changes: header.readUInt32BE(CHANGES_AT) };
}

const openFile = promisify(open);
const readInto = promisify(read);
const statOf = promisify(fstat);

/** Descriptors by the file that they are of. */
const opened = new Map<string, number>();

/**
 * A descriptor that stays open until this process ends, one for each file: to close any descriptor of a file gives back
 * all locks that the process has on it, those of SQLite too, and then another process may take the database for unused
 * and delete its log (https://www.sqlite.org/howtocorrupt.html, section 2.2).
 * @returns null when there is no file
 */
async function openForGood(path: string): Promise<number | null> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    const key = `${dev}:${ino}`;
    const known = opened.get(key);
    if (known !== undefined) return known;
    const file = await openFile(path, 'r');
    // Another check may have opened it meanwhile; neither is closed.
    opened.set(key, file);
    return file;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function damaged(path: string, what: string, cause?: unknown): MinutehandError {
  return new MinutehandError('DATABASE_DAMAGED', { seen: `${path}: ${what}`, cause });
}
