/** Installs what package-lock.json lists, native parts of this machine included. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { inPath, processesUsing } from './machine.mjs';
import {
  LOG_FOLDER,
  MODULES,
  ROOT,
  SetupError,
  THIS_NODE,
  alone,
  readJson,
  readText,
  print,
  setupError,
} from './project.mjs';
import { capture, runLogged, tailOf } from './programs.mjs';
import { prune } from './prune.mjs';

const STAMP = join(MODULES, '.minutehand-lock');
const MACHINE = `${process.platform}-${process.arch}`;

/**
 * What of package-lock.json is installed: what the programs need to be built and to run, or also what tests, linters,
 * benchmarks and generated documents need.
 * @typedef {'programs' | 'development'} Extent
 */
/**
 * Lock file, machine and Node of the installation, which is pruned for that machine. `extent` is absent in stamps of
 * earlier versions, which installed all packages.
 * @typedef {{ lock: string, machine: string, node: string, extent?: Extent }} Stamp
 */

/**
 * Installs package-lock.json unless it is installed already; a no-op takes a few milliseconds and prints nothing. If
 * several processes start at once, one installs and the others wait.
 * @param {Extent} extent packages that are there already stay
 * @throws {SetupError}
 */
export async function ensureInstalled(extent) {
  if (packagesError(extent) === null) {
    linkCommand();
    return;
  }
  await alone('install', async () => {
    if (packagesError(extent) === null) return;
    const all = extentOf(extent);
    await install(all);
    prune(MODULES);
    const fault = await nativePartsFault();
    if (fault !== null) throw new SetupError(fault);
    const stamp = { lock: lockHash(), machine: MACHINE, node: THIS_NODE, extent: all };
    writeFileSync(STAMP, `${JSON.stringify(stamp)}\n`);
  });
  linkCommand();
}

/**
 * Checks the installation without changing it, for every command other than set-up.
 * @param {Extent} [extent]
 * @throws {SetupError} NOT_INSTALLED, NODE_MISMATCH
 */
export function checkInstalled(extent = 'programs') {
  const error = packagesError(extent);
  if (error !== null) throw error;
}

/** @param {Extent} extent @returns {SetupError | null} how the packages differ from package-lock.json */
function packagesError(extent) {
  const stamp = readStamp();
  if (stamp !== null && stamp.machine !== MACHINE)
    return setupError('NODE_MISMATCH', `installed for ${stamp.machine} by ${stamp.node}, this is ${MACHINE}`);
  const isUpToDate = stamp?.lock === lockHash();
  if ((isUpToDate && covers(stamp.extent, extent)) || installedByHand(extent)) return null;
  if (!existsSync(MODULES)) return setupError('NOT_INSTALLED', 'no node_modules');
  if (isUpToDate)
    return setupError('NOT_INSTALLED', 'only what the programs need is installed', 'Run `npm run tools` here.');
  const changed = 'package-lock.json has changed since the installation';
  return setupError('NOT_INSTALLED', stamp === null ? 'other packages in node_modules' : changed);
}

/** @param {Extent | undefined} installed of a stamp @param {Extent} wanted */
const covers = (installed, wanted) => installed !== 'programs' || wanted === 'programs';

/** @returns {Stamp | null} */
function readStamp() {
  return readJson(STAMP);
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
}

/** Whether `npm ci` or `npm install` was run directly and installed what the lock file lists. @param {Extent} extent */
function installedByHand(extent) {
  const installed = readJson(join(MODULES, '.package-lock.json'))?.packages;
  if (!installed) return false;
  const wanted = readJson(join(ROOT, 'package-lock.json')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || (extent === 'programs' && entry.dev === true)) return true;
    const found = installed[path];
    if (!found) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity && existsSync(join(ROOT, path));
  });
}

/**
 * Packages for development that are there already stay: they are a later version's as well.
 * @param {Extent} wanted
 * @returns {Extent}
 */
function extentOf(wanted) {
  const stamp = readStamp();
  return stamp !== null && covers(stamp.extent, 'development') ? 'development' : wanted;
}

/** @param {Extent} extent */
async function install(extent) {
  const users = processesUsing(MODULES);
  // What the programs use is there, and nothing of it is replaced.
  const isAddition = extent === 'development' && packagesError('programs') === null;
  if (users.length > 0 && !isAddition)
    print(`note: packages are replaced under process ${users.join(', ')}, which runs from this folder: restart it`);
  rmSync(STAMP, { force: true });
  const logPath = join(LOG_FOLDER, 'setup.log');
  const command = isAddition ? ['install', '--no-save'] : ['ci'];
  // NODE_ENV=production would leave out the tools of development.
  const kinds = [extent === 'development' ? '--include=dev' : '--omit=dev', '--include=optional'];
  const args = [...command, '--no-audit', '--no-fund', ...kinds];
  if ((await runLogged('installing dependencies', npmCommand(), args, logPath)) === 0) return;
  throw new SetupError(`${npmErrorsOf(logPath)}\nnpm ${command[0]} failed; the whole log is ${logPath}`);
}

/**
 * Loads the native packages in a child process.
 * @returns {Promise<string | null>} the fault, if any
 */
async function nativePartsFault() {
  const script = `process.env.ORT_DISABLE_TELEMETRY ??= '1'; const Database = require('better-sqlite3');
    new Database(':memory:').prepare('SELECT 1').get(); require('onnxruntime-node'); console.log('loaded');`;
  const { code, output } = await capture(process.execPath, ['-e', script]);
  // A native part built for another Node may end the process with exit code 0.
  if (code === 0 && output.trim().endsWith('loaded')) return null;
  const reason = output.trim().split('\n').slice(-12).join('\n');
  return `${reason}\nA native part does not load with ${THIS_NODE} (exit code ${code})`;
}

/**
 * Links the command as npm would: `npx minutehand` works without the link, `npm exec` of other tools and users with
 * $PATH need it.
 */
function linkCommand() {
  if (process.platform === 'win32') return;
  const link = join(MODULES, '.bin', 'minutehand');
  const target = join('..', '..', 'bin', 'minutehand.mjs');
  try {
    if (readlinkSync(link) === target) return;
  } catch {
    // Absent, or not a link.
  }
  const temporary = `${link}.${process.pid}`;
  mkdirSync(dirname(link), { recursive: true });
  chmodSync(join(ROOT, 'bin', 'minutehand.mjs'), 0o755);
  symlinkSync(target, temporary);
  renameSync(temporary, link);
}

/** @returns {import('./programs.mjs').Command} the npm that started this process, otherwise the one in PATH */
export function npmCommand() {
  const started = process.env.npm_execpath?.replace(/npx-cli\.js$/, 'npm-cli.js');
  if (started?.endsWith('npm-cli.js') && existsSync(started)) return { file: process.execPath, first: [started] };
  if (process.platform === 'win32') return { file: 'npm.cmd', first: [], shell: true };
  if (!inPath('npm')) throw new SetupError('npm is not in PATH; it comes with Node: https://nodejs.org');
  return { file: 'npm', first: [] };
}

/** npm appends a page of help to its errors, so the beginning is shown. @param {string} path of its log */
export function npmErrorsOf(path) {
  const errors = (readText(path) ?? '').split('\n').filter((line) => line.startsWith('npm error'));
  return errors.length > 0 ? errors.slice(0, 20).join('\n') : tailOf(path);
}
