import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { ENGINE_FLAGS } from './engine.ts';

it('the engine is given only options that this version of it knows', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  for (const flag of ENGINE_FLAGS) expect(known).toContain(`${flag.replace('--no-', '--').replace(/=.*/, '')} `);
});
