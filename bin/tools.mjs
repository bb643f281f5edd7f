#!/usr/bin/env node
/** `npm run tools`: installs what tests, linters, benchmarks and generated documents need. */
import { ensureInstalled, run } from './setup.mjs';

await run(async () => {
  await ensureInstalled('development');
  return 0;
});
