import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { leaveSettingsOut } from './own_environment.ts';

it('tests and the programs that they start inherit no settings of the shell', () => {
  const env = { PATH: '/bin', MINUTEHAND_HOME: '/mine', MINUTEHAND_TOKEN: 'secret', MINUTEHAND_WEEKLY: '1' };
  expect(leaveSettingsOut(env)).toEqual(['MINUTEHAND_HOME', 'MINUTEHAND_TOKEN']);
  expect(env).toEqual({ PATH: '/bin', MINUTEHAND_WEEKLY: '1' });
  expect(leaveSettingsOut(process.env)).toEqual([]);
});

it('the configuration of the tests leaves them out before any test starts', () => {
  const root = packageRoot();
  const program = `
    process.env.MINUTEHAND_HOME = '/mine';
    const { loadConfigFromFile } = await import('vite');
    await loadConfigFromFile({ command: 'serve', mode: 'test' }, ${JSON.stringify(join(root, 'vitest.config.ts'))});
    process.stdout.write(JSON.stringify(Object.keys(process.env).filter((name) => name === 'MINUTEHAND_HOME')));`;
  const seen = execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root, encoding: 'utf8' });
  expect(seen).toBe('[]');
});
