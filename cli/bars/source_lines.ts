import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createBoundedGunzip } from '../../shared/bounded_gunzip.ts';
import { decoderOf, encodingOf, type Decoder } from '../../shared/csv/text_encoding.ts';
import { damagedGzip, lineMeter, lineTooLong, MAX_LINE_BYTES } from '../../shared/bar_file/bar_file.ts';
import { beginsAsJson, jsonLines, refuseLargeJson } from './json_rows.ts';
import { isParquet, parquetLines } from './parquet_lines.ts';
import { firstBytes, refuseBinary } from './source_kind.ts';

const CHUNK_BYTES = 1 << 18;

export interface SourceReading {
  /** Receives the bytes of the file as on disk. */
  readonly hash?: Hash;
  /** Called with the number of bytes read. */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * The lines of a text file without their ends (line feeds, or carriage returns where it has no others), many at a time,
 * in bounded memory: decompressed when it is gzip by its name or first bytes, decoded by `encodingOf`. Rows of a JSON
 * document are lines of CSV, all at once, and so are those of a Parquet file, a part at a time.
 * @throws MinutehandError DATA_MISSING; DATA_FORMAT for a folder, a pipe, an archive or a workbook, when the gzip
 * stream is damaged or cut, a line is longer than 1 MiB, or more than 1 MiB have no digit; GZIP_TOTAL
 */
export async function* sourceLines(
  path: string,
  { hash, onBytes }: SourceReading = {},
): AsyncGenerator<string[], void> {
  const first = await firstBytes(path);
  if (isParquet(first)) {
    yield* parquetLines(path, hash, onBytes);
    return;
  }
  const isGzip = first.subarray(0, GZIP.length).equals(GZIP) || path.endsWith('.gz');
  async function* tapped(): AsyncGenerator<Buffer, void> {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
      hash?.update(chunk);
      onBytes?.(chunk.length);
      yield chunk;
    }
  }
  const raw = Readable.from(tapped());
  // Errors reach the reader of the stream; the callback only marks them as handled.
  const plain = isGzip ? pipeline(raw, createBoundedGunzip({ chunkSize: CHUNK_BYTES }), () => undefined) : raw;
  try {
    yield* linesOf(path, plain as AsyncIterable<Buffer>, lineMeter(path));
  } catch (cause) {
    if (isGzip && cause instanceof Error && /^Z_/.test((cause as NodeJS.ErrnoException).code ?? ''))
      throw damagedGzip(path, cause);
    throw cause;
  }
}

async function* linesOf(
  path: string,
  chunks: AsyncIterable<Buffer>,
  meter: (chunk: Buffer) => void,
): AsyncGenerator<string[], void> {
  let decoder: Decoder | null = null;
  let lineEnd = '\n';
  let rest = '';
  let json: string[] | null = null;
  let jsonLength = 0;
  for await (const chunk of chunks) {
    let bytes = chunk;
    const isFirst = decoder === null;
    if (decoder === null) {
      refuseBinary(path, chunk);
      const encoding = encodingOf(chunk);
      decoder = decoderOf(encoding.label);
      bytes = chunk.subarray(encoding.markBytes);
    }
    const decoded = decoder.write(bytes);
    if (isFirst && beginsAsJson(decoded)) json = [];
    if (json !== null) {
      json.push(decoded);
      jsonLength += decoded.length;
      refuseLargeJson(path, jsonLength);
      continue;
    }
    meter(chunk);
    const text: string = rest + decoded;
    // Old exports end lines with a carriage return alone.
    if (rest === '' && lineEnd === '\n' && !text.includes('\n') && /\r[^\r]/.test(text)) lineEnd = '\r';
    const lines = text.split(lineEnd);
    rest = lines.pop()!;
    // The meter takes carriage returns for line ends, which they are not in a file with line feeds.
    if (rest.length > MAX_LINE_BYTES) throw lineTooLong(path);
    if (lines.length > 0) yield lineEnd === '\n' ? lines.map(withoutReturn) : lines;
  }
  if (json !== null) {
    yield jsonLines(path, json.join('') + decoder!.end());
    return;
  }
  rest += decoder?.end() ?? '';
  if (rest !== '') yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

const GZIP = Buffer.from([0x1f, 0x8b]);
