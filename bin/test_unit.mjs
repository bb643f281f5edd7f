#!/usr/bin/env node
/**
 * Unit tests: the files that start no servers and no programs of this project (vitest.config.ts). `npm test` runs the
 * others too. Arguments are passed to vitest.
 */
import { conclude, testsHold } from './steps.mjs';
import { print } from './project.mjs';
import { ensureReady, run } from './setup.mjs';

/** Budget on two idle cores. */
const BUDGET_SECONDS = 240;

await run(async () => {
  await ensureReady('development');
  const startMs = performance.now();
  await testsHold('unit tests', ['.unit.test.ts', ...process.argv.slice(2)]);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  print(`The unit tests took ${seconds} s; the budget is ${BUDGET_SECONDS} s on two idle cores.`);
  return conclude();
});
