import { expect, it } from 'vitest';
import { BATCH_SCHEDULING, HAS_SLICES, SLICE_NOTE } from './batch_thread.fixture.ts';
import { scheduleAsBatch } from './batch_thread.ts';
import { runChild } from './child_program.fixture.ts';

const IMPORTS = `
  import { scheduleAsBatch } from './batch_thread.ts';
  import { schedulingOf } from './batch_thread.fixture.ts';`;

/** @returns the JSON that a child process prints */
function printedBy(work: string): unknown {
  const { stdout, stderr } = runChild(`${IMPORTS}\n${work}`, import.meta.url, ['nice', '-n', '3']);
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

it.skipIf(!HAS_SLICES)(`a thread becomes a batch thread and keeps its priority${SLICE_NOTE}`, () => {
  const work = `
    import { getPriority } from 'node:os';
    const nice = getPriority();
    console.log(JSON.stringify([schedulingOf().isBatch, scheduleAsBatch(), schedulingOf(), getPriority() === nice]));`;
  expect(printedBy(work)).toEqual([false, true, BATCH_SCHEDULING, true]);
});

it.skipIf(!HAS_SLICES)(`another thread of the process becomes a batch thread${SLICE_NOTE}`, () => {
  const work = `
    import { readdirSync } from 'node:fs';
    const other = readdirSync('/proc/self/task').map(Number).find((thread) => thread !== process.pid);
    const accepted = scheduleAsBatch(other);
    console.log(JSON.stringify([accepted, schedulingOf('self/task/' + other), schedulingOf().isBatch]));`;
  expect(printedBy(work)).toEqual([true, BATCH_SCHEDULING, false]);
});

it('a thread that does not exist is refused', () => {
  expect(scheduleAsBatch(2 ** 22 + 1)).toBe(false);
});

it.skipIf(!HAS_SLICES)(`nothing changes on systems other than Linux${SLICE_NOTE}`, () => {
  const work = `
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    console.log(JSON.stringify([scheduleAsBatch(), schedulingOf().isBatch]));`;
  expect(printedBy(work)).toEqual([false, false]);
});
