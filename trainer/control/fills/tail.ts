import { createHash } from 'node:crypto';
import { closeSync, fstatSync, readdirSync, readSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { encodingOf } from '../../../shared/csv/text_encoding.ts';
import { openForReading } from '../../../shared/outside_files.ts';

/** Read position in a file. */
export interface FileMark {
  readonly readBytes: number;
  /** `fingerprint` of the content read so far. */
  readonly fingerprint: string;
}

export interface TailedLines {
  /** Complete new lines without line ends, none empty. */
  readonly lines: readonly string[];
  readonly mark: FileMark;
  /** Whether reading restarted at the beginning although there was a mark: the file was replaced or rewritten. */
  readonly isAnew: boolean;
  /** Whether more may be available now. */
  readonly hasMore: boolean;
}

const CHUNK_BYTES = 1 << 20;
const PRINT_BYTES = 1024;
/** Of the start of a file, which show UTF-16. */
const SHOWN_BYTES = 64;

/**
 * Continues reading at `mark`, or from the beginning if the content before it has changed. The last line is returned
 * once it has its newline. A line longer than a megabyte is returned in pieces, so that reading never stalls. UTF-16,
 * as MetaTrader writes it, is known by the first bytes; all else is UTF-8.
 * @returns null if there is no such file, or it cannot be opened now
 */
export function readNewLines(path: string, mark: FileMark | null): TailedLines | null {
  return withFile(path, (file, size) => {
    const isSame = mark !== null && holds(file, size, mark);
    const from = isSame ? mark.readBytes : 0;
    const bytes = readAt(file, from, Math.min(CHUNK_BYTES, size - from));
    const { label } = encodingOf(readAt(file, 0, Math.min(SHOWN_BYTES, size)));
    const encoding = label === 'utf-16le' || label === 'utf-16be' ? label : 'utf-8';
    const ended = endOfLines(bytes, encoding);
    const whole = ended === 0 && bytes.length === CHUNK_BYTES ? bytes.length : ended;
    // It leaves a mark at the start out.
    const text = new TextDecoder(encoding).decode(bytes.subarray(0, whole));
    const readBytes = from + whole;
    return {
      lines: text
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
      mark: { readBytes, fingerprint: fingerprintOf(file, readBytes) },
      isAnew: mark !== null && !isSame && mark.readBytes > 0,
      hasMore: whole > 0 && readBytes < size,
    };
  });
}

/** Bytes to the end of the last whole line; 0 without one. @param bytes from a whole character on */
function endOfLines(bytes: Buffer, encoding: 'utf-8' | 'utf-16le' | 'utf-16be'): number {
  if (encoding === 'utf-8') return bytes.lastIndexOf(10) + 1;
  const [first, second] = encoding === 'utf-16le' ? [10, 0] : [0, 10];
  for (let at = (bytes.length & ~1) - 2; at >= 0; at -= 2)
    if (bytes[at] === first && bytes[at + 1] === second) return at + 2;
  return 0;
}

/** The file beside `path` that had this name when `mark` was made: `result.json.1`, `result-20261120.json` … */
export function findRotated(path: string, mark: FileMark): string | null {
  const stem = basename(path, extname(path));
  let names: string[];
  try {
    names = readdirSync(dirname(path));
  } catch {
    return null;
  }
  const others = names.filter((name) => name.startsWith(stem) && name !== basename(path)).sort();
  return (
    others
      .map((name) => join(dirname(path), name))
      .find((other) => withFile(other, (file, size) => holds(file, size, mark)) === true) ?? null
  );
}

function holds(file: number, size: number, { readBytes, fingerprint }: FileMark): boolean {
  return size >= readBytes && fingerprintOf(file, readBytes) === fingerprint;
}

/** Hash of the first and last kilobyte before `readBytes`: lines have ids and times, so no two files match. */
function fingerprintOf(file: number, readBytes: number): string {
  const hash = createHash('sha256');
  hash.update(readAt(file, 0, Math.min(PRINT_BYTES, readBytes)));
  hash.update(readAt(file, Math.max(0, readBytes - PRINT_BYTES), Math.min(PRINT_BYTES, readBytes)));
  return hash.digest('hex');
}

function withFile<Result>(path: string, work: (file: number, size: number) => Result): Result | null {
  let file: number;
  try {
    file = openForReading(path);
  } catch {
    return null;
  }
  try {
    const stat = fstatSync(file);
    return stat.isFile() ? work(file, stat.size) : null;
  } finally {
    closeSync(file);
  }
}

function readAt(file: number, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let at = 0;
  while (at < length) {
    const count = readSync(file, bytes, at, length - at, from + at);
    if (count === 0) break;
    at += count;
  }
  return bytes.subarray(0, at);
}
