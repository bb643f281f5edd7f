/** Paths, output and errors shared by the set-up programs. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const MODULES = join(ROOT, 'node_modules');
export const LOG_FOLDER = join(ROOT, 'var', 'log');
export const THIS_NODE = `Node ${process.versions.node} (abi ${process.versions.modules})`;

/** Error codes of the set-up. `shared/errors.ts` has the same entries but cannot be loaded before the build. */
export const SETUP_ERRORS = {
  NODE_UNSUPPORTED: {
    message: 'This version of Node is not supported.',
    next: 'Install Node 24: https://nodejs.org, or nvm install 24.',
  },
  NOT_INSTALLED: {
    message: 'The packages of package-lock.json are not installed here.',
    next: 'Run `npm start` or `npm run build` here.',
  },
  NODE_MISMATCH: {
    message: 'node_modules was installed for another Node or machine.',
    next: 'Use that Node, or run `npm run build`.',
  },
  FILE_DENIED: {
    message: 'The system lets this user not read or write a file or folder.',
    next: 'Run the command as the user whom it belongs to, or give this user the right to it.',
  },
  FILES_EXHAUSTED: {
    message: 'The process may not open more files.',
    next: 'Raise the limit: `ulimit -n 4096` in a shell, LimitNOFILE= in a systemd unit.',
  },
};

/** @typedef {keyof typeof SETUP_ERRORS} SetupCode */

/** A failure whose message contains everything the user needs to act on it. */
export class SetupError extends Error {
  /** @type {SetupCode | null} */
  code = null;
  /** @type {string | null} */
  next = null;
}

/** @param {SetupCode} code @param {string} seen @param {string} [next] overrides the table's next step */
export function setupError(code, seen, next = SETUP_ERRORS[code].next) {
  return Object.assign(new SetupError(`${SETUP_ERRORS[code].message} Seen: ${seen}.`), { code, next });
}

/** All output goes to stderr; stdout is reserved for the command. @param {string} line */
export function print(line) {
  process.stderr.write(`${line}\n`);
}

/** Whether the present work has the lock already. @type {AsyncLocalStorage<boolean>} */
const insideAlone = new AsyncLocalStorage();

/**
 * Runs `work` while no other process installs or builds here. What `work` itself starts may do so: an installation
 * builds while it compiles.
 * @template T
 * @param {string} label description of this process's work, shown by waiting processes
 * @param {() => Promise<T>} work
 */
export function alone(label, work) {
  if (insideAlone.getStore() === true) return work();
  const onWait = (/** @type {number} */ pid) =>
    print(`waiting for process ${pid}, which is setting up here too (${label})`);
  return withLock(join(ROOT, 'var', 'setup-lock'), onWait, () => insideAlone.run(true, work));
}

/** @param {string} path */
export function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** @param {string} path */
export function readJson(path) {
  const text = readText(path);
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
