import { fileWriter, ParquetWriter } from 'hyparquet-writer';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { barHeader, barLines, optionalColumn, type OptionalColumn } from '../../shared/bar_file/bar_file.ts';
import { writeStreamed, writeTexts } from '../../shared/streamed_file.ts';

export const EXPORT_FORMATS = ['csv', 'csv.gz', 'parquet'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Bars of one symbol to be written, ascending, a page at a time. */
export interface ExportedBars {
  /** Columns that any bar has a value of, in the order of a bar file. */
  readonly optional: readonly OptionalColumn[];
  readonly pages: AsyncIterable<BarColumns>;
}

/**
 * Writes the bars of one symbol in memory of one page, in the layout of `readBarFile`, or as Parquet: `time` in UTC
 * milliseconds (TIMESTAMP), the other columns DOUBLE, null where a value is unknown, Snappy, one row group a page.
 * Complete or absent: temporary file, fsync, rename.
 * @returns the number of bars
 * @throws MinutehandError OUTPUT_UNWRITABLE
 */
export async function exportBars(path: string, format: ExportFormat, bars: ExportedBars): Promise<number> {
  return writeStreamed(path, (temporary) =>
    format === 'parquet' ? writeParquet(temporary, bars) : writeCsv(temporary, format, bars),
  );
}

async function writeCsv(path: string, format: 'csv' | 'csv.gz', { optional, pages }: ExportedBars): Promise<number> {
  let written = 0;
  async function* texts(): AsyncGenerator<string, void> {
    yield `${barHeader(optional)}\n`;
    for await (const page of pages) {
      written += page.length;
      yield `${barLines(page, optional).join('\n')}\n`;
    }
  }
  await writeTexts(path, texts(), format === 'csv.gz');
  return written;
}

async function writeParquet(path: string, { optional, pages }: ExportedBars): Promise<number> {
  const columns = ['open', 'high', 'low', 'close', 'volume'] as const;
  const writer = fileWriter(path);
  const parquet = new ParquetWriter({
    writer,
    schema: [
      { name: 'bars', num_children: columns.length + optional.length + 1 },
      { name: 'time', type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', repetition_type: 'REQUIRED' },
      ...columns.map((name) => ({ name, type: 'DOUBLE' as const, repetition_type: 'REQUIRED' as const })),
      ...optional.map((name) => ({ name, type: 'DOUBLE' as const, repetition_type: 'OPTIONAL' as const })),
    ],
    createdBy: 'minutehand',
  });
  let written = 0;
  for await (const page of pages) {
    written += page.length;
    const knownAt = (name: OptionalColumn, i: number): number | null => {
      const value = optionalColumn(page, name)?.[i] ?? NaN;
      return Number.isNaN(value) ? null : value;
    };
    await parquet.write({
      columnData: [
        { name: 'time', data: Array.from(page.time, (time) => BigInt(time * 1000)) },
        ...columns.map((name) => ({ name, data: page[name] })),
        ...optional.map((name) => ({ name, data: Array.from(page.time, (_, i) => knownAt(name, i)) })),
      ],
      rowGroupSize: Math.max(1, page.length),
    });
  }
  await parquet.finish();
  return written;
}
