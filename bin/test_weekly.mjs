#!/usr/bin/env node
/**
 * The test files of test/weekly.ts in their long form: statistics of hundreds of seeds, more kills, more months of
 * bars. Arguments replace the list of files.
 */
import { ensureReady, run } from './setup.mjs';
import { conclude, testsHold } from './steps.mjs';

await run(async () => {
  await ensureReady('development');
  const { WEEKLY } = await import('../test/weekly.ts');
  // Those of Windows are part of `npm run test:windows`.
  const files = Object.keys(WEEKLY).filter((file) => !file.startsWith('test/windows/'));
  const given = process.argv.slice(2);
  await testsHold('weekly tests', given.length > 0 ? given : files, { env: { MINUTEHAND_WEEKLY: '1' } });
  return conclude();
});
