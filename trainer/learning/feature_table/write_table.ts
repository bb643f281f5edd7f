import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import type { FeatureSchema } from '../../../shared/bundle/feature_schema.ts';
import { writeStreamed, writeTexts } from '../../../shared/streamed_file.ts';
import { identitiesOf, LABEL_COLUMNS, type TableRows } from './feature_table.ts';
import { SCHEMA_KEY } from './file_source.ts';

/** Rows of the pairs, one after the other. */
export type PairRows = AsyncIterable<{ readonly pairId: string; readonly rows: TableRows }>;

const ROWS_PER_GROUP = 50_000;

/**
 * Writes features and labels as CSV (.csv, .csv.gz) or Parquet (.parquet: Snappy, FLOAT features, schema in the
 * metadata), readable by `fileSource`. The file is complete or absent.
 * @returns the number of rows
 * @throws MinutehandError OUTPUT_UNWRITABLE
 */
export async function writeTable(path: string, schema: FeatureSchema, pairs: PairRows): Promise<number> {
  return writeStreamed(path, (temporary) =>
    path.endsWith('.parquet')
      ? writeParquet(temporary, schema, pairs)
      : writeCsv(temporary, path.endsWith('.gz'), schema, pairs),
  );
}

async function writeCsv(
  temporary: string,
  isZipped: boolean,
  { definitions }: FeatureSchema,
  pairs: PairRows,
): Promise<number> {
  let written = 0;
  const width = definitions.length;
  const cell = (value: number): string => (Number.isNaN(value) ? '' : String(value));
  async function* texts(): AsyncGenerator<string, void> {
    yield `pair_id,time,${[...definitions.map(({ name }) => name), ...LABEL_COLUMNS].join(',')}\n`;
    for await (const { pairId, rows } of pairs) {
      for (let from = 0; from < rows.length; from += 1000) {
        let text = '';
        for (let row = from; row < Math.min(from + 1000, rows.length); row++) {
          text += `${pairId},${rows.time[row]}`;
          // Nine digits identify a float32.
          for (let i = 0; i < width; i++) {
            const value = rows.features[row * width + i]!;
            text += `,${Number.isFinite(value) ? Number(value.toPrecision(9)) : cell(value)}`;
          }
          for (const name of LABEL_COLUMNS) text += `,${cell(rows.labels?.[name][row] ?? NaN)}`;
          text += '\n';
        }
        yield text;
      }
      written += rows.length;
    }
  }
  await writeTexts(temporary, texts(), isZipped);
  return written;
}

async function writeParquet(temporary: string, { definitions }: FeatureSchema, pairs: PairRows): Promise<number> {
  const width = definitions.length;
  const parquet = new ParquetWriter({
    writer: fileWriter(temporary),
    schema: [
      { name: 'features', num_children: 2 + width + LABEL_COLUMNS.length },
      { name: 'pair_id', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      { name: 'time', type: 'INT64', repetition_type: 'REQUIRED' },
      ...definitions.map(({ name }) => ({ name, type: 'FLOAT' as const, repetition_type: 'REQUIRED' as const })),
      ...LABEL_COLUMNS.map((name) => ({ name, type: 'DOUBLE' as const, repetition_type: 'REQUIRED' as const })),
    ],
    kvMetadata: [{ key: SCHEMA_KEY, value: JSON.stringify(identitiesOf(definitions)) }],
    createdBy: 'minutehand',
  });
  let written = 0;
  for await (const { pairId, rows } of pairs) {
    for (let from = 0; from < rows.length; from += ROWS_PER_GROUP) {
      const length = Math.min(ROWS_PER_GROUP, rows.length - from);
      await parquet.write({
        columnData: [
          { name: 'pair_id', data: Array<string>(length).fill(pairId) },
          { name: 'time', data: Array.from({ length }, (_, i) => BigInt(rows.time[from + i]!)) },
          ...definitions.map(({ name }, column) => ({
            name,
            data: Float32Array.from({ length }, (_, i) => rows.features[(from + i) * width + column]!),
          })),
          ...LABEL_COLUMNS.map((name) => ({
            name,
            data: Float64Array.from({ length }, (_, i) => rows.labels?.[name][from + i] ?? NaN),
          })),
        ],
        rowGroupSize: length,
      });
    }
    written += rows.length;
  }
  await parquet.finish();
  return written;
}
