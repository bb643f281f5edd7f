#!/usr/bin/env node
import { checkInstalled, ensureBuilt, run } from './setup.mjs';

/** Time, in ms, in which output and locks are released after an error. */
const EXIT_GRACE_MS = 5000;

await run(async () => {
  checkInstalled();
  await ensureBuilt();
  const { main } = await import('../dist/cli/main.js');
  const code = await main(process.argv.slice(2));
  // A command that failed has nothing left to do: a connection or thread that it left open must not keep the process.
  if (code !== 0) setTimeout(() => process.exit(code), EXIT_GRACE_MS).unref();
  return code;
});
