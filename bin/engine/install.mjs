/** Installation of the server engine, for `npm run engine` and for tests. */
import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { npmCommand } from '../dependencies.mjs';
import { runLogged, tailOf } from '../programs.mjs';
import { LOG_FOLDER, ROOT, SetupError, alone, readJson } from '../project.mjs';
import { ENGINE, keepBuild } from './keep_build.mjs';

/** Has the lock file, and the engine once it is installed. */
export const ENGINE_FOLDER = join(ROOT, 'bin', 'engine');
const LOCK_FILES = ['package.json', 'package-lock.json'];

/**
 * Installs the engine unless this version of it is there and loads.
 * @param {string} folder gets `node_modules` with the engine alone
 * @param {string} [node] the Node that is to load it
 * @returns {Promise<boolean>} whether it was not there
 * @throws {SetupError}
 */
export async function ensureEngine(folder, node = process.execPath) {
  const modules = join(folder, 'node_modules');
  const { packages } = readJson(join(ENGINE_FOLDER, 'package-lock.json'));
  const { version } = packages[`node_modules/${ENGINE}`];
  const isThere = () =>
    readJson(join(modules, ENGINE, 'package.json'))?.version === version && faultOf(modules, node) === null;
  if (isThere()) return false;
  return alone('the server engine', async () => {
    // Another process may have installed it meanwhile.
    if (isThere()) return false;
    // Beside the one that may be in use, and in its place at once.
    const fresh = join(folder, 'fresh');
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    try {
      for (const name of LOCK_FILES) copyFileSync(join(ENGINE_FOLDER, name), join(fresh, name));
      const args = ['ci', '--prefix', fresh, '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
      const log = join(LOG_FOLDER, 'engine.log');
      if ((await runLogged(`fetching ${ENGINE} ${version}`, npmCommand(), args, log)) !== 0)
        throw new SetupError(`${tailOf(log)}\n${ENGINE} was not fetched; the whole log is ${log}`);
      const fault = faultOf(join(fresh, 'node_modules'), node);
      if (fault !== null) throw new SetupError(`${ENGINE} does not load: ${fault}`);
      rmSync(modules, { recursive: true, force: true });
      renameSync(join(fresh, 'node_modules'), modules);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
    return true;
  });
}

/** @param {string} modules @param {string} node @returns {string | null} why that Node does not load it */
function faultOf(modules, node) {
  try {
    keepBuild(modules, node);
    return null;
  } catch (error) {
    // The loader's own words are the last of them.
    const errors = String(error.stderr ?? '')
      .split('\n')
      .filter((line) => line.startsWith('Error: '));
    return errors.at(-1) ?? error.message;
  }
}
