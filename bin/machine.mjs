/** Software installed on this machine and, on Debian and Ubuntu, installation of packages. */
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { LOG_FOLDER, readText, print } from './project.mjs';
import { runLogged, tailOf } from './programs.mjs';

let listsAreNew = false;

/**
 * Installs Debian packages, only as root on Debian or Ubuntu. Starts no service.
 * @param {string[]} packages
 * @returns {Promise<boolean>} false if not possible or failed (the reason has been printed)
 */
export async function aptInstall(packages) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !inPath('apt-get')) return false;
  const logPath = join(LOG_FOLDER, 'apt.log');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = { file: 'apt-get', first: ['-y', '-o', 'DPkg::Lock::Timeout=120'] };
  return withServicesHeldBack(async () => {
    // A failed update (one source may be down) does not mean that the package lists are useless.
    if (!listsAreNew) listsAreNew = (await runLogged('updating package lists', apt, ['update'], logPath, env)) === 0;
    const args = ['install', '--no-install-recommends', ...packages];
    if ((await runLogged(`installing ${packages.join(', ')}`, apt, args, logPath, env)) === 0) return true;
    print(`${tailOf(logPath)}\napt-get could not install ${packages.join(', ')}; the whole log is ${logPath}`);
    return false;
  });
}

const CLUSTER_SETTINGS = '/etc/postgresql-common/createcluster.conf';

/**
 * Installs the PostgreSQL server without Debian's default cluster: tests start their own servers.
 * @returns {Promise<boolean>} as `aptInstall`
 */
export async function aptInstallPostgres() {
  // This package contains the settings that the next one reads.
  if (!(await aptInstall(['postgresql-common']))) return false;
  const settings = existsSync(CLUSTER_SETTINGS) ? readFileSync(CLUSTER_SETTINGS, 'utf8') : null;
  if (settings === null) return aptInstall(['postgresql']);
  const restore = () => writeFileSync(CLUSTER_SETTINGS, settings);
  writeFileSync(CLUSTER_SETTINGS, `${settings}\ncreate_main_cluster = false\n`);
  process.once('exit', restore);
  try {
    return await aptInstall(['postgresql']);
  } finally {
    restore();
    process.off('exit', restore);
  }
}

const POSTGRES_FOLDER = '/usr/lib/postgresql';

/** Whether the programs of a PostgreSQL server are in PATH or in Debian's folder. */
export function hasPostgres() {
  if (['initdb', 'postgres'].every(inPath)) return true;
  if (!existsSync(POSTGRES_FOLDER)) return false;
  return readdirSync(POSTGRES_FOLDER).some((version) =>
    ['initdb', 'postgres'].every((name) => existsSync(join(POSTGRES_FOLDER, version, 'bin', name))),
  );
}

/**
 * Debian starts a service when its package is installed, unless this file forbids it.
 * @template T
 * @param {() => Promise<T>} work
 */
async function withServicesHeldBack(work) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return work();
  const remove = () => rmSync(policy, { force: true });
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  process.once('exit', remove);
  try {
    return await work();
  } finally {
    remove();
    process.off('exit', remove);
  }
}

/** @param {string} program */
export function inPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, program)));
}

/**
 * Processes that have mapped a file below `folder`, such as a package's native part. Linux only; those of other users
 * only for root.
 * @param {string} folder
 * @returns {number[]}
 */
export function processesUsing(folder) {
  if (process.platform !== 'linux' || !existsSync(folder)) return [];
  const below = `${realpathSync(folder)}/`;
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && readText(`/proc/${pid}/maps`)?.includes(` ${below}`));
}
