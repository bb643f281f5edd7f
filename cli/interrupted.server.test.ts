import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

it('a training answers Ctrl-C at once, says what is kept, and ends by the signal, which a shell shows as 130', async () => {
  const home = mkdtempSync(join(tmpdir(), 'interrupted-'));
  // A store that never answers: the training waits for its bars.
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const program = join(packageRoot(), 'bin', 'minutehand.mjs');
  const env = { ...process.env, MINUTEHAND_HOME: home, MINUTEHAND_DATABASE_URL: `postgres://x@127.0.0.1:${port}/x` };
  const child = spawn(process.execPath, [program, 'train'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr!.on('data', (part: Buffer) => (text += part.toString()));
  const [connection] = (await once(silent, 'connection')) as [{ destroy(): void }];
  const askedMs = performance.now();
  child.kill('SIGINT');
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  connection.destroy();
  silent.close();
  expect({ signal, text }).toMatchObject({ signal: 'SIGINT' });
  expect(text).toContain('Interrupted.');
  expect(text).toMatch(/No bundle was written, and the active models stay/);
  expect(text).toContain(join(home, 'cache', 'dataset'));
  expect(performance.now() - askedMs).toBeLessThan(5000);
  expect(existsSync(join(home, 'models', 'active.json'))).toBe(false);
  rmSync(home, { recursive: true, force: true });
});
