import { dirname } from 'node:path';
import type { FileSystem } from './ports.ts';

/** The bytes are on the disk when this returns. */
export function writeDurably(files: FileSystem, path: string, data: string | Uint8Array): void {
  files.write(path, data);
  files.sync(path);
}

/** A reader, and a machine that lost its power, sees the old or the new text. */
export function replaceDurably(files: FileSystem, path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeDurably(files, temporary, text);
  files.rename(temporary, path);
  files.sync(dirname(path));
}
