/**
 * Runs the programs of bin/ on Node 24, whatever Node has started them: another one fetches the pinned package of Node
 * into var/node once, and starts the same program again with it.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { npmCommand, npmErrorsOf } from './dependencies.mjs';
import { LOG_FOLDER, ROOT, THIS_NODE, alone, readJson, readText, setupError } from './project.mjs';
import { capture, runLogged } from './programs.mjs';

/** Versions and checksums of the packages, one for each platform. */
const LOCK = join(ROOT, 'bin', 'node', 'package-lock.json');
const PLACE = join(ROOT, 'var', 'node');
const PLATFORM = process.platform === 'win32' ? 'win' : process.platform;
const NAME = `node-${PLATFORM}-${process.arch}`;
const PROGRAM = join('node_modules', NAME, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
const OLDEST = 18;
const INTERRUPT_PATIENCE_MS = 1000;
const INSTALL = 'Install Node 24 (https://nodejs.org, or nvm install 24)';
const REACH =
  'let npm reach a registry that has it (`npm config get registry` names yours, `npm config set` another one)';

/** @param {string} version */
const majorOf = (version) => Number(version.split('.')[0]);

/** Whether this process runs on the version of Node that .node-version names, its major alone. A release names none. */
export function isOnWantedNode() {
  const wanted = readText(join(ROOT, '.node-version'));
  return wanted === null || majorOf(process.versions.node) === majorOf(wanted);
}

/**
 * Runs this process's program again on the pinned Node, in the foreground of the same terminal.
 * @returns {Promise<number>} its exit code; where a signal has ended it, this process ends by the same one
 * @throws {SetupError} NODE_UNSUPPORTED
 */
export async function runOnWantedNode() {
  if (majorOf(process.versions.node) < OLDEST) throw unsupported(`older than Node ${OLDEST}`);
  if (!hasPinned(PLACE)) await alone('fetching Node', fetchNode).catch(refuse);
  return start(join(PLACE, PROGRAM));
}

/** The package for this machine, if there is one. @returns {{ version: string, integrity: string } | undefined} */
function pinned() {
  return readJson(LOCK)?.packages[`node_modules/${NAME}`];
}

/** @param {string} folder */
function hasPinned(folder) {
  const found = readJson(join(folder, 'node_modules', NAME, 'package.json'))?.version;
  return found !== undefined && found === pinned()?.version && existsSync(join(folder, PROGRAM));
}

/** Another process may have fetched it while this one waited. What an interruption leaves is not at its place yet. */
async function fetchNode() {
  if (hasPinned(PLACE)) return;
  const wanted = pinned();
  if (wanted === undefined) throw unsupported(`npm has no package of Node 24 for ${PLATFORM}-${process.arch}`);
  const { version, integrity } = wanted;
  const fresh = `${PLACE}.new`;
  const old = `${PLACE}.old`;
  for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  // As the only package, and a needed one: npm would say nothing of an optional one that cannot be had.
  const manifest = { private: true, dependencies: { [NAME]: version } };
  const packages = { '': manifest, [`node_modules/${NAME}`]: { version, integrity } };
  writeFileSync(join(fresh, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(fresh, 'package-lock.json'), JSON.stringify({ lockfileVersion: 3, requires: true, packages }));
  const logPath = join(LOG_FOLDER, 'node.log');
  // npm would try again for more than a minute where there is no registry.
  const options = ['--no-audit', '--no-fund', '--fetch-retry-maxtimeout=10000'];
  const args = ['ci', '--prefix', fresh, '--ignore-scripts', '--include=prod', ...options];
  const label = `fetching Node ${version} into var/node, as this is Node ${process.versions.node}`;
  if ((await runLogged(label, npmCommand(), args, logPath)) !== 0) {
    const [reason] = npmErrorsOf(logPath).split('\n');
    throw unsupported(`Node ${version} could not be fetched (${reason}); the whole log is ${logPath}`, REACH);
  }
  // Headers and manuals are a third of it.
  for (const part of ['include', 'share'])
    rmSync(join(fresh, 'node_modules', NAME, part), { recursive: true, force: true });
  const { code, output } = await capture(join(fresh, PROGRAM), ['--version']);
  if (code !== 0) throw unsupported(`Node ${version} does not start on this machine: ${output.trim()}`);
  if (existsSync(PLACE)) renameSync(PLACE, old);
  renameSync(fresh, PLACE);
  rmSync(old, { recursive: true, force: true });
}

/** @param {string} seen @param {string} [other] another way out than to install Node 24 */
function unsupported(seen, other) {
  const next = other === undefined ? INSTALL : `${INSTALL}, or ${other}`;
  return setupError('NODE_UNSUPPORTED', `${THIS_NODE}, ${process.execPath}: ${seen}`, `${next}.`);
}

/** A folder that may not be written to, such as that of another user. @param {unknown} error @returns {never} */
function refuse(error) {
  if (error instanceof Error && 'code' in error && ['EACCES', 'EPERM', 'EROFS', 'ENOSPC'].includes(String(error.code)))
    throw unsupported(`Node 24 cannot be put into ${PLACE} (${error.message})`);
  throw error;
}

/**
 * Starts this process's program and its arguments with another Node, which is the first in its PATH.
 * @param {string} node
 * @returns {Promise<number>}
 */
function start(node) {
  const PATH = `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`;
  const args = [...process.execArgv, ...process.argv.slice(1)];
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { stdio: 'inherit', env: { ...process.env, PATH } });
    const pass = (/** @type {NodeJS.Signals} */ signal) => void child.kill(signal);
    process.on('SIGTERM', pass).on('SIGHUP', pass);
    // A terminal sends Ctrl-C to both. Without one, it may have been sent to this process alone.
    process.on('SIGINT', () => {
      if (!process.stdin.isTTY) setTimeout(() => pass('SIGINT'), INTERRUPT_PATIENCE_MS).unref();
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const name of ['SIGTERM', 'SIGHUP', 'SIGINT']) process.removeAllListeners(name);
      if (signal !== null) process.kill(process.pid, signal);
      resolve(code ?? 1);
    });
  });
}
