/** Builds the documentation: the pages of docs/ and those that code knows. A trainer serves it at /docs. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { runLogged, tailOf } from './programs.mjs';
import { LOG_FOLDER, ROOT, SetupError, alone, print } from './project.mjs';

const BUILT = join(ROOT, 'var', 'docs');
const LOG = join(LOG_FOLDER, 'docs.log');

/**
 * Builds var/docs after the programs were built. A failure is only reported: nothing else needs the pages.
 * @param {boolean} isFresh whether the programs have been built just now
 */
export async function ensureDocumentsBuilt(isFresh) {
  if (!isFresh && isThere(join(BUILT, 'README.md'))) return;
  await alone('documentation', () => buildDocuments(BUILT)).catch((/** @type {Error} */ error) => print(error.message));
}

/** @param {string} out @throws {SetupError} */
export async function buildDocuments(out) {
  const program = { file: process.execPath, first: [join(ROOT, 'dist', 'cli', 'minutehand.js')] };
  if ((await runLogged('documentation', program, ['docs', '--out', out], LOG)) !== 0)
    throw new SetupError(`${tailOf(LOG)}\nthe documentation was not built; the whole log is ${LOG}`);
}

/** Whether a file is there; one that this user may not see has been built by another. @param {string} path */
function isThere(path) {
  try {
    statSync(path);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT';
  }
}
