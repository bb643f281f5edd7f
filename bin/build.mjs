#!/usr/bin/env node
import { print } from './project.mjs';
import { ensureBuilt, ensureInstalled, run } from './setup.mjs';

await run(async () => {
  await ensureInstalled();
  if (!(await ensureBuilt())) print('dist/ is up to date');
  return 0;
});
