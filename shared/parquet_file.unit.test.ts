import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openParquet, parquetCells, shortestSingle } from './parquet_file.ts';

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

it('a decimal of any scale and sign is the text that it stands for', async () => {
  const cases = [
    [0, 12n, '12'],
    [2, -5n, '-0.05'],
    [3, 1500n, '1.5'],
    [18, 123_456_789_012_345_678_901_234_567n, '123456789.012345678901234567'],
    [5, 0n, '0'],
  ] as const;
  for (const [scale, value, text] of cases) {
    const writer = new ByteWriter();
    const parquet = new ParquetWriter({
      writer,
      schema: [
        { name: 'rows', num_children: 1 },
        {
          name: 'price',
          type: 'FIXED_LEN_BYTE_ARRAY',
          type_length: 16,
          converted_type: 'DECIMAL',
          precision: 38,
          scale,
          repetition_type: 'OPTIONAL',
        },
      ],
    });
    void parquet.write({ columnData: [{ name: 'price', data: [value, null] }] });
    void parquet.finish();
    const path = join(folder, 'decimal.parquet');
    writeFileSync(path, Buffer.from(writer.getBuffer()));
    expect(await parquetCells(await openParquet(path), 0, 2)).toEqual([[text], [null]]);
  }
});

it('a number of single precision is the text of six digits that became it', () => {
  for (const value of [1.2345, 0.1, 65_432.1, 1e-7, 154.321, 3.402_82e38, -1.083_51, 0])
    expect(shortestSingle(Math.fround(value))).toBe(value);
  // Of more digits, one with the same bits.
  for (const value of [16_777_217, 123_456.789, 1.234_567_89])
    expect(Math.fround(shortestSingle(Math.fround(value)))).toBe(Math.fround(value));
  expect([NaN, Infinity].map(shortestSingle)).toEqual([NaN, Infinity]);
});
