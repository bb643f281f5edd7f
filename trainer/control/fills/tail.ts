import { createHash } from 'node:crypto';
import { closeSync, fstatSync, readdirSync, readSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
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
const BYTE_ORDER_MARK = '\uFEFF';

/**
 * Continues reading at `mark`, or from the beginning if the content before it has changed. The last line is returned
 * once it has its newline. A line longer than a megabyte is returned in pieces, so that reading never stalls.
 * @returns null if there is no such file, or it cannot be opened now
 */
export function readNewLines(path: string, mark: FileMark | null): TailedLines | null {
  return withFile(path, (file, size) => {
    const isSame = mark !== null && holds(file, size, mark);
    const from = isSame ? mark.readBytes : 0;
    const bytes = readAt(file, from, Math.min(CHUNK_BYTES, size - from));
    const newline = bytes.lastIndexOf(10);
    const isEndless = newline < 0 && bytes.length === CHUNK_BYTES;
    const whole = isEndless ? bytes.length : newline + 1;
    const text = bytes.toString('utf8', 0, whole);
    const readBytes = from + whole;
    return {
      lines: (from === 0 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text)
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
      mark: { readBytes, fingerprint: fingerprintOf(file, readBytes) },
      isAnew: mark !== null && !isSame && mark.readBytes > 0,
      hasMore: whole > 0 && readBytes < size,
    };
  });
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
