import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../../shared/folder.ts';
import { canonicalJson } from '../../../shared/policy/policy_hash.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { pruneFolder, touch, type CacheOptions } from '../dataset/cache_folder.ts';
import { readColumns, writeColumns, type NamedColumns } from '../dataset/column_file.ts';

/** Results in files that an interrupted league leaves, each named by the hash of all that it depends on. */
export interface KeptFiles {
  /** @param place JSON of what tells one result of a league from another */
  keyOf(place: readonly unknown[]): string;
  /** null: it is not there, or unreadable. */
  read(key: string): NonNullable<ReturnType<typeof readColumns>> | null;
  /** @returns false where the disk is full, or the folder cannot be written: the result is used now */
  write(key: string, meta: unknown, columns: NamedColumns): boolean;
  /** A result that was read is used. */
  use(key: string): void;
  /** Removes those that were written or used. */
  remove(): void;
  /** Removes what was used least recently, until the rest fits. */
  prune(): void;
}

/** @param league JSON of all that every result depends on, but for the processor and the version of Node */
export function openKeptFiles({ folder, maxBytes }: CacheOptions, league: object): KeptFiles {
  const identity = sha256Hex(canonicalJson({ node: process.versions, arch: process.arch, ...league }));
  const keys = new Set<string>();
  const pathOf = (key: string): string => join(folder, key);
  return {
    keyOf: (place) => sha256Hex(canonicalJson([identity, ...place])),
    read: (key) => readColumns(pathOf(key)),
    write(key, meta, columns) {
      try {
        makeFolder(folder);
        writeColumns(pathOf(key), meta, columns);
      } catch {
        return false;
      }
      keys.add(key);
      return true;
    },
    use(key) {
      touch(pathOf(key));
      keys.add(key);
    },
    remove() {
      for (const key of keys) rmSync(pathOf(key), { force: true });
    },
    prune: () => pruneFolder(folder, maxBytes),
  };
}
