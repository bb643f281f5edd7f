#!/usr/bin/env node
import { say } from './project.mjs';
import { ensureBuilt, ensureInstalled, run } from './setup.mjs';

await run(async () => {
  await ensureInstalled();
  if (!(await ensureBuilt())) say('dist/ is up to date');
  return 0;
});
