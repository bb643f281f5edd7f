import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import type { FitRows } from '../contract/fit_rows.ts';
import { LAST_COLUMN, ROW_COLUMNS } from './protocol.ts';
import type { ProgramTable } from './table_file.ts';

const ROWS_PER_GROUP = 50_000;

export interface ProgramRows {
  readonly rows: FitRows;
  /** Rows to learn from, ascending. */
  readonly subset: Int32Array;
  /** Rows on which the number of steps is chosen, behind the others; null = none. */
  readonly stopping: Int32Array | null;
  readonly columns: readonly number[];
  readonly names: readonly string[];
  /** The rows of sequences; null: a model gets each row alone. */
  readonly table: ProgramTable | null;
}

/** Writes the rows of a fit as Parquet (Snappy), those of the subset first. */
export async function writeRows(
  path: string,
  { rows, subset, stopping, columns, names, table }: ProgramRows,
): Promise<void> {
  const parquet = new ParquetWriter({
    writer: fileWriter(path),
    schema: [
      { name: 'rows', num_children: columns.length + ROW_COLUMNS.length + (table === null ? 0 : 1) },
      ...names.map((name) => ({ name, type: 'FLOAT' as const, repetition_type: 'REQUIRED' as const })),
      ...(['label', 'weight'] as const).map((name) => ({
        name,
        type: 'DOUBLE' as const,
        repetition_type: 'REQUIRED' as const,
      })),
      ...(['time', 'label_end'] as const).map((name) => ({
        name,
        type: 'INT64' as const,
        repetition_type: 'REQUIRED' as const,
      })),
      { name: 'stopping', type: 'INT32', repetition_type: 'REQUIRED' },
      ...(table === null ? [] : [{ name: LAST_COLUMN, type: 'INT32' as const, repetition_type: 'REQUIRED' as const }]),
    ],
    createdBy: 'minutehand',
  });
  const all = Int32Array.from([...subset, ...(stopping ?? [])]);
  const { x } = rows;
  for (let from = 0; from < all.length; from += ROWS_PER_GROUP) {
    const part = all.subarray(from, from + ROWS_PER_GROUP);
    const seconds = (of: Float64Array): bigint[] => Array.from(part, (row) => BigInt(Math.floor(of[row]!)));
    await parquet.write({
      columnData: [
        ...columns.map((column, i) => ({
          name: names[i]!,
          data: Float32Array.from(part, (row) => x.values[row * x.columns + column]!),
        })),
        { name: 'label', data: Float64Array.from(part, (row) => rows.y[row]!) },
        { name: 'weight', data: Float64Array.from(part, (row) => rows.weights[row]!) },
        { name: 'time', data: seconds(rows.time) },
        { name: 'label_end', data: seconds(rows.labelEnd) },
        { name: 'stopping', data: Int32Array.from(part, (_, i) => (from + i < subset.length ? 0 : 1)) },
        ...(table === null ? [] : [{ name: LAST_COLUMN, data: Int32Array.from(part, (row) => table.lastOf(row)) }]),
      ],
      rowGroupSize: part.length,
    });
  }
  await parquet.finish();
}
