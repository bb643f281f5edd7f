#!/usr/bin/env node
import { checkInstalled, ensureBuilt, run } from './setup.mjs';

await run(async () => {
  checkInstalled();
  await ensureBuilt();
  const { endProcess, main } = await import('../dist/cli/main.js');
  const code = await main(process.argv.slice(2));
  endProcess(code);
  return code;
});
