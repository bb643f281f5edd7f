import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renameFile, renameFileAsync, replaceDurably } from './durable_file.ts';
import { MACHINE_FILES } from './files.ts';
import type { FileSystem } from './ports.ts';
import { packageRoot } from './root.ts';
import { programSources } from '../test/program_sources.ts';
import { skipNote } from '../test/skip_note.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-durable-'));
  path = join(folder, 'active.json');
  replaceDurably(MACHINE_FILES, path, 'old');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The machine's files, whose first renames fail; `renames` has the time of each, ms. */
function blocking(code: string, times: number): FileSystem & { readonly renames: readonly number[] } {
  const renames: number[] = [];
  return {
    ...MACHINE_FILES,
    renames,
    rename(from, to) {
      renames.push(performance.now());
      if (renames.length <= times) throw Object.assign(new Error(`${code}: on purpose`), { code });
      MACHINE_FILES.rename(from, to);
    },
  };
}

describe('replaceDurably', () => {
  it.each(['EPERM', 'EACCES', 'EBUSY'])('retries while a reader blocks the file (%s)', (code) => {
    const files = blocking(code, 3);
    replaceDurably(files, path, 'new');
    const pauses = files.renames.slice(1).map((at, i) => at - files.renames[i]!);
    expect(pauses.map((ms, i) => ms >= 2 ** i - 0.5)).toEqual([true, true, true]);
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  it.each([
    ['EPERM', 8],
    ['ENOSPC', 1],
  ])('stops retrying on %s, keeps the old text and leaves nothing behind', (code, times) => {
    const files = blocking(code, Infinity);
    expect(() => replaceDurably(files, path, 'new')).toThrow(code);
    expect(files.renames).toHaveLength(times);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['active.json']);
  });
});

describe('renames of files', () => {
  it.each(['win32', 'linux'] as const)('replace a file on %s', async (platform) => {
    MACHINE_FILES.write(`${path}.new`, 'at once');
    renameFile(`${path}.new`, path, platform);
    expect(readFileSync(path, 'utf8')).toBe('at once');
    MACHINE_FILES.write(`${path}.new`, 'later');
    await renameFileAsync(`${path}.new`, path, platform);
    expect(readFileSync(path, 'utf8')).toBe('later');
  });

  it('report at once what is no blocked file', async () => {
    expect(() => renameFile(`${path}.none`, path, 'win32')).toThrow('ENOENT');
    await expect(renameFileAsync(`${path}.none`, path, 'win32')).rejects.toThrow('ENOENT');
  });

  const isWindows = process.platform === 'win32';
  const note = skipNote(isWindows, 'the sources are looked at on Linux');
  it.skipIf(isWindows)(
    `wait for a file that is blocked, everywhere in the programs: no other call of rename is left${note}`,
    () => {
      const own = ['shared/durable_file.ts', 'shared/files.ts'];
      const raw = programSources(['shared', 'daemon', 'trainer', 'cli']).filter((file) =>
        /\b(renameSync|await rename)\(/.test(readFileSync(join(packageRoot(), file), 'utf8')),
      );
      // The list is not empty by mistake: the exceptions are found.
      expect(raw).toEqual(expect.arrayContaining(own));
      expect(raw.filter((file) => !own.includes(file))).toEqual([]);
    },
  );
});
