import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { HAS_SLICES, SLICE_NOTE } from './long_slice.fixture.ts';
import { lengthenSlice } from './long_slice.ts';

/** In a process of its own: a slice stays until the thread ends. */
function sliceOf(work: string): unknown {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-slice-'));
  const program = join(folder, 'program.mjs');
  const source = ['long_slice.ts', 'long_slice.fixture.ts']
    .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'))
    .join('\n');
  writeFileSync(program, transformSync(`${source}\n${work}`, { loader: 'ts' }).code);
  const env = { ...process.env, NODE_PATH: join(packageRoot(), 'node_modules') };
  const { stdout, stderr } = spawnSync('nice', ['-n', '3', process.execPath, program], { encoding: 'utf8', env });
  rmSync(folder, { recursive: true });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

it.skipIf(!HAS_SLICES)(`of 100 ms, at the priority that the thread has${SLICE_NOTE}`, () => {
  const work = `
    const before = [sliceMs(), getPriority()];
    const accepted = lengthenSlice();
    console.log(JSON.stringify([accepted, sliceMs(), getPriority() === before[1], before[0] < 100]));`;
  expect(sliceOf(work)).toEqual([true, 100, true, true]);
});

it.skipIf(!HAS_SLICES)(`of another thread of the process${SLICE_NOTE}`, () => {
  const work = `
    import { readdirSync } from 'node:fs';
    const other = readdirSync('/proc/self/task').map(Number).find((thread) => thread !== process.pid);
    const accepted = lengthenSlice(other);
    console.log(JSON.stringify([accepted, sliceMs('self/task/' + other), sliceMs() < 100]));`;
  expect(sliceOf(work)).toEqual([true, 100, true]);
});

it('is refused for a thread that does not exist', () => {
  expect(lengthenSlice(2 ** 22 + 1)).toBe(false);
});

it.skipIf(!HAS_SLICES)(`changes nothing on another system${SLICE_NOTE}`, () => {
  const work = `
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    console.log(JSON.stringify([lengthenSlice(), sliceMs() < 100]));`;
  expect(sliceOf(work)).toEqual([false, true]);
});
