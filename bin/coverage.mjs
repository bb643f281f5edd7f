#!/usr/bin/env node
/**
 * `npm run coverage`: the unit tests, those of servers, and all of the folders that have a floor of their own, with the
 * coverage of the whole program and its floors (vitest.config.ts). Files that no test loads count as not covered; so
 * does what runs only in processes that tests start.
 */
import { ensureReady, run } from './setup.mjs';
import { conclude, testsHold } from './steps.mjs';

const TESTS = [
  '.unit.test.ts',
  '.server.test.ts',
  'shared/core/',
  'shared/strategies/',
  'daemon/',
  'trainer/learning/gates/',
  'trainer/learning/strategies/direction/gates/',
  'trainer/learning/training/adoption_gates.chain.test.ts',
  'test/journal_retention.chain.test.ts',
];

await run(async () => {
  await ensureReady('development');
  await testsHold('tests with coverage', ['--coverage', ...TESTS, ...process.argv.slice(2)]);
  return conclude();
});
