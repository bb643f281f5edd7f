/** Running other programs: with a log file, shown, or with their output caught. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { ROOT, SetupError, readText, say } from './project.mjs';

const SAY_EVERY_S = 10;

/** @typedef {{ file: string, first: string[], shell?: boolean }} Command */

/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** @param {keyof typeof SIGNALS} signal */
function endWithChildren(signal) {
  for (const child of children) child.kill(signal);
  process.exit(128 + SIGNALS[signal]);
}

/** Only while there are children: afterwards signals are for the command that was set up. */
function listenForSignals() {
  for (const signal of Object.keys(SIGNALS)) {
    if (children.size > 0 && !process.listeners(signal).includes(endWithChildren)) process.on(signal, endWithChildren);
    if (children.size === 0) process.off(signal, endWithChildren);
  }
}

/**
 * Runs a program with its output in a log file, and says every few seconds that it is still at it.
 * @param {string} label
 * @param {Command} command
 * @param {string[]} args
 * @param {string} logPath
 * @returns {Promise<number>} the exit code
 */
export async function runLogged(label, command, args, logPath, env = process.env) {
  const startMs = performance.now();
  const elapsed = () => `${Math.round((performance.now() - startMs) / 1000)} s`;
  mkdirSync(dirname(logPath), { recursive: true });
  const log = openSync(logPath, 'w');
  say(`${label} …`);
  const timer = setInterval(() => say(`${label} … ${elapsed()}`), SAY_EVERY_S * 1000);
  try {
    const code = await start(command.file, [...command.first, ...args], {
      stdio: ['ignore', log, log],
      env,
      shell: command.shell ?? false,
    });
    say(`${label}: ${code === 0 ? 'done' : 'failed'} after ${elapsed()}`);
    return code;
  } finally {
    clearInterval(timer);
    closeSync(log);
  }
}

/**
 * Runs a program with its output on stderr.
 * @param {string} file
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
export function runShown(file, args) {
  return start(file, args, { stdio: ['inherit', 2, 2] });
}

/**
 * @param {string} file
 * @param {string[]} args
 * @returns {Promise<{ code: number, output: string }>}
 */
export async function capture(file, args) {
  let output = '';
  const code = await start(file, args, { stdio: ['ignore', 'pipe', 'pipe'] }, (chunk) => (output += chunk));
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
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: ROOT, ...options });
    children.add(child);
    listenForSignals();
    child.stdout?.setEncoding('utf8').on('data', onOutput);
    child.stderr?.setEncoding('utf8').on('data', onOutput);
    child.once('error', (error) => {
      children.delete(child);
      listenForSignals();
      reject(new SetupError(`${file} could not be started: ${error.message}`));
    });
    child.once('close', (code) => {
      children.delete(child);
      listenForSignals();
      resolve(code ?? 1);
    });
  });
}

/** @param {string} path */
export function tailOf(path) {
  return (readText(path) ?? '').trimEnd().split('\n').slice(-40).join('\n');
}
