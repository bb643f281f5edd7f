#!/usr/bin/env node
/** `npm run bench`: every part of the benchmark, or those of `--parts`; see bench/bench.ts. */
import { ensureReady, run } from './setup.mjs';

await run(async () => {
  await ensureReady('development');
  await import('../dist/bench/bench.js');
  return Number(process.exitCode ?? 0);
});
