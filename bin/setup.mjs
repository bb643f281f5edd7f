/**
 * Brings a fresh clone to the point where it can run: dependencies, native parts, build. Plain Node without
 * dependencies, since nothing is installed yet.
 */
import { SetupError, say } from './project.mjs';

export { ensureInstalled } from './dependencies.mjs';
export { ensureBuilt } from './dist.mjs';

const NODE_AT_LEAST = [20, 15];

/**
 * Runs one of the programs in bin/: a SetupError becomes its message and exit code 1.
 * @param {() => Promise<number>} program gives the exit code
 */
export async function run(program) {
  try {
    checkNode();
    process.exitCode = await program();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [wantedMajor, wantedMinor] = NODE_AT_LEAST;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  throw new SetupError(
    `minutehand needs Node ${NODE_AT_LEAST.join('.')} or newer; this is ${process.version} (${process.execPath}).\n` +
      'Install it from https://nodejs.org, or with a version manager: nvm install 20',
  );
}
