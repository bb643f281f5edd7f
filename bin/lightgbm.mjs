/**
 * LightGBM's shared library, for the tests of that engine. Debian has no package of it; npm's `lightgbm` contains the
 * source, which takes 2.5 minutes to compile on two cores. It is compiled once and kept in node_modules/.cache.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { npmCommand } from './dependencies.mjs';
import { aptInstall, inPath } from './machine.mjs';
import { LOG_FOLDER, MODULES, alone, print } from './project.mjs';
import { runLogged, tailOf } from './programs.mjs';

const VERSION = '1.0.27';
/** SHA-512 of the package in base64, from the registry. */
const INTEGRITY = '4E/Gjr3FqQl9U3z0BMuuViTlvO7T9oGMcfa3Jp2MRyKWWSJxFPs7xDTlzrEaBBG6iA69S/AcGn1lgMCuZT8qsg==';
const LIBRARY = 'lib_lightgbm.so';
const FOLDER = join(MODULES, '.cache', `lightgbm-${VERSION}-${process.platform}-${process.arch}`);

/** @returns {string | null} the library if it has been compiled here before */
export function compiledLightgbm() {
  const path = join(FOLDER, LIBRARY);
  return existsSync(path) ? path : null;
}

/**
 * Compiles the library unless that was done before. Needs Linux, npm's registry, tar, make, a C++ compiler and cmake.
 * @returns {Promise<string | null>} its path; null if it cannot be compiled, with the reason on stderr
 */
export async function ensureLightgbm() {
  return compiledLightgbm() ?? alone('lightgbm', async () => compiledLightgbm() ?? compile());
}

async function compile() {
  if (process.platform !== 'linux') return refused(`LightGBM is compiled on Linux only, this is ${process.platform}`);
  const missing = ['cmake', 'make', 'g++'].filter((tool) => !inPath(tool));
  if (missing.length > 0 && !(await aptInstall(missing)))
    return refused(`LightGBM is not compiled: ${missing.join(', ')} not found`);
  const work = `${FOLDER}.${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    return await compileIn(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @param {string} work an empty folder, removed afterward */
async function compileIn(work) {
  const npm = npmCommand();
  const archive = join(work, `lightgbm-${VERSION}.tgz`);
  const pack = ['pack', `lightgbm@${VERSION}`, '--ignore-scripts', '--pack-destination', work];
  if (!(await done('fetching the source of LightGBM', npm, pack))) return null;
  const found = createHash('sha512').update(readFileSync(archive)).digest('base64');
  if (found !== INTEGRITY) return refused(`lightgbm@${VERSION} has SHA-512 ${found}, expected ${INTEGRITY}`);
  const source = join(work, 'package', 'dependencies', 'LightGBM');
  const build = join(work, 'build');
  const configure = ['-S', source, '-B', build, '-DCMAKE_BUILD_TYPE=Release', '-DBUILD_CLI=OFF'];
  const make = ['-n', '10', 'cmake', '--build', build, '--target', '_lightgbm', '-j', String(availableParallelism())];
  const isBuilt =
    (await done('unpacking LightGBM', { file: 'tar', first: [] }, ['xzf', archive, '-C', work])) &&
    (await done('configuring LightGBM', { file: 'cmake', first: [] }, configure)) &&
    (await done('compiling LightGBM (minutes, once)', { file: 'nice', first: [] }, make));
  if (!isBuilt) return null;
  mkdirSync(FOLDER, { recursive: true });
  renameSync(join(source, LIBRARY), join(FOLDER, LIBRARY));
  return compiledLightgbm();
}

/** @param {string} label @param {import('./programs.mjs').Command} command @param {string[]} args */
async function done(label, command, args) {
  const logPath = join(LOG_FOLDER, 'lightgbm.log');
  if ((await runLogged(label, command, args, logPath)) === 0) return true;
  print(`${tailOf(logPath)}\n${label} failed; the whole log is ${logPath}`);
  return false;
}

/** @param {string} reason */
function refused(reason) {
  print(reason);
  return null;
}
