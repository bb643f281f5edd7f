import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import { replaceDurably } from '../../../shared/durable_file.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { writeStreamed, writeTexts } from '../../../shared/streamed_file.ts';
import type { PartRows, RoleTable, TableFacts } from './role_table.ts';

const ROWS_PER_GROUP = 50_000;
/** Columns before the features. `time` and `label_end`: epoch seconds at which features and label were known. */
const COLUMNS = ['pair_id', 'part', 'fold', 'time', 'label_end', 'synthetic', 'label', 'weight'] as const;
/** Key of the facts in the metadata of a Parquet file. */
export const FACTS_KEY = 'minutehand';

export function factsPath(path: string): string {
  return `${path}.json`;
}

/**
 * Writes a table as CSV (.csv, .csv.gz) or Parquet (.parquet: Snappy, FLOAT features), and its facts beside it as JSON.
 * The file is complete or absent.
 * @returns the number of rows
 * @throws MinutehandError OUTPUT_UNWRITABLE
 */
export async function writeRoleTable(path: string, table: RoleTable<TableFacts>): Promise<number> {
  await writeStreamed(path, (temporary) =>
    path.endsWith('.parquet') ? writeParquet(temporary, table) : writeCsv(temporary, path.endsWith('.gz'), table),
  );
  try {
    replaceDurably(MACHINE_FILES, factsPath(path), `${JSON.stringify(table.facts, null, 2)}\n`);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: factsPath(path), cause });
  }
  return table.parts.reduce((sum, { taken }) => sum + taken.length, 0);
}

async function writeCsv(temporary: string, isZipped: boolean, table: RoleTable<TableFacts>): Promise<void> {
  async function* texts(): AsyncGenerator<string, void> {
    yield `${[...COLUMNS, ...table.facts.features].join(',')}\n`;
    for (const part of table.parts)
      for (let from = 0; from < part.taken.length; from += 1000) {
        const rows = part.taken.subarray(from, from + 1000);
        let text = '';
        for (const row of rows) text += `${csvLine(table, part, row)}\n`;
        yield await Promise.resolve(text);
      }
  }
  await writeTexts(temporary, texts(), isZipped);
}

function csvLine({ pairs, columns }: RoleTable<TableFacts>, { part, rows, pair, fold }: PartRows, row: number): string {
  const { x, y, weights, time, labelEnd } = rows;
  const features = columns.map((column) => {
    const value = x.values[row * x.columns + column]!;
    // Nine digits identify a float32; a missing value is empty.
    return Number.isNaN(value) ? '' : Number.isFinite(value) ? Number(value.toPrecision(9)) : value;
  });
  const own = [pairs[pair[row]!] ?? '', part, fold[row], time[row], labelEnd[row], isSynthetic(pair, row)];
  return [...own, y[row], weights[row], ...features].join(',');
}

function isSynthetic(pair: Int32Array, row: number): 0 | 1 {
  return pair[row]! < 0 ? 1 : 0;
}

async function writeParquet(temporary: string, table: RoleTable<TableFacts>): Promise<void> {
  const { facts, pairs, columns, parts } = table;
  const required = { repetition_type: 'REQUIRED' } as const;
  const parquet = new ParquetWriter({
    writer: fileWriter(temporary),
    schema: [
      { name: 'rows', num_children: COLUMNS.length + columns.length },
      { name: 'pair_id', type: 'BYTE_ARRAY', converted_type: 'UTF8', ...required },
      { name: 'part', type: 'BYTE_ARRAY', converted_type: 'UTF8', ...required },
      { name: 'fold', type: 'INT32', ...required },
      { name: 'time', type: 'INT64', ...required },
      { name: 'label_end', type: 'INT64', ...required },
      { name: 'synthetic', type: 'INT32', ...required },
      { name: 'label', type: 'DOUBLE', ...required },
      { name: 'weight', type: 'DOUBLE', ...required },
      ...facts.features.map((name) => ({ name, type: 'FLOAT' as const, ...required })),
    ],
    kvMetadata: [{ key: FACTS_KEY, value: JSON.stringify(facts) }],
    createdBy: 'minutehand',
  });
  for (const { part, rows, taken, pair, fold } of parts) {
    const { x } = rows;
    for (let from = 0; from < taken.length; from += ROWS_PER_GROUP) {
      const own = taken.subarray(from, from + ROWS_PER_GROUP);
      const seconds = (of: Float64Array): bigint[] => Array.from(own, (row) => BigInt(Math.floor(of[row]!)));
      await parquet.write({
        columnData: [
          { name: 'pair_id', data: Array.from(own, (row) => pairs[pair[row]!] ?? '') },
          { name: 'part', data: Array<string>(own.length).fill(part) },
          { name: 'fold', data: Int32Array.from(own, (row) => fold[row]!) },
          { name: 'time', data: seconds(rows.time) },
          { name: 'label_end', data: seconds(rows.labelEnd) },
          { name: 'synthetic', data: Int32Array.from(own, (row) => isSynthetic(pair, row)) },
          { name: 'label', data: Float64Array.from(own, (row) => rows.y[row]!) },
          { name: 'weight', data: Float64Array.from(own, (row) => rows.weights[row]!) },
          ...columns.map((column, i) => ({
            name: facts.features[i]!,
            data: Float32Array.from(own, (row) => x.values[row * x.columns + column]!),
          })),
        ],
        rowGroupSize: own.length,
      });
    }
  }
  await parquet.finish();
}
