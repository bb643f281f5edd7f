#!/usr/bin/env node
import { checkInstalled, ensureBuilt, run } from './setup.mjs';

await run(async () => {
  checkInstalled();
  await ensureBuilt();
  const { main } = await import('../dist/cli/main.js');
  return main(process.argv.slice(2));
});
