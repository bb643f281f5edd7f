import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packageRoot } from './root.ts';
import { launcher } from './launcher.ts';

let startedAs: string;
beforeEach(() => {
  startedAs = process.argv[1]!;
});
afterEach(() => {
  process.argv[1] = startedAs;
});

// A service may not write to the program folder, so none of its child processes may build.
it.each([
  ['/opt/minutehand/dist/cli/minutehand.js', 'dist/cli/minutehand.js'],
  ['/opt/minutehand/bin/minutehand.mjs', 'bin/minutehand.mjs'],
  ['/opt/minutehand/node_modules/.bin/minutehand', 'bin/minutehand.mjs'],
])('started as %s, this program starts %s', (path, expected) => {
  process.argv[1] = path;
  expect(launcher()).toEqual([process.execPath, join(packageRoot(), expected)]);
});
