import { join } from 'node:path';
import { MinutehandError } from './errors.ts';
import { WINDOWS_DEVICE } from './symbol_source.ts';

/** Portable to every file system in use, temporary files beside it included. */
const MAX_NAME_LENGTH = 180;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._@=+-]*$/;

/** Returns whether a name can be that of a file in a folder, on every system: no separators, no way up, no device. */
export function isPathName(name: string): boolean {
  const isPlain = NAME.test(name) && !name.includes('..') && !name.endsWith('.');
  return isPlain && name.length <= MAX_NAME_LENGTH && !WINDOWS_DEVICE.test(name);
}

/**
 * The path of a name from outside in a folder: the only way in which a symbol, a version, an id or any other name that
 * a person or another program gave becomes part of a path.
 * @throws MinutehandError NAME_UNSAFE
 */
export function pathInside(folder: string, name: string): string {
  if (isPathName(name)) return join(folder, name);
  const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
  throw new MinutehandError('NAME_UNSAFE', {
    seen: `the name ${shown} in ${folder}`,
    expected: `1 to ${MAX_NAME_LENGTH} letters, digits and . _ - @ = +, without "..", and no name of a device`,
  });
}
