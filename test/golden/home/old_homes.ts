import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../shared/root.ts';
import { makeHome, placeIn } from './make_home.ts';
import type { Place } from './place.ts';

/** Homes that versions of minutehand have left, an archive each. */
const HOMES = join(packageRoot(), 'test', 'golden', 'homes');
const PACKED = '.tar.gz';
/** Locks, and what SQLite keeps beside a database. */
const TRANSIENT = ['*.lock', '*-shm', '*-wal'];
/** Journals, stores and bundles of all versions have to stay small. */
const MAX_BYTES = 2_000_000;

/** Versions whose home is kept. */
export function oldVersions(): string[] {
  return existsSync(HOMES)
    ? readdirSync(HOMES)
        .map((name) => name.slice(0, -PACKED.length))
        .sort()
    : [];
}

export function unpackHome(version: string, folder: string): Place {
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-xzf', archiveOf(version), '-C', folder]);
  return placeIn(folder);
}

/**
 * Makes the home of this version and keeps it.
 * @param folder an empty one
 * @throws RangeError when this version has one already: nothing that a version has left is ever made again; or when a
 * database has rows in its write-ahead log
 */
export async function keepHome(version: string, folder: string): Promise<{ path: string; bytes: number }> {
  const path = archiveOf(version);
  if (existsSync(path)) throw new RangeError(`${path} is what version ${version} has left: raise the version first`);
  await makeHome(folder);
  for (const wal of globSync(join(folder, '**', '*-wal')))
    if (statSync(wal).size > 0) throw new RangeError(`${wal} is not empty`);
  mkdirSync(HOMES, { recursive: true });
  execFileSync('tar', [...TRANSIENT.map((pattern) => `--exclude=${pattern}`), '-czf', path, '-C', folder, '.']);
  const { size: bytes } = statSync(path);
  if (bytes > MAX_BYTES) throw new RangeError(`${path} has ${bytes} bytes, more than ${MAX_BYTES}`);
  return { path, bytes };
}

function archiveOf(version: string): string {
  return join(HOMES, version + PACKED);
}
