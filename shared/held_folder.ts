import { closeSync, constants, lstatSync, openSync, readlinkSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/**
 * Folders that other users can exchange: a terminal that shares a folder with this process could put a link in the
 * place of one of its folders, between a look at it and the opening of a file in it. So such a folder is opened first,
 * its place is checked, and files are reached through the opened folder, wherever its name leads meanwhile.
 */

const { O_RDONLY, O_DIRECTORY = 0 }: typeof constants = constants;
const MAX_LINKS = 40;
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
/** Modes and owners of folders change rarely; so do links of one's own. */
const LOOK_AGAIN_MS = 10_000;

interface Place {
  /** Path without links. */
  readonly real: string;
  /** Whether no other user can exchange any folder of the path. */
  readonly isOutOfReach: boolean;
  readonly lookedAtMs: number;
}

const places = new Map<string, Place>();

/**
 * Does something with a file by a path that stays in the folder of `path`. Where nobody else can exchange a folder, as
 * in a home of one's own, and where the system has no `/proc`, that is `path` itself.
 * @param work gets the path; it is valid until `work` returns
 * @throws the system's error; ELOOP when the folder is reached through a link of another user
 */
export function inHeldFolder<Result>(path: string, work: (held: string) => Result): Result {
  const folder = dirname(path);
  if (process.platform !== 'linux' || placeOf(folder).isOutOfReach) return work(path);
  const opened = openSync(folder, O_RDONLY | O_DIRECTORY);
  try {
    const held = `/proc/self/fd/${opened}`;
    let real: string;
    try {
      real = readlinkSync(held);
    } catch {
      // Without /proc it cannot be known.
      return work(path);
    }
    // A folder of one's own may have moved since the last look.
    if (real !== placeOf(folder).real && real !== lookAt(folder).real) throw refused(folder);
    return work(join(held, basename(path)));
  } finally {
    closeSync(opened);
  }
}

function placeOf(folder: string): Place {
  const known = places.get(folder);
  if (known !== undefined && performance.now() - known.lookedAtMs < LOOK_AGAIN_MS) return known;
  return lookAt(folder);
}

/** Follows the path name by name. @throws the system's error; ELOOP for a link of another user */
function lookAt(folder: string): Place {
  let real = '/';
  let rest = namesOf(folder);
  let links = 0;
  let isOutOfReach = isOwnAlone(real);
  while (rest.length > 0) {
    const next = join(real, rest[0]!);
    const found = lstatSync(next);
    if (found.isSymbolicLink()) {
      const target = readlinkSync(next);
      // Another link may have come into its place.
      if (++links > MAX_LINKS || !isTrusted(found.uid) || lstatSync(next).ino !== found.ino) throw refused(next);
      rest = [...namesOf(resolve(real, target)), ...rest.slice(1)];
      real = '/';
      continue;
    }
    real = next;
    rest = rest.slice(1);
    isOutOfReach &&= isOwnAlone(real);
  }
  const place = { real, isOutOfReach, lookedAtMs: performance.now() };
  places.set(folder, place);
  return place;
}

/** Whether only this user and root can exchange what is in a folder. In a sticky one, each user only their own. */
function isOwnAlone(folder: string): boolean {
  const { uid, mode } = statSync(folder);
  return isTrusted(uid) && ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0);
}

function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

function namesOf(path: string): string[] {
  return resolve(path)
    .split('/')
    .filter((name) => name !== '');
}

function refused(path: string): Error {
  return Object.assign(new Error(`${path} is a link of another user, or leads through one`), { code: 'ELOOP' });
}
