/** Installs what package-lock.json lists, native parts included. */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, delimiter, join } from 'node:path';
import { lockedClosure } from './locked_closure.mjs';
import { aptInstall, inPath, processesUsing } from './machine.mjs';
import { SQLITE_PACKAGE, THIS_NODE } from './node_version.mjs';
import { LOG_FOLDER, MODULES, ROOT, SetupError, alone, readJson, readText, print, setupError } from './project.mjs';
import { capture, endChildren, runLogged, tailOf } from './programs.mjs';

const STAMP = join(MODULES, '.minutehand-lock');
const COMPILE_LOG = join(LOG_FOLDER, 'compile.log');
const MACHINE = `${process.platform}-${process.arch}`;
/** Native part of better-sqlite3 12, if this Node uses it: it is not in the package, but compiled here. */
const COMPILED_SQLITE =
  SQLITE_PACKAGE === 'better-sqlite3' ? null : join(MODULES, SQLITE_PACKAGE, 'build', 'Release', 'better_sqlite3.node');

/**
 * What of package-lock.json is installed: what the programs need to be built and to run, or also what tests, linters,
 * benchmarks and generated documents need.
 * @typedef {'programs' | 'development'} Extent
 */
/**
 * Lock file, machine and Node of the installation. `extent` is absent in stamps of earlier versions, which installed
 * all packages.
 * @typedef {{ lock: string, machine: string, node: string, extent?: Extent }} Stamp
 */

/**
 * Installs package-lock.json unless it is installed already; a no-op takes a few milliseconds and prints nothing. If
 * several processes start at once, one installs and the others wait. One installation serves all supported versions of
 * Node; for Node 20, SQLite is also compiled.
 * @param {Extent} extent packages that are there already stay
 * @param {() => Promise<void>} [besideCompilation] what needs the packages and none of their native parts: it is done
 * while SQLite is compiled, which leaves the other cores idle
 * @throws {SetupError}
 */
export async function ensureInstalled(extent, besideCompilation = async () => undefined) {
  if (installationError(extent) === null) {
    linkCommand();
    return;
  }
  await alone('install', async () => {
    const all = extentOf(extent);
    const installer = packagesError('programs') === null ? readStamp()?.node : undefined;
    if (packagesError(extent) !== null || (await nativePartsFault()) !== null) {
      const { sqlite } = await install(all);
      // Both have ended when the lock is given back.
      const [native, beside] = await Promise.allSettled([sqlite.then(nativePartsFault), besideCompilation()]);
      if (native.status === 'rejected') throw native.reason;
      if (native.value !== null) throw new SetupError(native.value);
      if (beside.status === 'rejected') throw beside.reason;
    }
    const stamp = { lock: lockHash(), machine: MACHINE, node: installer ?? THIS_NODE, extent: all };
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
  const error = installationError(extent);
  if (error !== null) throw error;
}

/** @param {Extent} extent @returns {SetupError | null} why this Node cannot use node_modules */
function installationError(extent) {
  const error = packagesError(extent);
  const fault = error === null ? compiledSqliteFault() : null;
  if (fault === null) return error;
  const installer = readStamp()?.node ?? 'another version of Node';
  return setupError('NODE_MISMATCH', `installed for ${installer}, this is ${THIS_NODE}: ${SQLITE_PACKAGE} ${fault}`);
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

/** @returns {string | null} what is wrong with the compiled SQLite, if this Node needs one */
function compiledSqliteFault() {
  if (COMPILED_SQLITE === null) return null;
  if (!existsSync(COMPILED_SQLITE)) return 'is not compiled';
  try {
    createRequire(import.meta.url)(COMPILED_SQLITE);
    return null;
  } catch (error) {
    return `does not load (${error.message.split('\n')[0]})`;
  }
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

/**
 * Installs the packages. Where SQLite has to be compiled, that begins at once, from a copy of its package.
 * @param {Extent} extent
 * @returns {Promise<{ sqlite: Promise<void> }>} `sqlite` is done when there is nothing left to compile beside npm
 */
async function install(extent) {
  const users = processesUsing(MODULES);
  // What the programs use is there, and nothing of it is replaced.
  const isAddition = extent === 'development' && packagesError('programs') === null;
  if (users.length > 0 && !isAddition)
    print(`note: packages are replaced under process ${users.join(', ')}, which runs from this folder: restart it`);
  rmSync(STAMP, { force: true });
  const logPath = join(LOG_FOLDER, 'setup.log');
  const sqlite = isAddition || COMPILED_SQLITE === null ? Promise.resolve(null) : compileBeside();
  const command = isAddition ? ['install', '--no-save'] : ['ci'];
  // NODE_ENV=production would leave out the tools of development. --engine-strict: one of the two SQLite packages is
  // for other versions of Node.
  const kinds = [extent === 'development' ? '--include=dev' : '--omit=dev', '--include=optional'];
  const args = [...command, '--no-audit', '--no-fund', ...kinds, '--engine-strict=false'];
  if ((await runLogged('installing dependencies', npmCommand(), args, logPath, npmEnvironment())) === 0)
    return { sqlite: sqlite.then(takeCompiled) };
  endChildren();
  await sqlite;
  throw new SetupError(`${npmErrorsOf(logPath)}\nnpm ${command[0]} failed; the whole log is ${logPath}`);
}

/**
 * Compiles SQLite from a copy of its package, since npm replaces the whole folder of packages meanwhile; or keeps what
 * was compiled before. A failure says nothing here: it is compiled again where it belongs, and then the reason is
 * printed.
 * @returns {Promise<string | null>} folder of packages with the compiled part
 */
async function compileBeside() {
  const folder = join(ROOT, 'var', 'sqlite');
  const modules = join(folder, 'node_modules');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { packages, ...lock } = readJson(join(ROOT, 'package-lock.json'));
  const needed = lockedClosure(packages, SQLITE_PACKAGE);
  const path = `node_modules/${SQLITE_PACKAGE}`;
  const installed = readJson(join(MODULES, SQLITE_PACKAGE, 'package.json'));
  if (installed?.version === needed[path]?.version && compiledSqliteFault() === null) {
    copyCompiled(MODULES, modules);
    return modules;
  }
  const manifest = { private: true, dependencies: { [SQLITE_PACKAGE]: packages[''].dependencies[SQLITE_PACKAGE] } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ ...lock, packages: { '': manifest, ...needed } }));
  const quiet = ['--prefix', folder, '--no-audit', '--no-fund', '--engine-strict=false'];
  const args = ['ci', '--ignore-scripts', ...quiet];
  try {
    const code = await runLogged('fetching SQLite', npmCommand(), args, COMPILE_LOG, npmEnvironment());
    if (code === 0 && (await runCompiler(['--prefix', folder]))) return modules;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
  }
  return null;
}

/** @param {string | null} modules folder of packages with a compiled part, beside the installed one */
function takeCompiled(modules) {
  if (modules === null) return;
  copyCompiled(modules, MODULES);
  rmSync(dirname(modules), { recursive: true, force: true });
}

/** The compiled part of SQLite. @param {string} from folder of packages @param {string} to another one */
function copyCompiled(from, to) {
  const part = join(SQLITE_PACKAGE, 'build', 'Release', 'better_sqlite3.node');
  if (!existsSync(join(from, part))) return;
  mkdirSync(dirname(join(to, part)), { recursive: true });
  copyFileSync(join(from, part), join(to, part));
}

/**
 * Compiles SQLite if this Node needs it, then loads the native packages in a child process.
 * @returns {Promise<string | null>} the fault, if any
 * @throws {SetupError} when SQLite cannot be compiled
 */
async function nativePartsFault() {
  if (compiledSqliteFault() !== null) await compileSqlite();
  const script = `process.env.ORT_DISABLE_TELEMETRY ??= '1'; const Database = require('${SQLITE_PACKAGE}');
    new Database(':memory:').prepare('SELECT 1').get(); require('onnxruntime-node'); console.log('loaded');`;
  const { code, output } = await capture(process.execPath, ['-e', script]);
  // A native part built for another Node may end the process with exit code 0.
  if (code === 0 && output.trim().endsWith('loaded')) return null;
  const reason = output.trim().split('\n').slice(-12).join('\n');
  return `${reason}\nA native part does not load with ${THIS_NODE} (exit code ${code})`;
}

async function compileSqlite() {
  await runCompiler([]);
  const fault = compiledSqliteFault();
  if (fault === null) return;
  const tools = missingTools();
  const hint = tools.length > 0 ? `install ${tools.join(', ')} and try again, or ` : '';
  throw new SetupError(
    `${tailOf(COMPILE_LOG)}\n${SQLITE_PACKAGE} ${fault}; the whole log is ${COMPILE_LOG}\nTo continue, ${hint}use Node 22.14 or newer, which needs no compiler.`,
  );
}

/**
 * Fetches or compiles the native part, as the package's install script does.
 * @param {string[]} place options of npm
 * @returns {Promise<boolean>} whether the script says that it has succeeded
 */
async function runCompiler(place) {
  await ensureToolchain();
  const args = ['rebuild', SQLITE_PACKAGE, '--ignore-scripts=false', ...place];
  const label = `compiling ${SQLITE_PACKAGE} for ${THIS_NODE}`;
  // The package sets -O3, which takes three times as long to compile. -O2 takes twice as long, for queries that are 6 %
  // faster. The last option wins.
  const flags = process.platform === 'win32' ? {} : { CFLAGS: '-O1', CXXFLAGS: '-O1', JOBS: 'max' };
  const environment = { ...flags, ...ownHeaders(), ...npmEnvironment() };
  return (await runLogged(label, npmCommand(), args, COMPILE_LOG, environment)) === 0;
}

/** This Node's headers, where they are installed beside it; otherwise they are fetched from nodejs.org. */
function ownHeaders() {
  const folder = dirname(dirname(process.execPath));
  const header = readText(join(folder, 'include', 'node', 'node_version.h')) ?? '';
  const part = (/** @type {string} */ name) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(header)?.[1];
  const version = ['MAJOR', 'MINOR', 'PATCH'].map(part).join('.');
  return version === process.versions.node ? { npm_config_nodedir: folder } : {};
}

/** Checks the tools for compiling better-sqlite3 12 where no prebuilt binary is available. */
async function ensureToolchain() {
  const tools = missingTools();
  if (tools.length === 0) return;
  if (await aptInstall(tools)) return;
  print(`note: ${tools.join(', ')} not found; if ${SQLITE_PACKAGE} has to be compiled here, install them first`);
}

function missingTools() {
  if (process.platform === 'win32') return [];
  return ['python3', 'make', 'g++'].filter((tool) => !inPath(tool));
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

/** Puts this Node first in PATH, so that npm and what it compiles use it. */
function npmEnvironment() {
  return { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}` };
}

/** npm appends a page of help to its errors, so the beginning is shown. @param {string} path */
function npmErrorsOf(path) {
  const errors = (readText(path) ?? '').split('\n').filter((line) => line.startsWith('npm error'));
  return errors.length > 0 ? errors.slice(0, 20).join('\n') : tailOf(path);
}
