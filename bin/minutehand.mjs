#!/usr/bin/env node
import { checkInstalled, ensureBuilt, run } from './setup.mjs';

await run(async () => {
  checkInstalled();
  await ensureBuilt();
  const { main } = await import('../dist/cli/main.js');
  const { endProcess } = await import('../dist/cli/process_end.js');
  const code = await main(process.argv.slice(2));
  endProcess(code);
  return code;
});
