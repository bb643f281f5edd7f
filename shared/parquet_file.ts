import { asyncBufferFromFile, parquetMetadataAsync, type AsyncBuffer, type FileMetaData } from 'hyparquet';

/**
 * Rows for each byte of a file. A column of times with one step takes some 5 bytes for 128 rows; a file that claims
 * more than this cannot hold them, and whoever believed it would read for ever.
 */
const MAX_ROWS_PER_BYTE = 64;

export interface OpenedParquet {
  readonly file: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly rows: number;
}

/** @throws Error when it is no Parquet file, or claims what it cannot hold */
export async function openParquet(path: string): Promise<OpenedParquet> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  return { file, metadata, rows: heldRows(metadata, file.byteLength) };
}

/** The rows of a file, as its groups of rows have them. @throws RangeError */
function heldRows({ num_rows, row_groups }: FileMetaData, bytes: number): number {
  const most = BigInt(MAX_ROWS_PER_BYTE * bytes);
  let held = 0n;
  for (const group of row_groups) {
    const rows = BigInt(group.num_rows);
    const values = group.columns.map(({ meta_data }) => BigInt(meta_data?.num_values ?? 0));
    if (rows < 0n || rows > most || values.some((count) => count < 0n || count > most))
      throw new RangeError(`a group of rows claims ${rows} rows in a file of ${bytes} bytes`);
    held += rows;
  }
  if (held !== BigInt(num_rows) || held > most)
    throw new RangeError(`it claims ${num_rows} rows, and has ${held} in ${bytes} bytes`);
  return Number(held);
}
