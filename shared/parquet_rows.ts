import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import { writeStreamed } from './streamed_file.ts';

export interface RowColumn<Name extends string> {
  readonly name: Name;
  /** `number`: DOUBLE; `text`: UTF-8. Both are null where a row has no value. */
  readonly kind: 'number' | 'text';
}

type Row<Name extends string> = { readonly [Key in Name]?: unknown };

export const isParquet = (path: string): boolean => /\.parquet$/i.test(path);

/**
 * Writes rows as Parquet, in memory of one page, a row group each. Complete or absent.
 * @param pages rows in the order of the file
 * @returns the number of rows
 * @throws MinutehandError OUTPUT_UNWRITABLE
 */
export function writeParquetRows<Name extends string>(
  path: string,
  columns: readonly RowColumn<Name>[],
  pages: AsyncIterable<readonly Row<Name>[]>,
): Promise<number> {
  return writeStreamed(path, async (temporary) => {
    const parquet = new ParquetWriter({
      writer: fileWriter(temporary),
      schema: [
        { name: 'rows', num_children: columns.length },
        ...columns.map(({ name, kind }) =>
          kind === 'number'
            ? { name, type: 'DOUBLE' as const, repetition_type: 'OPTIONAL' as const }
            : {
                name,
                type: 'BYTE_ARRAY' as const,
                converted_type: 'UTF8' as const,
                repetition_type: 'OPTIONAL' as const,
              },
        ),
      ],
      createdBy: 'minutehand',
    });
    let written = 0;
    for await (const page of pages) {
      written += page.length;
      const cellOf = ({ name, kind }: RowColumn<Name>, row: Row<Name>): number | string | null => {
        const value = row[name] ?? null;
        if (value === null) return null;
        return kind === 'number' ? Number(value) : String(value as string | number);
      };
      await parquet.write({
        columnData: columns.map((column) => ({ name: column.name, data: page.map((row) => cellOf(column, row)) })),
        rowGroupSize: Math.max(1, page.length),
      });
    }
    await parquet.finish();
    return written;
  });
}
