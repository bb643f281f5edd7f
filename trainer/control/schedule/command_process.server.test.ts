import { availableParallelism, getPriority } from 'node:os';
import { expect, it } from 'vitest';
import { startCommand } from './command_process.ts';

/**
 * Prints nice value and scheduling policy (proc_pid_stat(5)), processors and session weight of the process, which
 * begins before its parent has lowered its priority.
 */
const PROGRAM = `sleep 0.5; cut -d ' ' -f 19,41 /proc/$$/stat; nproc; cat /proc/self/autogroup || echo none`;
const SCHED_IDLE = 5;

async function processOf(yields: boolean): Promise<string[]> {
  const { answer } = await startCommand({ command: ['sh', '-c', PROGRAM], yields, onProgress: () => undefined }).ended;
  return answer.trim().split('\n');
}

it.skipIf(process.platform !== 'linux')('leaves a core free and all others to whoever needs them', async () => {
  const cores = availableParallelism();
  const [priority, own, session] = await processOf(true);
  expect([priority, own]).toEqual([`${Math.max(getPriority(), 10)} ${SCHED_IDLE}`, String(Math.max(1, cores - 1))]);
  expect(session).toMatch(/nice 19$|^none$/);
  expect((await processOf(false)).slice(0, 2)).toEqual([`${getPriority()} 0`, String(cores)]);
});

it('reports a program that does not exist as one that did not end well', async () => {
  const { code, lastLine } = await startCommand({ command: ['/does/not/exist'], onProgress: () => undefined }).ended;
  expect(code).not.toBe(0);
  if (code !== null) expect(lastLine).toContain('/does/not/exist');
});

it.skipIf(process.platform === 'win32')(
  'passes on remarks of a command, and takes none for its last line',
  async () => {
    const notes: string[] = [];
    const program = `echo '{"note":"epoch 3 calls up in 80 %"}' >&2; echo 'the end' >&2; echo '{"note":1}' >&2`;
    const { ended } = startCommand({
      command: ['sh', '-c', program],
      onProgress: () => undefined,
      onNote: (text) => notes.push(text),
    });
    expect((await ended).lastLine).toBe('{"note":1}');
    expect(notes).toEqual(['epoch 3 calls up in 80 %']);
  },
);
