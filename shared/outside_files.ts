import { closeSync, constants, fchmodSync, fstatSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { inHeldFolder } from './held_folder.ts';

/**
 * Files in folders that other users can write: the signals folder and the folders of expert advisors, which a terminal
 * shares. Whoever can write there could put a link to one of our files, or a pipe, under a name that we use. So links
 * are never followed, also not in the place of a folder, new files are created and never overwritten in place, and
 * nothing waits.
 */

const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_EXCL }: typeof constants = constants;
/** Windows has neither of these flags, nor the pipes and links that would need them. */
const { O_NONBLOCK = 0, O_NOFOLLOW = 0 }: Partial<typeof constants> = constants;
const MODE = 0o666;
/** `writeFileSync` takes flags as a number, too, which its type does not say. */
const CREATE_ONLY = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

/**
 * Creates a file. Whatever has this name, such as a link or the rest of a killed process, is removed first: it is not
 * written through.
 * @throws the system's error
 */
export function createFile(path: string, data: string | Uint8Array): void {
  inHeldFolder(path, (held) => create(held, data));
}

/** The same with a mode that does not depend on the umask. */
export function createFileOfMode(path: string, data: string | Uint8Array, mode: number): void {
  inHeldFolder(path, (held) => {
    // By its descriptor: another file may have the name meanwhile.
    const file = replacing(held, () => openSync(held, CREATE_ONLY, MODE));
    try {
      writeFileSync(file, data);
      fchmodSync(file, mode);
    } finally {
      closeSync(file);
    }
  });
}

function create(path: string, data: string | Uint8Array): void {
  // One call with a path: Node opens, writes and closes a text natively then, and not in three calls.
  const options = { flag: CREATE_ONLY as unknown as string, mode: MODE };
  replacing(path, () => writeFileSync(path, data, options));
}

/** Creates what has this name; something that has it already is removed first. */
function replacing<Result>(path: string, make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    rmSync(path, { recursive: true, force: true });
    return make();
  }
}

/** Creates an empty file where nothing has this name, not even a link. @throws the system's error but EEXIST */
export function createOnly(path: string): void {
  try {
    inHeldFolder(path, (held) => writeFileSync(held, '', { flag: CREATE_ONLY as unknown as string, mode: MODE }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Opens a regular file for reading.
 * @throws the system's error; EFTYPE for anything but a regular file, ELOOP for a link
 */
export function openForReading(path: string): number {
  return inHeldFolder(path, (held) => regular(openSync(held, O_RDONLY | O_NONBLOCK | O_NOFOLLOW), path));
}

/**
 * Opens a regular file, created if it is absent, for appending and reading.
 * @throws the system's error; EFTYPE for anything but a regular file, ELOOP for a link
 */
export function openForAppending(path: string): number {
  const flags = O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_NOFOLLOW;
  return inHeldFolder(path, (held) => regular(openSync(held, flags, MODE), path));
}

function regular(file: number, path: string): number {
  if (fstatSync(file).isFile()) return file;
  closeSync(file);
  throw Object.assign(new Error(`${path} is not a regular file`), { code: 'EFTYPE' });
}
