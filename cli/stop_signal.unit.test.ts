import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { askToStop } from './stop_signal.ts';

it('requests the end of a process by a message on Windows, where a signal would kill it, and by SIGTERM elsewhere', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-stop-'));
  const program = join(folder, 'program.mjs');
  writeFileSync(
    program,
    `process.on('message', (message) => process.exit(message === 'stop' ? 11 : 13));
     process.on('SIGTERM', () => process.exit(12));
     process.send('ready');`,
  );
  const endOf = async (platform: NodeJS.Platform): Promise<unknown> => {
    const child = fork(program);
    await once(child, 'message');
    const ended = once(child, 'close');
    askToStop(child, platform);
    const [code] = (await ended) as [number | null];
    // It has ended: asking again does no harm.
    askToStop(child, platform);
    return code;
  };
  expect([await endOf('win32'), await endOf('linux')]).toEqual([11, 12]);
  rmSync(folder, { recursive: true });
});
