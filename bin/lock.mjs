/** A lock between processes: a folder that holds the pid of its owner. */
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';

const POLL_MS = 200;
const KEEP_REMAINS_MS = 3_600_000;

/**
 * Runs `work` while holding the lock `path`. A lock whose owner has ended is taken over.
 *
 * The lock is created atomically by renaming a prepared folder, which fails while the lock exists. A takeover renames
 * the dead lock to a name derived from its token: of several processes that read the same dead owner one succeeds, and
 * a slow one cannot remove its successor's lock, because that name exists by then.
 *
 * @template T
 * @param {string} path
 * @param {(pid: number) => void} onWait called once when another process holds the lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, onWait, work) {
  const token = randomUUID();
  let isReported = false;
  for (;;) {
    if (take(path, token)) break;
    const owner = readOwner(path);
    if (owner !== null && !isRunning(owner)) {
      moveAway(path, `${path}.dead-${owner.token}`);
      continue;
    }
    // Without an owner, the lock was released between the two reads.
    if (owner !== null && !isReported) {
      onWait(owner.pid);
      isReported = true;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const release = () => {
    const remains = `${path}.done-${token}`;
    moveAway(path, remains);
    rmSync(remains, { recursive: true, force: true });
  };
  process.once('exit', release);
  try {
    removeOldRemains(path);
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

/** @param {string} path @param {string} token */
function take(path, token) {
  const prepared = `${path}.${token}`;
  mkdirSync(prepared, { recursive: true });
  writeFileSync(
    join(prepared, 'owner.json'),
    JSON.stringify({ pid: process.pid, started: startOf(process.pid), token }),
  );
  try {
    renameSync(prepared, path);
    return true;
  } catch {
    rmSync(prepared, { recursive: true, force: true });
    return false;
  }
}

/** @param {string} path */
function readOwner(path) {
  try {
    return JSON.parse(readFileSync(join(path, 'owner.json'), 'utf8'));
  } catch {
    return null;
  }
}

/** @param {string} path @param {string} target */
function moveAway(path, target) {
  try {
    renameSync(path, target);
  } catch {
    // Another process was quicker.
  }
}

/** @param {{ pid: number, started: string | null }} owner */
function isRunning(owner) {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  // A pid is reused after a while, and always after a container restart, so the start time is compared too.
  return startOf(owner.pid) === owner.started;
}

/**
 * Start time of the process in clock ticks since boot; null if unknown.
 * @param {number} pid
 */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** @param {string} path */
function removeOldRemains(path) {
  for (const name of readdirSync(dirname(path))) {
    if (!name.startsWith(`${basename(path)}.`)) continue;
    const remains = join(dirname(path), name);
    try {
      if (Date.now() - statSync(remains).mtimeMs > KEEP_REMAINS_MS) rmSync(remains, { recursive: true, force: true });
    } catch {
      // Another process removed it.
    }
  }
}
