import { join } from 'node:path';
import { SIGNATURE_FILE } from '../../shared/bundle/signature.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { FileSystem } from '../../shared/ports.ts';

const ABSENT = 'absent';

/** Identifies the bytes of files, without reading them: a repaired file has another fingerprint. */
export function fingerprint(files: FileSystem, paths: readonly string[]): string {
  const stats = paths.map((path) => {
    const stat = files.stat(path);
    return stat === null ? ABSENT : `${path}:${stat.inode}:${stat.bytes}:${stat.modifiedMs}`;
  });
  return [paths[0], ...stats].join('|');
}

/** Paths of a bundle's files, and of its signature where there is one. */
export function bundlePaths(folder: string, names: readonly string[], files: FileSystem): string[] {
  const signature = join(folder, SIGNATURE_FILE);
  const paths = names.map((name) => join(folder, name));
  return files.stat(signature) === null ? paths : [...paths, signature];
}

/** A key or a mark could not be read or written: the disk's fault, not the pointer's. */
function isUnreadSeal(error: unknown): boolean {
  return error instanceof MinutehandError && (error.code === 'KEY_UNUSABLE' || error.code === 'POINTER_MARK');
}

/** The formulas of a bundle wait for the journal: the disk's fault, and no reason to serve another bundle. */
export function waitsForJournal(error: unknown): boolean {
  return error instanceof MinutehandError && error.code === 'WARM_UP_WAITS';
}

/** A pointer cannot be obeyed yet, whatever it names: the disk's fault. */
export function isNotYet(error: unknown): boolean {
  return isUnreadSeal(error) || waitsForJournal(error);
}

/** What a bundle needs, a file that is there, a key or the journal, could not be read: the disk's fault. */
export function isUnread(error: unknown, seen: string): boolean {
  if (isNotYet(error)) return true;
  return error instanceof MinutehandError && error.code === 'MODEL_MISSING' && !seen.split('|').includes(ABSENT);
}
