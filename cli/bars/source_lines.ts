import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';
import { MinutehandError } from '../../shared/errors.ts';
import { damagedGzip, isMissing, lineMeter } from '../../shared/bar_file/bar_file.ts';

const CHUNK_BYTES = 1 << 18;

export interface SourceReading {
  /** Receives the bytes of the file as on disk. */
  readonly hash?: Hash;
  /** Called with the number of bytes read. */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * The lines of a text file without their ends, many at a time, in bounded memory: decompressed when it is gzip by its
 * name or first bytes, decoded from UTF-16 (as MetaTrader writes) or UTF-8 by its byte order mark, else from Latin-1.
 * @throws MinutehandError DATA_MISSING; DATA_FORMAT when the gzip stream is damaged or cut, or a line is longer than 1
 * MiB
 */
export async function* sourceLines(
  path: string,
  { hash, onBytes }: SourceReading = {},
): AsyncGenerator<string[], void> {
  const isGzip = (await firstBytes(path)).equals(GZIP) || path.endsWith('.gz');
  async function* tapped(): AsyncGenerator<Buffer, void> {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>) {
      hash?.update(chunk);
      onBytes?.(chunk.length);
      yield chunk;
    }
  }
  const raw = Readable.from(tapped());
  // Errors reach the reader of the stream; the callback only marks them as handled.
  const plain = isGzip ? pipeline(raw, createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined) : raw;
  try {
    yield* linesOf(plain as AsyncIterable<Buffer>, lineMeter(path));
  } catch (cause) {
    if (isGzip && cause instanceof Error && /^Z_/.test((cause as NodeJS.ErrnoException).code ?? ''))
      throw damagedGzip(path, cause);
    throw cause;
  }
}

async function* linesOf(chunks: AsyncIterable<Buffer>, meter: (chunk: Buffer) => void): AsyncGenerator<string[], void> {
  let decoder: StringDecoder | null = null;
  let rest = '';
  for await (const chunk of chunks) {
    let bytes = chunk;
    meter(chunk);
    if (decoder === null) {
      const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
      const isUtf8 = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
      decoder = new StringDecoder(isUtf16 ? 'utf16le' : isUtf8 ? 'utf8' : 'latin1');
      bytes = bytes.subarray(isUtf16 ? 2 : isUtf8 ? 3 : 0);
    }
    const lines = (rest + decoder.write(bytes)).split('\n');
    rest = lines.pop()!;
    if (lines.length > 0) yield lines.map(withoutReturn);
  }
  rest += decoder?.end() ?? '';
  if (rest !== '') yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

const GZIP = Buffer.from([0x1f, 0x8b]);

async function firstBytes(path: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(GZIP.length), 0, GZIP.length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (isMissing(cause)) throw new MinutehandError('DATA_MISSING', { seen: `no file ${path}`, cause });
    throw cause;
  }
}
