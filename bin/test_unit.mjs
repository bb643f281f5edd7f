#!/usr/bin/env node
/** The quick tests: those that start no program. Arguments go to vitest. */
import { conclude, testsHold } from './steps.mjs';
import { ensureBuilt, ensureInstalled, run } from './setup.mjs';

await run(async () => {
  await ensureInstalled();
  await ensureBuilt();
  await testsHold('unit tests', ['--project', 'together', ...process.argv.slice(2)]);
  return conclude();
});
