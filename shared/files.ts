import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { FileSystem } from './ports.ts';

/** The files of this machine. */
export const MACHINE_FILES: FileSystem = {
  read: (path) => readFileSync(path),
  write: (path, data) => writeFileSync(path, data),
  sync(path) {
    const isWindows = process.platform === 'win32';
    // Windows keeps names durable by itself and has no fsync of a folder; of a file it wants the right to write.
    if (isWindows && statSync(path).isDirectory()) return;
    const file = openSync(path, isWindows ? 'r+' : 'r');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  },
  rename: (from, to) => renameSync(from, to),
  makeFolder: (path) => void mkdirSync(path, { recursive: true }),
  remove(path) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // It stays: whoever needs its place finds out when writing there.
    }
  },
  list(path) {
    try {
      return readdirSync(path, { withFileTypes: true }).map((entry) => ({
        name: entry.name,
        isFolder: entry.isDirectory(),
      }));
    } catch {
      return [];
    }
  },
  stat(path) {
    try {
      const { ino, size, mtimeMs } = statSync(path);
      return { inode: ino, bytes: size, modifiedMs: mtimeMs };
    } catch {
      return null;
    }
  },
};
