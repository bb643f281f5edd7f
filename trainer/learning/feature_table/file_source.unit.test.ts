import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { fileSource } from './file_source.ts';

const folder = mkdtempSync(join(tmpdir(), 'file-source-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Typed = NonNullable<Parameters<typeof parquetWriteBuffer>[0]['schema']>[number];
const VALUES = ['0.1', '-12.5', '3'];
const TIMES = [1_736_121_600, 1_736_121_660, 1_736_121_720];

let files = 0;
function written(time: Omit<Typed, 'name'>, feature: Omit<Typed, 'name'>, cell: (text: string) => unknown): string {
  const path = join(folder, `${files++}.parquet`);
  const bytes = parquetWriteBuffer({
    schema: [
      { name: 'root', num_children: 3 },
      { name: 'pair_id', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      { ...time, name: 'time', repetition_type: 'REQUIRED' },
      { ...feature, name: 'z', repetition_type: 'REQUIRED' },
    ],
    columnData: [
      { name: 'pair_id', data: VALUES.map(() => 'EURUSD_GBPUSD') },
      { name: 'time', data: time.type === 'INT64' ? TIMES.map(BigInt) : TIMES },
      { name: 'z', data: VALUES.map(cell) as number[] },
    ],
  });
  writeFileSync(path, Buffer.from(bytes));
  return path;
}

describe('features of a Parquet file', () => {
  it.each<[string, Omit<Typed, 'name'>, (text: string) => unknown]>([
    [
      'decimals',
      { type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale: 4 },
      (text) => BigInt(Math.round(Number(text) * 1e4)),
    ],
    ['single precision', { type: 'FLOAT' }, Number],
    ['double precision', { type: 'DOUBLE' }, Number],
    ['text', { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, String],
  ])('are the numbers of the text, in columns of %s', async (_, feature, cell) => {
    const rows = await (await fileSource(written({ type: 'INT64' }, feature, cell), ['z'])).rows('EURUSD_GBPUSD');
    expect([[...rows!.time], [...rows!.features]]).toEqual([TIMES, [...Float32Array.from(VALUES, Number)]]);
  });

  it('are refused where their times have single precision', async () => {
    const path = written({ type: 'FLOAT' }, { type: 'FLOAT' }, Number);
    await expect(fileSource(path, ['z'])).rejects.toMatchObject({
      code: 'TABLE_FORMAT',
      seen: `${path}: time of single precision (float32), which rounds times to two minutes`,
    });
  });
});
