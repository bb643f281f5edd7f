import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../shared/root.ts';
import { makeHome, placeIn } from './make_home.ts';
import type { Place } from './place.ts';
import { packFolder, sizeOf, unpackFolder } from './pack.ts';

/** Homes that versions of minutehand have left, a folder each. */
const HOMES = join(packageRoot(), 'test', 'golden', 'homes');
/** Journals, stores and bundles of all versions have to stay small. */
const MAX_BYTES = 2_000_000;

/** Versions whose home is kept. */
export function oldVersions(): string[] {
  return existsSync(HOMES) ? readdirSync(HOMES).sort() : [];
}

export function unpackHome(version: string, folder: string): Place {
  unpackFolder(join(HOMES, version), folder);
  return placeIn(folder);
}

/**
 * Makes the home of this version and keeps it.
 * @param folder an empty one
 * @throws RangeError when this version has one already: nothing that a version has left is ever made again
 */
export async function keepHome(version: string, folder: string): Promise<{ path: string; bytes: number }> {
  const path = join(HOMES, version);
  if (existsSync(path)) throw new RangeError(`${path} is what version ${version} has left: raise the version first`);
  await makeHome(folder);
  packFolder(folder, path);
  const bytes = sizeOf(path);
  if (bytes > MAX_BYTES) throw new RangeError(`${path} has ${bytes} bytes, more than ${MAX_BYTES}`);
  return { path, bytes };
}
