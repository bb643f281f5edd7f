import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** Space of the nearest folder that exists; null where the system does not tell. */
export function freeDiskBytes(folder: string): number | null {
  for (let at = folder; ; at = dirname(at)) {
    try {
      const { bavail, bsize } = statfsSync(at);
      return bavail * bsize;
    } catch {
      if (dirname(at) === at) return null;
    }
  }
}

/** The free space and memory, as the plan of a training prints it. */
export function spaceLine(freeBytes: number | null, folder: string, freeMemoryBytes: number): string {
  const space = freeBytes === null ? 'unknown' : gibibytes(freeBytes);
  return `space    ${space} free for ${folder}; ${gibibytes(freeMemoryBytes)} of memory free`;
}

export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
