#!/usr/bin/env node
import { print } from './project.mjs';
import { ensureReady, run } from './setup.mjs';

await run(async () => {
  if (!(await ensureReady('programs'))) print('dist/ is up to date');
  return 0;
});
