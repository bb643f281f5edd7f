/*
 * The compiled command line, for services: unlike bin/minutehand.mjs it neither installs nor builds, so it needs no
 * write access to the package.
 */
import { main } from './main.ts';

/** Time, in ms, in which output and locks are released after an error. */
const EXIT_GRACE_MS = 5000;

const code = await main(process.argv.slice(2));
process.exitCode = code;
// A command that failed has nothing left to do: a connection or thread that it left open must not keep the process.
if (code !== 0) setTimeout(() => process.exit(code), EXIT_GRACE_MS).unref();
