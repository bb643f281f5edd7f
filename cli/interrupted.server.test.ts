import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

it('a training answers Ctrl-C at once, says what is kept, and ends by the signal, which a shell shows as 130', async () => {
  const home = mkdtempSync(join(tmpdir(), 'interrupted-'));
  const data = join(home, 'bars');
  mkdirSync(data);
  // Bars that never come: the training reads them when this side of the pipe opens.
  execFileSync('mkfifo', [join(data, 'XAUUSD.csv')]);
  const program = join(packageRoot(), 'bin', 'minutehand.mjs');
  const env = { ...process.env, MINUTEHAND_HOME: home };
  const child = spawn(process.execPath, [program, 'train', '--data', data], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr!.on('data', (part: Buffer) => (text += part.toString()));
  const pipe = await open(join(data, 'XAUUSD.csv'), 'w');
  const askedMs = performance.now();
  child.kill('SIGINT');
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  await pipe.close();
  expect({ signal, text }).toMatchObject({ signal: 'SIGINT' });
  expect(text).toContain('Interrupted.');
  expect(text).toMatch(/No bundle was written, and the active models stay/);
  expect(text).toContain(join(home, 'cache', 'dataset'));
  expect(performance.now() - askedMs).toBeLessThan(5000);
  expect(existsSync(join(home, 'models', 'active.json'))).toBe(false);
  rmSync(home, { recursive: true, force: true });
});
