#!/usr/bin/env node
import { ensureReady, run } from './setup.mjs';

await run(async () => {
  await ensureReady('programs');
  // In this process, so that Ctrl-C reaches it and its exit code is npm's.
  const { endProcess, main } = await import('../dist/cli/main.js');
  const code = await main(['up', ...process.argv.slice(2)]);
  endProcess(code);
  return code;
});
