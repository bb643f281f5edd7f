/** Prepares a fresh clone: Node, dependencies, build. Uses only Node itself, since nothing is installed yet. */
import { ensureInstalled } from './dependencies.mjs';
import { ensureDashboardBuilt } from './dashboard.mjs';
import { ensureBuilt as ensureProgramsBuilt } from './dist.mjs';
import { ensureDocumentsBuilt } from './documents.mjs';
import { isOnWantedNode, runOnWantedNode } from './node24.mjs';
import { print, SetupError, setupError } from './project.mjs';

export { checkInstalled, ensureInstalled } from './dependencies.mjs';

/** What another user has cloned is built by that one. */
const OF_ANOTHER_USER =
  'Run the command as the user whom it belongs to, or let that user run `npm run build` here first.';

/**
 * Installs what is missing and builds what has changed.
 * @param {import('./dependencies.mjs').Extent} extent
 * @returns {Promise<boolean>} whether there was something to build
 */
export async function ensureReady(extent) {
  await ensureInstalled(extent);
  return ensureBuilt();
}

/**
 * Compiles the programs, bundles the dashboard and builds the documentation.
 * @returns {Promise<boolean>} whether there was something to build
 */
export async function ensureBuilt() {
  const programs = await ensureProgramsBuilt();
  const isFresh = (await ensureDashboardBuilt()) || programs;
  await ensureDocumentsBuilt(programs);
  // Its process would stay as long as this one, which `npm start` uses for weeks.
  if (isFresh) await (await import('esbuild')).stop();
  return isFresh;
}

/**
 * Runs one of the programs in bin/, on the wanted version of Node: a SetupError becomes its message and exit code 1.
 * @param {() => Promise<number>} program returns the exit code
 */
export async function run(program) {
  try {
    process.exitCode = await (isOnWantedNode() ? program() : runOnWantedNode());
  } catch (error) {
    const refusal = refusalOf(error);
    if (!(refusal instanceof SetupError)) throw error;
    show(refusal);
    process.exitCode = 1;
  }
}

/** The error that a user can act on, or the thrown one. @param {unknown} error */
function refusalOf(error) {
  if (isOutOfFiles(error)) return setupError('FILES_EXHAUSTED', error.message);
  const denied = deniedPath(error);
  return denied === null ? error : setupError('FILE_DENIED', denied, OF_ANOTHER_USER);
}

/** What this user may not use, with the system's code. @param {unknown} error */
function deniedPath(error) {
  const { code, path } = /** @type {NodeJS.ErrnoException} */ (error ?? {});
  const isDenied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  return isDenied && path !== undefined ? `${path} (${code})` : null;
}

/**
 * Whether loading the programs needed more open files than are allowed.
 * @param {unknown} error
 * @returns {error is NodeJS.ErrnoException}
 */
function isOutOfFiles(error) {
  return error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE');
}

/** Formats errors like the commands (cli/output.ts). @param {SetupError} error */
function show({ code, message, next }) {
  if (code === null) return print(message);
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: { code, message, next } })}\n`);
  print(`${code}: ${message}\n  → ${next}`);
}
