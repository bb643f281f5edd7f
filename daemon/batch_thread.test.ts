import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { BATCH_SCHEDULING, HAS_SLICES, SLICE_NOTE } from './batch_thread.fixture.ts';
import { scheduleAsBatch } from './batch_thread.ts';

/** Runs code in a child process: a scheduling policy lasts until its thread ends. @returns the JSON it prints */
function printedBy(work: string): unknown {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-batch-'));
  const program = join(folder, 'program.mjs');
  const source = ['batch_thread.ts', 'batch_thread.fixture.ts']
    .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'))
    .join('\n');
  writeFileSync(program, transformSync(`${source}\n${work}`, { loader: 'ts' }).code);
  const env = { ...process.env, NODE_PATH: join(packageRoot(), 'node_modules') };
  const { stdout, stderr } = spawnSync('nice', ['-n', '3', process.execPath, program], { encoding: 'utf8', env });
  rmSync(folder, { recursive: true });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

it.skipIf(!HAS_SLICES)(`a thread becomes a batch thread and keeps its priority${SLICE_NOTE}`, () => {
  const work = `
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
