import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isParquet, writeParquetRows } from './parquet_rows.ts';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'parquet-rows-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const COLUMNS = [
  { name: 'pair', kind: 'text' },
  { name: 'time', kind: 'number' },
  { name: 'z', kind: 'number' },
] as const;

async function* pagesOf(rows: readonly Readonly<Record<string, unknown>>[], size: number) {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size);
}

it('has every row in its order, of any page size, with null where there is no value', async () => {
  const rows = Array.from({ length: 25 }, (_, i) => ({
    pair: i % 4 === 0 ? null : `é_${i}`,
    // A count of the store may come as a text.
    time: i % 2 === 0 ? 1_700_000_000_000 + i : String(1_700_000_000_000 + i),
    z: i % 3 === 0 ? undefined : i / 7,
    other: 'not asked for',
  }));
  for (const size of [1, 10, 25]) {
    const path = join(folder, `rows_${size}.parquet`);
    expect(await writeParquetRows(path, COLUMNS, pagesOf(rows, size))).toBe(25);
    const read = await parquetReadObjects({ file: await asyncBufferFromFile(path) });
    const expected = rows.map(({ pair, z }, i) => ({ pair, time: 1_700_000_000_000 + i, z: z ?? null }));
    expect(read.map((row) => ({ pair: row['pair'] ?? null, time: row['time'], z: row['z'] ?? null }))).toEqual(
      expected,
    );
  }
});

it('is a file without rows where there are none, and is not there when reading them fails', async () => {
  const empty = join(folder, 'empty.parquet');
  expect(await writeParquetRows(empty, COLUMNS, pagesOf([], 1))).toBe(0);
  expect(await parquetReadObjects({ file: await asyncBufferFromFile(empty) })).toEqual([]);
  async function* failing() {
    yield [{ pair: 'a', time: 1, z: 2 }];
    throw new Error('the store is gone');
  }
  await expect(writeParquetRows(join(folder, 'half.parquet'), COLUMNS, failing())).rejects.toThrow('the store is gone');
  expect(readdirSync(folder).filter((name) => name.startsWith('half'))).toEqual([]);
});

it('is told by the name', () => {
  expect(['a.parquet', 'A.PARQUET', 'a.csv', '-'].map(isParquet)).toEqual([true, true, false, false]);
});
