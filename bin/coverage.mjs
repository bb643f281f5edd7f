#!/usr/bin/env node
/**
 * `npm run coverage`: the unit tests and the quick tests of servers, with the coverage of the whole program and its
 * floor (vitest.config.ts). Files that no test loads count as not covered; so does what runs only in processes that
 * tests start.
 */
import { SLOW_FILES } from './parts.mjs';
import { ensureReady, run } from './setup.mjs';
import { conclude, testsHold } from './steps.mjs';

const PROJECTS = ['unit', 'server'].flatMap((name) => ['--project', name]);

await run(async () => {
  await ensureReady('development');
  const env = { COVERAGE_OF: 'everything', TESTS_ELSEWHERE: Object.keys(SLOW_FILES).join(',') };
  await testsHold('tests with coverage of everything', [...PROJECTS, '--coverage', ...process.argv.slice(2)], { env });
  return conclude();
});
