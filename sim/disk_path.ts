import { sep } from 'node:path';

/** A path of the simulated disk, which has slashes: the program joins its paths as this system does. */
export function diskPath(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}
