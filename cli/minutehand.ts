/*
 * The compiled command line, for services: unlike bin/minutehand.mjs it neither installs nor builds, so it needs no
 * write access to the package.
 */
import { describeError, knownError } from '../shared/errors.ts';

/** Time, in ms, in which output and locks are released after an error. */
const EXIT_GRACE_MS = 5000;

/** Imports the command line dynamically: an import that runs out of file descriptors is reported with its code. */
async function run(): Promise<number> {
  try {
    const { main } = await import('./main.ts');
    return await main(process.argv.slice(2));
  } catch (error) {
    const known = knownError(error);
    if (known === null) throw error;
    const { code: name, message, next } = describeError(known);
    process.stderr.write(`${name}: ${message}\n  → ${next}\n`);
    return 1;
  }
}

const code = await run();
process.exitCode = code;
// A command that failed has nothing left to do: a connection or thread that it left open must not keep the process.
if (code !== 0) setTimeout(() => process.exit(code), EXIT_GRACE_MS).unref();
