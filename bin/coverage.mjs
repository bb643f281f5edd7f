#!/usr/bin/env node
/**
 * `npm run coverage`: the unit tests with the coverage of the whole program, and its floor (vitest.config.ts). Files
 * that no test loads count as not covered; so does what only programs run that other tests start.
 */
import { ensureReady, run } from './setup.mjs';
import { conclude, testsHold } from './steps.mjs';

await run(async () => {
  await ensureReady();
  const env = { COVERAGE_OF: 'everything' };
  await testsHold('unit tests with coverage', ['--project', 'unit', '--coverage', ...process.argv.slice(2)], { env });
  return conclude();
});
