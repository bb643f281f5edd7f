import { lstatSync, mkdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { pauseThread, renameFile } from '../durable_file.ts';
import { MinutehandError } from '../errors.ts';
import { MACHINE_FILES } from '../files.ts';
import type { FileSystem } from '../ports.ts';
import { createFile } from '../outside_files.ts';
import { CLAIM_MS, type Owner, processNamespace } from './owner.ts';

const TURN_NAME = '.owner.turn';
const TURN_MODE = 0o700;
/** Longest wait for a turn: work in one takes less than a millisecond. */
const TURN_WAIT_MS = 5;
/** Age of a turn whose process has ended in it. */
const STALE_TURN_MS = 2000;

/**
 * Does work in a folder that other users can write while no other process does it there. The turn is a folder: making
 * one follows no link, as opening a lock file does. Work is done after TURN_WAIT_MS all the same, since whoever can
 * write there could keep the turn forever.
 */
function inTurn(folder: string, work: () => void): void {
  const path = join(folder, TURN_NAME);
  const isTaken = takeTurn(path);
  try {
    work();
  } finally {
    if (isTaken) attempt(() => rmdirSync(path));
  }
}

function takeTurn(path: string): boolean {
  for (let waitedMs = 0; ; waitedMs++) {
    if (attempt(() => mkdirSync(path, TURN_MODE))) return true;
    if (isStale(path) && attempt(() => rmdirSync(path))) continue;
    if (waitedMs >= TURN_WAIT_MS) return false;
    pauseThread(1);
  }
}

/** A clock of a file server that differs takes a turn away from its owner: two that claim at once notice it later. */
function isStale(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && Math.abs(Date.now() - found.mtimeMs) > STALE_TURN_MS;
}

function attempt(step: () => unknown): boolean {
  try {
    step();
    return true;
  } catch {
    return false;
  }
}

const claimSchema = z.object({
  id: z.string(),
  where: z.string(),
  host: z.string(),
  namespace: z.string(),
  pid: z.int(),
});
type Claim = z.infer<typeof claimSchema>;

/** A file that is being written when a claim ends is written within this time. */
const MARGIN_MS = 1000;
const MAX_BYTES = 4096;

/** In the folder of signals: who writes there. */
export const OWNER_FILE = 'owner.json';

export interface ExchangeOwner {
  /**
   * Claims the folder, or claims it again.
   * @throws MinutehandError EXCHANGE_TAKEN; the system's error when its files cannot be written
   */
  claim(): void;
  /**
   * Milliseconds of `os.uptime()`, which counts suspension, from which on another may claim the folder. Whoever has not
   * claimed it again by then writes nothing there.
   */
  claimedUntilMs(): number;
  /** Whether the last claim of the folder is one of this owner, such as when its file system is back. */
  isOwn(): boolean;
  /** Gives the folder back, unless another process of this owner has claimed it since. */
  release(): void;
}

/**
 * The owner of a folder of signals. A claim lasts for CLAIM_MS by the clock of the file server, and ends with its
 * process where that can be seen.
 * @param files make the folder as it is shared
 */
export function exchangeOwner(
  folder: string,
  owner: Owner,
  files: Pick<FileSystem, 'makeFolder'> = MACHINE_FILES,
): ExchangeOwner {
  const path = join(folder, OWNER_FILE);
  const ownClaim = (): Claim => ({
    id: owner.id ?? 'unknown',
    where: owner.where,
    host: hostname(),
    namespace: processNamespace(),
    pid: process.pid,
  });
  const temporary = join(folder, `.${OWNER_FILE}.${process.pid}.tmp`);
  let claimedUntilMs = 0;

  /** Two that claim at once do so one after the other. */
  function alone(work: () => void): void {
    files.makeFolder(folder);
    inTurn(folder, work);
  }

  return {
    claim: () =>
      alone(() => {
        const own = ownClaim();
        const nowMs = uptime() * 1000;
        rmSync(temporary, { force: true });
        // Never through a link that another user has put there.
        createFile(temporary, `${JSON.stringify(own)}\n`);
        const standing = readClaim(path);
        const isOwn = standing === null || standing.id === own.id || isSameProcess(standing, own);
        if (!isOwn && isAlive(standing, own, path, temporary)) {
          rmSync(temporary, { force: true });
          claimedUntilMs = 0;
          throw new MinutehandError('EXCHANGE_TAKEN', { seen: `${folder} is written by ${standing.where}` });
        }
        renameFile(temporary, path);
        claimedUntilMs = nowMs + CLAIM_MS - MARGIN_MS;
      }),
    claimedUntilMs: () => claimedUntilMs,
    isOwn() {
      const standing = readClaim(path);
      return standing !== null && (standing.id === owner.id || isSameProcess(standing, ownClaim()));
    },
    release: () =>
      alone(() => {
        const own = ownClaim();
        const standing = readClaim(path);
        if (standing !== null && isSameProcess(standing, own)) rmSync(path, { force: true });
      }),
  };
}

/** @param now a file written now, by whose time the age of the claim is measured */
function isAlive(standing: Claim, own: Claim, path: string, now: string): boolean {
  if (statSync(now).mtimeMs - statSync(path).mtimeMs >= CLAIM_MS) return false;
  const isComparable = standing.host === own.host && standing.namespace === own.namespace && own.namespace !== '';
  return !isComparable || isRunning(standing.pid);
}

/** Its id may have changed since. */
function isSameProcess(standing: Claim, own: Claim): boolean {
  const isOfMachine = standing.host === own.host && standing.namespace === own.namespace;
  return isOfMachine && standing.pid === own.pid && standing.where === own.where;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** null when there is none, or none that can be read. */
function readClaim(path: string): Claim | null {
  try {
    const text = MACHINE_FILES.read(path, { maxBytes: MAX_BYTES, followsLinks: false });
    return claimSchema.parse(JSON.parse(text.toString('utf8')));
  } catch {
    return null;
  }
}
