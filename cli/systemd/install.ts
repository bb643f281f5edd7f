import { chmodSync, existsSync, readFileSync, readdirSync, rmSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MinutehandError } from '../../shared/errors.ts';
import { makeFolder } from '../../shared/folder.ts';
import { CONFIG_FOLDER, HOME_FOLDER, LOG_FOLDER, type PlannedFile } from './installation.ts';

/** `written`: new or changed. `same`: it was so already. `kept`: the user's, which may be another. */
export type FileOutcome = 'written' | 'same' | 'kept';

export interface InstalledFile {
  readonly path: string;
  readonly outcome: FileOutcome;
}

/** Writes missing and changed files. @throws MinutehandError OUTPUT_UNWRITABLE */
export function installFiles(root: string, files: readonly PlannedFile[]): InstalledFile[] {
  return files.map((file) => {
    const outcome = outcomeOf(root, file);
    if (outcome === 'written') write(join(root, file.path), file);
    return { path: file.path, outcome };
  });
}

/** The actions of `installFiles`. */
export function outcomeOf(root: string, { path, text, mode, isUsers }: PlannedFile): FileOutcome {
  const at = join(root, path);
  if (!existsSync(at)) return 'written';
  if (isUsers) return 'kept';
  return readFileSync(at, 'utf8') === text && (statSync(at).mode & 0o777) === mode ? 'same' : 'written';
}

function write(path: string, { text, mode }: PlannedFile): void {
  try {
    makeFolder(dirname(path), 0o755);
    writeFileSync(path, text, { mode });
    // Whatever the umask of this shell is, and however the file was before.
    chmodSync(path, mode);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path}: ${(cause as Error).message}`, cause });
  }
}

/**
 * Folders of an installation with the user's data: configuration, run-time data with models and journals, logs.
 */
export const USERS_FOLDERS: readonly string[] = [CONFIG_FOLDER, HOME_FOLDER, LOG_FOLDER];

/**
 * Removes the files that come and go with the program and keeps what is the user's, unless `purge`.
 * @returns the paths that were there and are gone
 */
export function removeFiles(root: string, files: readonly PlannedFile[], purge: boolean): string[] {
  const removed = removable(root, files, purge);
  for (const path of removed) rmSync(join(root, path), { recursive: true });
  // Beside our drop-ins there may be one of the user's.
  for (const folder of new Set(removed.map(dirname)))
    if (folder.endsWith('.service.d')) removeIfEmpty(join(root, folder));
  return removed;
}

/** The files that `removeFiles` removes. */
export function removable(root: string, files: readonly PlannedFile[], purge: boolean): string[] {
  const paths = [...files.map(({ path }) => path), ...(purge ? USERS_FOLDERS : [])];
  return paths.filter((path) => existsSync(join(root, path)));
}

function removeIfEmpty(folder: string): void {
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}
