import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceDurably } from './durable_file.ts';
import { MACHINE_FILES } from './files.ts';
import type { FileSystem } from './ports.ts';

let folder: string;
let path: string;
const pauses: number[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-durable-'));
  path = join(folder, 'active.json');
  pauses.length = 0;
  replaceDurably(MACHINE_FILES, path, 'old');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The machine's files, whose first renames fail. */
function blocking(code: string, times: number): FileSystem {
  let left = times;
  return {
    ...MACHINE_FILES,
    rename(from, to) {
      if (left-- > 0) throw Object.assign(new Error(`${code}: on purpose`), { code });
      MACHINE_FILES.rename(from, to);
    },
  };
}

describe('replaceDurably', () => {
  it.each(['EPERM', 'EACCES', 'EBUSY'])('retries while a reader blocks the file (%s)', (code) => {
    replaceDurably(blocking(code, 3), path, 'new', (ms) => pauses.push(ms));
    expect(pauses).toEqual([1, 2, 4]);
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  it.each([
    ['EPERM', 8, 7],
    ['ENOSPC', 1, 0],
  ])('stops retrying on %s, keeps the old text and leaves nothing behind', (code, times, waits) => {
    expect(() => replaceDurably(blocking(code, times), path, 'new', (ms) => pauses.push(ms))).toThrow(code);
    expect(pauses).toHaveLength(waits);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['active.json']);
  });
});
