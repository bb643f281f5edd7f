#!/usr/bin/env node
/**
 * Measures the slow test files again (test/slow_files.json): `node bin/slow_files.mjs LOG…` reads what runs of
 * `CI=true npm test` printed, of several parts, the newest last. Files that no log has keep their seconds; files that
 * became quick leave the list, files that became slow enter it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInEveryRun, secondsOfFiles, SLOW_FILES, SLOW_SECONDS } from './parts.mjs';
import { ONLY_LONG } from './only_long.mjs';
import { ROOT, print } from './project.mjs';

const logs = process.argv.slice(2);
if (logs.length === 0) {
  print('Give the files with the output of CI: node bin/slow_files.mjs LOG…');
  process.exit(2);
}
const measured = logs.map((log) => secondsOfFiles(readFileSync(log, 'utf8')));
const seconds = Object.entries(Object.assign({ ...SLOW_FILES }, ...measured));
const slow = seconds
  .filter(([file, took]) => took >= SLOW_SECONDS && !isInEveryRun(file) && !ONLY_LONG.includes(file))
  .sort(([one, a], [other, b]) => b - a || (one < other ? -1 : 1));
writeFileSync(join(ROOT, 'test', 'slow_files.json'), `${JSON.stringify(Object.fromEntries(slow), null, 2)}\n`);
print(`${slow.length} slow test files: ${slow.reduce((sum, [, took]) => sum + took, 0)} s.`);
