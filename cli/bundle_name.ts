import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MinutehandError } from '../shared/errors.ts';
import { refuseDenied, isThere } from '../shared/files.ts';
import { isPathName } from '../shared/path_name.ts';

/**
 * The folder of a bundle that a person named: by its version, in one of the folders of bundles, or by its path. A name
 * such as `..` is a path from the current folder, never one from a folder of bundles.
 * @throws MinutehandError MODEL_MISSING, FILE_DENIED
 */
export function bundleByName(folders: readonly string[], name: string): string {
  const own = isPathName(name) ? folders.map((folder) => join(folder, name)).find((path) => isThere(path)) : undefined;
  if (own !== undefined) return own;
  if (name !== '' && !name.includes('\0') && statSync(name, { throwIfNoEntry: false })?.isDirectory() === true)
    return resolve(name);
  if (isPathName(name)) for (const folder of folders) refuseDenied(join(folder, name));
  throw new MinutehandError('MODEL_MISSING', { seen: JSON.stringify(name.slice(0, 100)) });
}
