#!/usr/bin/env node
import { ensureBuilt, ensureInstalled, run } from './setup.mjs';

await run(async () => {
  await ensureInstalled();
  await ensureBuilt();
  const { main } = await import('../dist/cli/main.js');
  return main(process.argv.slice(2));
});
