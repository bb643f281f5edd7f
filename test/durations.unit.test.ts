import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { keepDurations, readDurations } from './durations.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-durations-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('what test files took is kept by file: a later run replaces its own files alone', () => {
  const path = join(folder, 'cache', 'durations.json');
  expect(readDurations(path)).toEqual({});
  keepDurations({ 'b.test.ts': { wall_s: 2, processor_s: 1 }, 'a.test.ts': { wall_s: 3, processor_s: null } }, path);
  keepDurations({ 'b.test.ts': { wall_s: 5, processor_s: 4 } }, path);
  expect(Object.entries(readDurations(path))).toEqual([
    ['a.test.ts', { wall_s: 3, processor_s: null }],
    ['b.test.ts', { wall_s: 5, processor_s: 4 }],
  ]);
});
