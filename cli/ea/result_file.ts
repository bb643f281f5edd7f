import { closeSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { MinutehandError } from '../../shared/errors.ts';
import { openForAppending, openForReading } from '../../shared/outside_files.ts';

/** `result.json`: one line for each fill, only ever longer. */
export interface ResultFile {
  /** @throws MinutehandError OUTPUT_UNWRITABLE */
  append(lines: readonly string[]): void;
  /** The lines that are missing at its end. */
  missing(lines: readonly string[]): string[];
}

/** Longer than all pending lines together. */
const TAIL_BYTES = 65_536;
const NEWLINE = 10;

/**
 * A line truncated by a kill is removed: its complete text is still in the outbox of its pair.
 * @throws MinutehandError OUTPUT_UNWRITABLE
 */
export function openResultFile(path: string): ResultFile {
  withFile(path, (file) => {
    const tail = tailOf(file);
    if (tail.length > 0 && tail.at(-1) !== NEWLINE)
      ftruncateSync(file, fstatSync(file).size - (tail.length - 1 - tail.lastIndexOf(NEWLINE)));
  });
  return {
    append(lines) {
      if (lines.length === 0) return;
      withFile(path, (file) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
      });
    },
    missing(lines) {
      const there = new Set(withFile(path, (file) => tailOf(file).toString().split('\n')));
      return lines.filter((line) => !there.has(line));
    },
  };
}

/** Bytes of a file from an offset on; none when there is no such file, or nothing after the offset. */
export function readPart(path: string, from: number, length: number): Buffer {
  let file: number;
  try {
    file = openForReading(path);
  } catch {
    return Buffer.alloc(0);
  }
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, from));
  } finally {
    closeSync(file);
  }
}

function tailOf(file: number): Buffer {
  const { size } = fstatSync(file);
  const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
  return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, size - bytes.length));
}

function withFile<Result>(path: string, work: (file: number) => Result): Result {
  let file: number | null = null;
  try {
    file = openForAppending(path);
    return work(file);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path}: ${(cause as Error).message}`, cause });
  } finally {
    if (file !== null) closeSync(file);
  }
}
