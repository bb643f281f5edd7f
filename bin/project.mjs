/** Where things are, how they are said, and what every part of the set-up needs. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const MODULES = join(ROOT, 'node_modules');
export const LOG_FOLDER = join(ROOT, 'var', 'log');

/** A failure whose message tells the user everything there is to tell. */
export class SetupError extends Error {}

/** Everything is said on stderr; stdout belongs to the command. @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Does `work` while no other process installs or builds here.
 * @template T
 * @param {string} label what others are told this process is doing
 * @param {() => Promise<T>} work
 */
export function alone(label, work) {
  const onWait = (/** @type {number} */ pid) =>
    say(`waiting for process ${pid}, which is setting up here too (${label})`);
  return withLock(join(ROOT, 'var', 'setup-lock'), onWait, work);
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
