import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ProcessWorkMeter } from './process_work.ts';

/** A child process that uses the requested milliseconds of processor time, then replies. */
const PROGRAM = `
process.on('message', (ms) => {
  const used = () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  };
  const until = used() + ms * 1000;
  while (used() < until);
  process.send('done');
});
process.send('ready');
`;

it('counts the processor time of the blocks alone, per minute', async ({ skip, onTestFinished: atEnd }) => {
  if (!existsSync('/proc/self/task')) return skip('no /proc here');
  const folder = mkdtempSync(join(tmpdir(), 'work'));
  atEnd(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'program.cjs'), PROGRAM);
  const child = fork(join(folder, 'program.cjs'), { execArgv: [] });
  atEnd(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  const work = async (ms: number): Promise<void> => {
    const done = once(child, 'message');
    child.send(ms);
    await done;
  };
  const meter = new ProcessWorkMeter(child.pid!);
  expect(meter.result()).toBeNull();
  for (let block = 0; block < 2; block++) {
    meter.begin();
    await work(100);
    meter.end(5);
    await work(500);
  }
  const { cpu_us, slept, threads } = meter.result()!;
  // 200 ms in 10 minutes, and what its other threads do; the work between the blocks would be 100,000 more.
  expect(cpu_us).toBeGreaterThan(18_000);
  expect(cpu_us).toBeLessThan(70_000);
  expect(slept).toBeGreaterThan(0);
  expect(threads[0]).toMatchObject({ name: 'main' });
});

it('has no result where the process is unknown', () => {
  const meter = new ProcessWorkMeter(2 ** 22 + 1);
  meter.begin();
  meter.end(1);
  expect(meter.result()).toBeNull();
});
