import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { createBoundedGunzip } from '../../../shared/bounded_gunzip.ts';
import * as z from 'zod';
import { MinutehandError } from '../../../shared/errors.ts';
import { sha256Hex } from '../../../shared/sha256.ts';

export const ARCHIVE_SCHEMA = 'minutehand.signal_archive/1';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const manifestShape = z.strictObject({
  schema: z.literal(ARCHIVE_SCHEMA),
  market: z.string(),
  day: z.string(),
  part: z.int().min(1),
  /** Name of the file beside the manifest. */
  file: z.string(),
  rows: z.int().min(1),
  bytes: z.int().min(1),
  sha256,
  content_bytes: z.int().min(1),
  content_sha256: sha256,
  /** Publication times of the first and last line, epoch ms. */
  first_ms: z.int(),
  last_ms: z.int(),
});

/** Manifest beside each archive file: its length and its hashes, compressed and uncompressed. */
export type Manifest = z.infer<typeof manifestShape>;

export interface Packed {
  /** gzip (RFC 1952) without a time in its header. */
  readonly bytes: Buffer;
  readonly rows: number;
  readonly contentBytes: number;
  /** SHA-256 of the lines including line ends. */
  readonly contentSha256: string;
  /** First and last line; empty if there is none. */
  readonly first: string;
  readonly last: string;
}

/** `2026/2026-11-20`, `2026/2026-11-20_2` …: path of an archive file without its extension. */
export function partName(market: string, day: string, part: number): string {
  return `signals/${market}/${day.slice(0, 4)}/${day}${part === 1 ? '' : `_${part}`}`;
}

export const dataName = (name: string): string => `${name}.jsonl.gz`;
export const manifestName = (name: string): string => `${name}.manifest.json`;

/** Offset of the operating system in gzip's header, set to 255 ("unknown"). */
const GZIP_SYSTEM_AT = 9;
const GZIP_SYSTEM_UNKNOWN = 255;

/** Compresses pages of lines without blocking the event loop; the same lines give the same bytes with the same zlib. */
export async function pack(pages: AsyncIterable<readonly string[]> | Iterable<readonly string[]>): Promise<Packed> {
  const hash = createHash('sha256');
  let rows = 0;
  let contentBytes = 0;
  let first = '';
  let last = '';
  async function* content(): AsyncGenerator<Buffer> {
    for await (const lines of pages) {
      if (lines.length === 0) continue;
      const bytes = Buffer.from(`${lines.join('\n')}\n`);
      hash.update(bytes);
      if (rows === 0) first = lines[0]!;
      last = lines.at(-1)!;
      rows += lines.length;
      contentBytes += bytes.length;
      yield bytes;
    }
  }
  const chunks: Buffer[] = [];
  await pipeline(content, createGzip({ level: 6 }), async (compressed: AsyncIterable<Buffer>) => {
    for await (const chunk of compressed) chunks.push(chunk);
  });
  const bytes = Buffer.concat(chunks);
  bytes[GZIP_SYSTEM_AT] = GZIP_SYSTEM_UNKNOWN;
  return { bytes, rows, contentBytes, contentSha256: hash.digest('hex'), first, last };
}

/**
 * Decompresses an archive file into pages of lines.
 * @throws MinutehandError ARCHIVE_DAMAGED if it is not a gzip file, or is truncated
 */
export async function* unpack(bytes: Uint8Array, name: string): AsyncGenerator<readonly string[]> {
  const source = Readable.from([bytes]);
  const content = source.pipe(createBoundedGunzip());
  let rest = '';
  const decoder = new TextDecoder();
  try {
    for await (const chunk of content as AsyncIterable<Buffer>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop()!;
      if (lines.length > 0) yield lines;
    }
  } catch (cause) {
    if (cause instanceof MinutehandError) throw cause;
    throw new MinutehandError('ARCHIVE_DAMAGED', { seen: `${name}: ${(cause as Error).message}`, cause });
  } finally {
    source.destroy();
  }
  if (rest !== '') throw new MinutehandError('ARCHIVE_DAMAGED', { seen: `${name}: its last line has no end` });
}

/**
 * Checks a file against its manifest: length and hash, then every line.
 * @throws MinutehandError ARCHIVE_DAMAGED
 */
export async function checkFile(bytes: Uint8Array, manifest: Manifest, name: string): Promise<void> {
  const damaged = (seen: string, expected: string): never => {
    throw new MinutehandError('ARCHIVE_DAMAGED', { seen: `${name}: ${seen}`, expected });
  };
  if (bytes.length !== manifest.bytes) damaged(`${bytes.length} bytes`, `${manifest.bytes}, as in its manifest`);
  const found = sha256Hex(bytes);
  if (found !== manifest.sha256) damaged(`sha256 ${found}`, `${manifest.sha256}, as in its manifest`);
  const content = createHash('sha256');
  let rows = 0;
  for await (const lines of unpack(bytes, name)) {
    content.update(`${lines.join('\n')}\n`);
    rows += lines.length;
  }
  const hash = content.digest('hex');
  if (rows !== manifest.rows) damaged(`${rows} lines`, `${manifest.rows}, as in its manifest`);
  if (hash !== manifest.content_sha256) damaged(`lines that hash to ${hash}`, manifest.content_sha256);
}

/** Deterministic text of a manifest. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** @throws MinutehandError ARCHIVE_DAMAGED if the text is not a manifest of this day and part */
export function parseManifest(
  text: string,
  name: string,
  expected: Pick<Manifest, 'market' | 'day' | 'part'>,
): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MinutehandError('ARCHIVE_DAMAGED', { seen: `${name} is no JSON`, cause });
  }
  const parsed = manifestShape.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const seen = `${name}: ${issue!.path.join('.')} ${issue!.message}`;
    throw new MinutehandError('ARCHIVE_DAMAGED', { seen, expected: `a manifest of schema ${ARCHIVE_SCHEMA}` });
  }
  const { market, day, part } = parsed.data;
  if (market !== expected.market || day !== expected.day || part !== expected.part)
    throw new MinutehandError('ARCHIVE_DAMAGED', {
      seen: `${name} is of ${market} ${day}, part ${part}`,
      expected: `${expected.market} ${expected.day}, part ${expected.part}`,
    });
  return parsed.data;
}
