import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { asTyped, elsewhereTyped, typedWord } from './typed_command.ts';

const NPX = { npm_lifecycle_script: 'minutehand "status"' };
const START = { npm_lifecycle_script: 'node bin/start.mjs' };

it('commands in texts have npx before them where the program was started by it, or by npm start', () => {
  const text = '`minutehand bars undo 2` takes it back; or: minutehand models promote 1.';
  for (const env of [NPX, START])
    expect(asTyped(text, env)).toBe('`npx minutehand bars undo 2` takes it back; or: npx minutehand models promote 1.');
  expect(asTyped('`minutehand --json status`', NPX)).toBe('`npx minutehand --json status`');
});

it('they stay as they are where the program was started by its name, or by a test', () => {
  for (const env of [{}, { npm_lifecycle_script: 'vitest run' }, { npm_lifecycle_script: 'node bin/test.mjs' }])
    expect(asTyped('`minutehand status`', env)).toBe('`minutehand status`');
});

it('what is no command stays', () => {
  for (const text of [
    'minutehand is up on a SIMULATED market',
    '`npx minutehand status`',
    'systemctl start minutehand.target',
    '/opt/minutehand up.sh',
    'minutehand-trainer stop',
    'minutehand trains models',
  ])
    expect(asTyped(text, NPX)).toBe(text);
});

it.each([
  ['in the default home', {}, 'minutehand status'],
  ['in a home', { MINUTEHAND_HOME: '/data/mh' }, 'MINUTEHAND_HOME=/data/mh minutehand status'],
  ['with an empty setting', { MINUTEHAND_HOME: '' }, 'minutehand status'],
  [
    'with spaces, quotes and a secret',
    { MINUTEHAND_HOME: "/my data/o'hara", MINUTEHAND_CONFIG: '/etc/mh', MINUTEHAND_TOKEN: 'secret' },
    `MINUTEHAND_HOME='/my data/o'\\''hara' MINUTEHAND_CONFIG=/etc/mh minutehand status`,
  ],
] as const)('a command for a second terminal, %s', (_name, env, expected) => {
  expect(elsewhereTyped('status', env, 'linux')).toBe(expected);
  expect(asTyped(elsewhereTyped('status', env, 'linux'), NPX)).toBe(
    expected.replace(' minutehand', ' npx minutehand').replace(/^minutehand/, 'npx minutehand'),
  );
});

it('a command for PowerShell sets the variables first', () => {
  const typed = elsewhereTyped('status', { MINUTEHAND_HOME: "C:\\o'hara" }, 'win32');
  expect(typed).toBe("$env:MINUTEHAND_HOME='C:\\o''hara'; minutehand status");
});

it.skipIf(process.platform === 'win32')('a shell reads the places back as they are', () => {
  const home = "/tmp/a b'c$d";
  const line = elsewhereTyped('', { MINUTEHAND_HOME: home }, 'linux');
  const shown = execFileSync('sh', ['-c', line.replace('minutehand', 'printenv MINUTEHAND_HOME #')]);
  expect(shown.toString().trim()).toBe(home);
});

it('words are quoted where a shell would read them otherwise', () => {
  expect([typedWord('/a/b-c_1.d', 'linux'), typedWord('/a b', 'linux')]).toEqual(['/a/b-c_1.d', "'/a b'"]);
  expect([typedWord('C:\\a', 'win32'), typedWord('C:\\a b', 'win32')]).toEqual(['C:\\a', "'C:\\a b'"]);
});
