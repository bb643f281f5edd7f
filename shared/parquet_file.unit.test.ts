import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openParquet } from './parquet_file.ts';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'minutehand-parquet-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Claims {
  num_rows: bigint;
  readonly row_groups: { num_rows: bigint; readonly columns: { meta_data?: { num_values: bigint } }[] }[];
}

/** A file of `rows` times, whose footer is changed before it is written. */
function fileOf(rows: number, lie: (claims: Claims) => void): string {
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({
    writer,
    schema: [
      { name: 'rows', num_children: 1 },
      { name: 'time', type: 'INT64', repetition_type: 'REQUIRED' },
    ],
  });
  void parquet.write({ columnData: [{ name: 'time', data: Array.from({ length: rows }, (_, i) => BigInt(i)) }] });
  lie(parquet as unknown as Claims);
  void parquet.finish();
  const path = join(folder, 'file.parquet');
  writeFileSync(path, Buffer.from(writer.getBuffer()));
  return path;
}

it('the rows of an honest file are counted', async () => {
  for (const rows of [0, 1, 5000]) expect((await openParquet(fileOf(rows, () => undefined))).rows).toBe(rows);
});

it.each<[string, (claims: Claims) => void]>([
  ['2^53 rows', (claims) => (claims.num_rows = 2n ** 53n)],
  ['2^53 rows in a group', (claims) => (claims.row_groups[0]!.num_rows = claims.num_rows = 2n ** 53n)],
  ['a row less than none', (claims) => (claims.row_groups[0]!.num_rows = claims.num_rows = -1n)],
  ['rows that no group has', (claims) => (claims.num_rows = 31n)],
  ['2^40 values of a column', (claims) => (claims.row_groups[0]!.columns[0]!.meta_data!.num_values = 2n ** 40n)],
])('a file that claims %s is refused at once', async (_, lie) => {
  await expect(openParquet(fileOf(30, lie))).rejects.toThrow(/claims/);
});
