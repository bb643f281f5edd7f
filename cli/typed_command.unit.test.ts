import { expect, it } from 'vitest';
import { asTyped } from './typed_command.ts';

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
