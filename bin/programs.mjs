/** Runs other programs: with output to a log file, to stderr, or captured. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { ROOT, SetupError, readText, print } from './project.mjs';

const PRINT_EVERY_S = 4;
/** Of the programs of minutehand and their stores: keys that sign, passwords, tokens. */
const OWN_VARIABLES = /^(?:MINUTEHAND|RETRAIN|AWS|PG|SMTP)_?/;

/** @typedef {{ file: string, first: string[], shell?: boolean }} Command */

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
const KILL_AFTER_MS = 5_000;

/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();
/** @type {number | null} Exit code once a signal has arrived. */
let endingWith = null;

/**
 * Each child leads a process group, so that its own children (compilers, for instance) end with it.
 * @param {string} signal
 */
function signalChildren(signal) {
  for (const child of children) {
    try {
      if (process.platform === 'win32') child.kill(signal);
      else process.kill(-child.pid, signal);
    } catch {
      // It has just ended.
    }
  }
}

/**
 * Ends the children before this process, so that the lock is held as long as anything is written.
 * @param {string} signal
 */
function endWithChildren(signal) {
  signalChildren(endingWith === null ? signal : 'SIGKILL');
  endingWith = 128 + SIGNALS[signal];
  setTimeout(() => signalChildren('SIGKILL'), KILL_AFTER_MS);
}

/** Only while there are children; afterward, signals are handled by the command itself. */
function listenForSignals() {
  for (const signal of Object.keys(SIGNALS)) {
    process.off(signal, endWithChildren);
    if (children.size > 0) process.on(signal, endWithChildren);
  }
}

/**
 * Runs a program with its output in a log file and reports progress every few seconds.
 * @param {string} label
 * @param {Command} command
 * @param {string[]} args
 * @param {string} logPath
 * @returns {Promise<number>} the exit code
 */
export async function runLogged(label, command, args, logPath, env = toolEnvironment()) {
  mkdirSync(dirname(logPath), { recursive: true });
  const log = openSync(logPath, 'w');
  const running = start(command.file, [...command.first, ...args], {
    stdio: ['ignore', log, log],
    env,
    shell: command.shell ?? false,
  });
  return shown(
    label,
    running.finally(() => closeSync(log)),
    (code) => code === 0,
  );
}

/**
 * Prints what is waited for, and every few seconds how long it has taken.
 * @template Result
 * @param {string} label
 * @param {Promise<Result>} work
 * @param {(result: Result) => boolean} [isGood]
 * @returns {Promise<Result>}
 */
export async function shown(label, work, isGood = () => true) {
  const startMs = performance.now();
  const elapsed = () => `${Math.round((performance.now() - startMs) / 1000)} s`;
  print(`${label} …`);
  const timer = setInterval(() => print(`${label} … ${elapsed()}`), PRINT_EVERY_S * 1000);
  try {
    const result = await work;
    print(`${label}: ${isGood(result) ? 'done' : 'failed'} after ${elapsed()}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}

/**
 * What installers, compilers and other tools get: packages run programs of strangers, which need none of the variables
 * of minutehand.
 * @returns {NodeJS.ProcessEnv}
 */
function toolEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OWN_VARIABLES.test(name)));
}

/**
 * Runs a program with its output on stderr.
 * @param {string} file
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>} the exit code
 */
export function runShown(file, args, options = {}) {
  return start(file, args, { ...options, stdio: ['ignore', 2, 2] });
}

/**
 * @param {string} file
 * @param {string[]} args
 * @returns {Promise<{ code: number, output: string }>}
 */
export async function capture(file, args) {
  let output = '';
  const code = await start(
    file,
    args,
    { stdio: ['ignore', 'pipe', 'pipe'], env: toolEnvironment() },
    (chunk) => (output += chunk),
  );
  return { code, output };
}

/**
 * @param {string} file
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 * @param {(chunk: string) => void} [onOutput]
 * @returns {Promise<number>}
 */
function start(file, args, options, onOutput) {
  return launch(file, args, options, onOutput).ended;
}

/**
 * Starts a program, as the leader of a process group.
 * @param {string} file
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 * @param {(chunk: string) => void} [onOutput]
 * @returns {{ child: import('node:child_process').ChildProcess, ended: Promise<number> }} `ended` gives the exit code,
 * 1 for a signal
 */
export function launch(file, args, options, onOutput) {
  const child = spawn(file, args, { cwd: ROOT, detached: process.platform !== 'win32', ...options });
  const ended = new Promise((resolve, reject) => {
    children.add(child);
    listenForSignals();
    const forget = () => {
      children.delete(child);
      if (endingWith !== null && children.size === 0) process.exit(endingWith);
      listenForSignals();
    };
    if (onOutput) for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', onOutput);
    child.once('error', (error) => {
      forget();
      reject(new SetupError(`${file} could not be started: ${error.message}`));
    });
    child.once('close', (code) => {
      forget();
      resolve(code ?? 1);
    });
  });
  return { child, ended };
}

/** The last lines of a log file. @param {string} path */
export function tailOf(path) {
  return (readText(path) ?? '').trimEnd().split('\n').slice(-40).join('\n');
}
