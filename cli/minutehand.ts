/*
 * The compiled command line, for services: unlike bin/minutehand.mjs it neither installs nor builds, so it needs no
 * write access to the package.
 */
import { describeError, knownError, MinutehandError } from '../shared/errors.ts';

/** SQLite ends an older Node without a message. */
const LEAST_NODE_API = 10;

/** Imports the command line dynamically: an import that runs out of file descriptors is reported with its code. */
async function run(): Promise<number> {
  try {
    if (Number(process.versions.napi) < LEAST_NODE_API)
      throw new MinutehandError('NODE_UNSUPPORTED', { seen: `Node ${process.versions.node}, ${process.execPath}` });
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
try {
  const { endProcess } = await import('./process_end.ts');
  endProcess(code);
} catch {
  // Out of file descriptors, which `run` has reported.
}
