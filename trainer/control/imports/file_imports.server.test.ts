import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { FileImports } from './file_imports.ts';

const home = mkdtempSync(join(tmpdir(), 'minutehand-imports-'));
const folder = join(home, 'cache', 'uploads');
afterAll(() => rmSync(home, { recursive: true, force: true }));

const AS_IT_SHOWS = { decimal: null, dateOrder: null, stamp: null, spread: null };

const ENDLESS = [process.execPath, '-e', 'setInterval(() => undefined, 1000)', '--'];
const FILE = {
  name: 'EURUSD.csv',
  write: (path: string) => writeFile(path, 'time,open'),
  symbol: null,
  timezone: null,
  epochTimezone: null,
  ...AS_IT_SHOWS,
};

it('what a killed trainer has left is removed at the start of the next', () => {
  mkdirSync(join(folder, 'file-Ab12cD'), { recursive: true });
  writeFileSync(join(folder, 'file-Ab12cD', 'EURUSD.csv'), 'a part');
  new FileImports(ENDLESS, folder);
  expect(readdirSync(join(home, 'cache'))).toEqual([]);
});

it('a preview that nobody waits for any more is ended, or not begun, and gives its place to others', async () => {
  const imports = new FileImports(ENDLESS, folder);
  const leaving = new AbortController();
  const previews = Array.from({ length: 4 }, () => imports.preview(FILE, leaving.signal));
  const fifth = imports.preview(FILE, leaving.signal);
  await expect(fifth).rejects.toMatchObject({ code: 'JOBS_TOO_MANY' });
  await expect.poll(() => readdirSync(folder)).toHaveLength(4);
  leaving.abort(new Error('gone'));
  for (const { reason } of (await Promise.allSettled(previews)) as PromiseRejectedResult[])
    expect(reason).toMatchObject({ message: 'gone' });
  expect(readdirSync(folder)).toEqual([]);
  const refused = imports.preview({ ...FILE, write: () => Promise.reject(new Error('cut')) }, leaving.signal);
  await expect(refused).rejects.toThrow('cut');
  expect(readdirSync(folder)).toEqual([]);
});

it('a preview that does not end in time is ended, has a code of its own, and leaves no file', async () => {
  const imports = new FileImports(ENDLESS, folder, 300);
  const staying = new AbortController();
  await expect(imports.preview(FILE, staying.signal)).rejects.toMatchObject({ code: 'PREVIEW_TIMEOUT' });
  expect(readdirSync(folder)).toEqual([]);
});
