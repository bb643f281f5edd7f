import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A small disk: a file system in memory at a path. */
export interface SmallDisk {
  readonly path: string;
  /** Makes it read-only, as Linux does with a disk that fails, or writable again. */
  remount(mode: 'ro' | 'rw'): void;
  /** As a network folder or a stick that is gone: what is below the path is seen again. */
  detach(): void;
  /** Puts it back at its path, with its content. */
  attach(): void;
  /** Ends it. */
  remove(): void;
}

export const MOUNT_NOTE = 'mounting needs root and a kernel that permits it';

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

/** A file may be open for writing for some milliseconds. */
function runWhenFree(command: string, args: readonly string[]): void {
  for (let tries = 0; tries < 200; tries++) {
    if (spawnSync(command, args).status === 0) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
  run(command, args);
}

/** @param sizeMb of the disk; its folder is made. @param inodes absent: more than are used */
export function mountSmallDisk(path: string, sizeMb: number, inodes?: number): SmallDisk {
  // The content stays in the file system behind, whatever happens at the path.
  const behind = mkdtempSync(join(tmpdir(), 'minutehand-disk-'));
  run('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${sizeMb}m${inodes === undefined ? '' : `,nr_inodes=${inodes}`}`,
    'tmpfs',
    behind,
  ]);
  const inside = join(behind, 'content');
  mkdirSync(inside);
  mkdirSync(path, { recursive: true });
  const attach = (): void => run('mount', ['--bind', inside, path]);
  const detach = (): void => run('umount', ['--lazy', path]);
  attach();
  return {
    path,
    remount: (mode) => runWhenFree('mount', ['-o', `remount,bind,${mode}`, path]),
    attach,
    detach,
    remove() {
      spawnSync('umount', ['--lazy', path]);
      spawnSync('umount', ['--lazy', behind]);
      rmSync(behind, { recursive: true, force: true });
    },
  };
}

/** Writes until the disk of a folder has room for no byte. @returns the path of the file that has taken the room */
export function fillDisk(folder: string): string {
  const path = join(folder, 'filler');
  const file = openSync(path, 'a');
  try {
    for (let size = 1 << 20; size >= 1;)
      try {
        writeSync(file, Buffer.alloc(size));
      } catch {
        size = Math.floor(size / 2);
      }
  } finally {
    closeSync(file);
  }
  return path;
}

/** Whether this process may mount. */
export function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-mount-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).status === 0;
  if (isMounted) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
  return isMounted;
}
