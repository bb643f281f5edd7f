import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isForeignLink } from '../../../shared/foreign_links.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { Store } from '../../store/store.ts';
import type { FillIntake } from './intake.ts';
import { findRotated, readNewLines, type FileMark } from './tail.ts';

const RESULT_FILE = 'result.json';

/** Reads every result.json of a home, resuming at the last position. */
export interface FillFiles {
  /** Stores all new lines. @returns the number of lines that were new in the store, and of refused lines */
  pass(): Promise<{ readonly added: number; readonly refused: number }>;
}

/** Folders of expert advisors: `<ea>/<account>/`, and beside the signals. */
export function exchangeFolders(paths: HomePaths): string[] {
  return [paths.ea, paths.signals].flatMap((parent) => [
    ...(parent === paths.signals && !isForeignLink(parent) ? [parent] : []),
    ...subfolders(parent),
  ]);
}

function resultFiles(paths: HomePaths): string[] {
  return exchangeFolders(paths).map((folder) => join(folder, RESULT_FILE));
}

/**
 * A file's position is saved after its lines: a trainer killed in between reads them again, and the store ignores
 * duplicates.
 */
export function createFillFiles({ db }: Store, intake: FillIntake, paths: HomePaths, clock: Clock): FillFiles {
  const marks = new Map<string, FileMark>();
  const machine = hostname();

  async function markOf(path: string): Promise<FileMark | null> {
    const known = marks.get(path);
    if (known !== undefined) return known;
    const row = await db
      .selectFrom('core.fill_files')
      .select(['read_bytes', 'fingerprint'])
      .where('file', '=', `${machine}:${path}`)
      .executeTakeFirst();
    return row === undefined ? null : { readBytes: row.read_bytes, fingerprint: row.fingerprint };
  }

  async function keepMark(path: string, { readBytes, fingerprint }: FileMark): Promise<void> {
    const row = { read_bytes: readBytes, fingerprint, updated_ms: clock.nowMs() };
    await db
      .insertInto('core.fill_files')
      .values({ file: `${machine}:${path}`, ...row })
      .onConflict((conflict) => conflict.column('file').doUpdateSet(row))
      .execute();
    marks.set(path, { readBytes, fingerprint });
  }

  return {
    async pass() {
      let added = 0;
      let refused = 0;
      const take = async (lines: readonly string[], path: string): Promise<void> => {
        if (lines.length === 0) return;
        const counts = await intake.take(lines, 'file', path);
        added += counts.added;
        refused += counts.refused;
      };
      for (const path of resultFiles(paths)) {
        for (;;) {
          const mark = await markOf(path);
          const read = readNewLines(path, mark);
          if (read === null) break;
          if (read.isAnew) await readRest(path, mark!, take);
          await take(read.lines, path);
          if (mark?.readBytes !== read.mark.readBytes || mark.fingerprint !== read.mark.fingerprint)
            await keepMark(path, read.mark);
          if (!read.hasMore) break;
        }
      }
      return { added, refused };
    },
  };
}

/** Reads lines written to a file between the last read and its rotation. */
async function readRest(
  path: string,
  mark: FileMark,
  take: (lines: readonly string[], path: string) => Promise<void>,
): Promise<void> {
  const rotated = findRotated(path, mark);
  if (rotated === null) return;
  for (let at = mark; ;) {
    const read = readNewLines(rotated, at);
    if (read === null) return;
    await take(read.lines, rotated);
    if (!read.hasMore) return;
    at = read.mark;
  }
}

/** A folder that another user linked is none: its files are not the terminal's, but some that this process may read. */
function subfolders(parent: string): string[] {
  if (isForeignLink(parent)) return [];
  try {
    return readdirSync(parent, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map(({ name }) => join(parent, name))
      .filter((path) => !isForeignLink(path))
      .sort();
  } catch {
    return [];
  }
}
