import { closeSync, fstatSync, fsyncSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { renameFile } from './durable_file.ts';

/** Bounds of a file of lines that is only appended to. */
export interface LineBounds {
  /** A longer file is replaced by its newest lines. */
  readonly maxBytes: number;
  /** Of these newest lines together. */
  readonly keptBytes: number;
}

const NEWLINE = 10;

/**
 * Appends a line; a file that is longer than its bound then has its newest lines only. A reader sees the file before or
 * after. Without a lock, a line that another process appends meanwhile may be lost.
 * @throws the system's error
 */
export function appendBounded(path: string, line: string, bounds: LineBounds): void {
  if (appendLine(path, line) <= bounds.maxBytes) return;
  replaceLines(path, newestLines(path, bounds.keptBytes));
}

/** Replaces a file of lines by one that only its user can read, also after a power cut. @throws the system's error */
export function replaceLines(path: string, lines: readonly string[]): void {
  const temporary = `${path}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  try {
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameFile(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Appends a line. An earlier line that was written only in part, because the disk was full or the process was killed,
 * is terminated first, so that the two are not joined.
 * @returns the length of the file, bytes
 */
function appendLine(path: string, line: string): number {
  const file = openSync(path, 'a+', 0o600);
  try {
    const { size } = fstatSync(file);
    writeFileSync(file, `${endsLine(file, size) ? '' : '\n'}${line}\n`);
    return fstatSync(file).size;
  } finally {
    closeSync(file);
  }
}

function endsLine(file: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size === 0 || (readSync(file, last, 0, 1, size - 1) === 1 && last[0] === NEWLINE);
}

/**
 * The whole lines among the last bytes of a file, oldest first, without empty ones; none when there is no such file.
 * @throws the system's error
 */
export function newestLines(path: string, maxBytes: number): readonly string[] {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    // The byte before shows whether the first line is whole.
    const from = Math.max(0, size - maxBytes - 1);
    const bytes = Buffer.alloc(size - from);
    const tail = bytes.subarray(0, readSync(file, bytes, 0, bytes.length, from));
    const text = from === 0 ? tail : tail.subarray(tail.indexOf(NEWLINE) + 1);
    return text
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '');
  } finally {
    closeSync(file);
  }
}
