/** The package with builds of uWebSockets.js: for what it has them, and how one of them is kept. */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const ENGINE = '@btc-vision/uwebsockets.js';

/** `process.versions.modules` of the versions of Node that the package has builds for. */
const NODES = new Map([
  ['115', 20],
  ['127', 22],
  ['137', 24],
  ['141', 25],
]);
const MACHINES = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64', 'win32-x64'];
/** What the builds for Linux need of it. */
const GLIBC = [2, 38];

/**
 * Of a Node. `glibc` is null where there is none (musl, macOS, Windows).
 * @typedef {{ node: string, modules: string, machine: string, glibc: string | null }} Runtime
 */

/** @returns {Runtime} of this process */
export function thisRuntime() {
  // Otherwise the report looks up the names of all connections.
  if (process.report) process.report.excludeNetwork = true;
  const glibc = process.report?.getReport().header.glibcVersionRuntime ?? null;
  const { node, modules } = process.versions;
  return { node, modules, machine: `${process.platform}-${process.arch}`, glibc };
}

/** @param {Runtime} runtime @returns {string | null} why the package has no build that loads there */
export function engineMisfit({ node, modules, machine, glibc }) {
  if (!MACHINES.includes(machine)) return `there is no build for ${machine}`;
  if (!NODES.has(modules)) return `there is no build for Node ${node}, only for ${[...NODES.values()].join(', ')}`;
  if (!machine.startsWith('linux-')) return null;
  const needed = GLIBC.join('.');
  if (glibc === null) return `this C library is not glibc, and its build needs glibc ${needed}`;
  const [major, minor] = glibc.split('.').map(Number);
  if (major > GLIBC[0] || (major === GLIBC[0] && minor >= GLIBC[1])) return null;
  return `this machine has glibc ${glibc}, and its build needs ${needed} or newer (Debian 13, Ubuntu 24.04)`;
}

/**
 * Removes all builds but the one that `node` loads.
 * @param {string} modules folder of packages
 * @param {string} node the Node that is to load it
 * @throws {Error} when that Node does not load it
 */
export function keepBuild(modules, node = process.execPath) {
  const folder = resolve(modules, ENGINE);
  // In a process of its own: a loaded file cannot be moved on Windows.
  const script = `require(${JSON.stringify(folder)}); console.log('uws_' + process.platform + '_' + process.arch + '_' + process.versions.modules + '.node')`;
  const build = execFileSync(node, ['-e', script], { encoding: 'utf8', stdio: 'pipe' }).trim();
  for (const name of readdirSync(folder)) if (name.endsWith('.node') && name !== build) rmSync(join(folder, name));
}
