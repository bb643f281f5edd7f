import { chmodSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { MACHINE_FILES } from './files.ts';
import { makeFolder } from './folder.ts';
import { createFileOfMode } from './outside_files.ts';
import type { FileSystem } from './ports.ts';

/** The umask before it was made private, octal: for processes that this one starts. */
const UMASK_VARIABLE = 'MINUTEHAND_UMASK';
const OTHERS = 0o007;
const ALL_BUT_OWNER = 0o077;
const SPECIAL_BITS = 0o7000;

/**
 * Makes every file and folder that this process and its children create from now on private: 0600 and 0700. A umask
 * that already denies others everything, such as systemd's `UMask=0027`, was chosen on purpose and stays; a group is
 * shared with that way.
 * @returns the umask the process was started with, for what is shared all the same; null when it stays
 */
export function keepFilesPrivate(): number | null {
  if (process.platform === 'win32') return null;
  const given = process.umask(ALL_BUT_OWNER);
  // A parent, or an earlier call, has made it private already.
  const noted = /^[0-7]{1,3}$/.exec(process.env[UMASK_VARIABLE] ?? '')?.[0];
  const before = noted === undefined || given !== ALL_BUT_OWNER ? given : Number.parseInt(noted, 8);
  if (deniesOthers(before)) {
    process.umask(given);
    return null;
  }
  process.env[UMASK_VARIABLE] = before.toString(8);
  return before;
}

let folderMode: number | null = null;

/** For mkdir of a folder of private files, independent of the umask. */
export function privateFolderMode(): number {
  // Read once, before there are threads: reading the umask sets it for a moment.
  return (folderMode ??= deniesOthers(process.umask()) ? 0o777 : 0o700);
}

/** Makes a folder for private files, with those above it. */
export function makePrivateFolder(path: string): void {
  makeFolder(path, privateFolderMode());
}

/** Takes from an existing folder what the umask denies to new ones. One that belongs to another user stays as it is. */
export function tightenFolder(path: string): void {
  try {
    const { mode } = statSync(path);
    chmodSync(path, mode & ~process.umask());
  } catch {
    // Absent, or another user's.
  }
}

/**
 * The files of this machine, created as under another umask than that of this process: for a folder that is shared with
 * other users. One more system call for each file.
 */
export function filesUnderUmask(umask: number): FileSystem {
  return {
    ...MACHINE_FILES,
    write(path, data) {
      createFileOfMode(path, data, 0o666 & ~umask);
    },
    makeFolder(path) {
      const highest = makeFolder(path);
      for (let made = path; highest !== undefined; made = dirname(made)) {
        chmodSync(made, (statSync(made).mode & SPECIAL_BITS) | (0o777 & ~umask));
        if (made === highest) break;
      }
    },
  };
}

function deniesOthers(umask: number): boolean {
  return (umask & OTHERS) === OTHERS;
}
