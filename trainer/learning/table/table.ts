import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createBoundedGunzip } from '../../../shared/bounded_gunzip.ts';
import { isUtf16 } from '../../../shared/csv/text_encoding.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { ColumnRequest } from './header.ts';
import { TableReader, type TableContent } from './table_reader.ts';

const READ_BYTES = 1 << 20;

export interface TableRequest extends ColumnRequest {
  /** Bytes of the file read so far, and all of them. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A numeric table. Row r of it is line r + 2 of its file. */
export interface Table extends TableContent {
  readonly path: string;
}

/**
 * Reads a CSV file, `.gz` or plain: a header, then one line per row, cells between commas; cells may be quoted, lines
 * may end with a carriage return. Feature cells are numbers as `readFloat32` reads them. The file is read in pieces:
 * memory is twice the table (its blocks, and the whole built from them), never the file's text.
 * @throws MinutehandError DATA_MISSING when there is no file or a requested column is not in it; TABLE_FORMAT with
 * file, line and column for everything that violates this, including a missing label and a weight that is not a number
 * ≥ 0; DATA_TOO_SHORT without rows
 */
export async function readTable(path: string, request: TableRequest): Promise<Table> {
  const file = await stat(path).catch(() => null);
  if (file === null || file.isDirectory())
    throw new MinutehandError('DATA_MISSING', {
      seen: file === null ? `no file ${path}` : `${path} is a folder`,
      next: 'Name a CSV file, plain or .gz.',
    });
  const source = createReadStream(path, { highWaterMark: READ_BYTES });
  const report = (): void => request.onProgress?.(source.bytesRead, Math.max(file.size, source.bytesRead));
  const reader = new TableReader(path, request);
  const take = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    let isFirst = true;
    for await (const chunk of chunks) {
      if (isFirst && isUtf16(chunk))
        throw new MinutehandError('TABLE_FORMAT', { seen: `${path} is a text of UTF-16`, expected: 'one of UTF-8' });
      isFirst = false;
      reader.take(chunk);
      report();
    }
  };
  try {
    if (path.endsWith('.gz')) await pipeline(source, createBoundedGunzip({ chunkSize: READ_BYTES }), take);
    else await take(source);
  } catch (error) {
    throw readError(path, error);
  }
  return { path, ...reader.finish() };
}

/** The error of the operating system or zlib, as an error with a next step; any other error unchanged. */
function readError(path: string, error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error) || error instanceof MinutehandError) return error;
  if (String(error.code).startsWith('Z_'))
    return new MinutehandError('TABLE_FORMAT', {
      seen: `${path} is not a valid gzip file (${error.message})`,
      next: 'Download or export the file again.',
      cause: error,
    });
  if (!('syscall' in error)) return error;
  return new MinutehandError('DATA_MISSING', {
    seen: `${path} cannot be read (${String(error.code)})`,
    next: 'Check that it is a file you may read.',
    cause: error,
  });
}
