import type { FileSystem } from '../../shared/ports.ts';

export const ABSENT = 'absent';

/** Identifies the bytes of files, without reading them: a repaired file has another fingerprint. */
export function fingerprint(files: FileSystem, paths: readonly string[]): string {
  const stats = paths.map((path) => {
    const stat = files.stat(path);
    return stat === null ? ABSENT : `${path}:${stat.inode}:${stat.bytes}:${stat.modifiedMs}`;
  });
  return [paths[0], ...stats].join('|');
}
