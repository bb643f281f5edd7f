import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packageRoot } from './root.ts';
import { launcher, ownCommand, typedWord } from './launcher.ts';

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

const root = packageRoot();
const anywhere = `node ${join(root, 'bin', 'minutehand.mjs')} status`;

it.each([
  ['in its folder', {}, root, 'npx minutehand status'],
  ['elsewhere', {}, '/', anywhere],
  ['in a home', { MINUTEHAND_HOME: '/data/mh' }, root, 'MINUTEHAND_HOME=/data/mh npx minutehand status'],
  ['in an empty setting', { MINUTEHAND_HOME: '' }, root, 'npx minutehand status'],
  [
    'in folders with spaces and quotes',
    { MINUTEHAND_HOME: "/my data/o'hara", MINUTEHAND_CONFIG: '/etc/mh', MINUTEHAND_TOKEN: 'secret' },
    '/',
    `MINUTEHAND_HOME='/my data/o'\\''hara' MINUTEHAND_CONFIG=/etc/mh ${anywhere}`,
  ],
] as const)('a command that is typed %s', (_name, env, folder, expected) => {
  expect(ownCommand('status', { env, folder, platform: 'linux' })).toBe(expected);
});

it('a command for PowerShell sets the variables first', () => {
  const terminal = { env: { MINUTEHAND_HOME: "C:\\o'hara" }, folder: root, platform: 'win32' } as const;
  expect(ownCommand('status', terminal)).toBe("$env:MINUTEHAND_HOME='C:\\o''hara'; npx minutehand status");
});

it.skipIf(process.platform === 'win32')('a shell reads the places back as they are', () => {
  const home = "/tmp/a b'c$d";
  const line = ownCommand('', { env: { MINUTEHAND_HOME: home }, folder: root, platform: 'linux' });
  const shown = execFileSync('sh', ['-c', line.replace('npx minutehand', 'printenv MINUTEHAND_HOME #')]);
  expect(shown.toString().trim()).toBe(home);
});

it('words are quoted where a shell would read them otherwise', () => {
  expect([typedWord('/a/b-c_1.d', 'linux'), typedWord('/a b', 'linux')]).toEqual(['/a/b-c_1.d', "'/a b'"]);
  expect([typedWord('C:\\a', 'win32'), typedWord('C:\\a b', 'win32')]).toEqual(['C:\\a', "'C:\\a b'"]);
});
