import { closeSync, fstatSync, ftruncateSync, readSync, statSync, writeSync } from 'node:fs';
import { MinutehandError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { inHeldFolder } from '../../shared/held_folder.ts';
import { openForAppending, openForReading } from '../../shared/outside_files.ts';
import { heldFor } from './held_files.ts';

/** `result.json`: one line for each fill. A full one is renamed to `result.json.1`, and a new one begun. */
export interface ResultFile {
  /** @throws MinutehandError OUTPUT_UNWRITABLE */
  append(lines: readonly string[]): void;
  /** The lines that are missing at its end. */
  missing(lines: readonly string[]): string[];
}

/** Longer than all pending lines together. */
const TAIL_BYTES = 65_536;
const NEWLINE = 10;
/** Some 40,000 fills. */
const MAX_RESULT_BYTES = 16 << 20;

/** The fills before those of `path`; the one before it is replaced. */
export function fullResultFile(path: string): string {
  return `${path}.1`;
}

/**
 * A line truncated by a kill is removed: its complete text is still in the outbox of its pair.
 * @param maxBytes of a file that is not renamed
 * @throws MinutehandError OUTPUT_UNWRITABLE
 */
export function openResultFile(path: string, maxBytes = MAX_RESULT_BYTES): ResultFile {
  withFile(path, (file) => {
    const tail = tailOf(file);
    if (tail.length > 0 && tail.at(-1) !== NEWLINE)
      ftruncateSync(file, fstatSync(file).size - (tail.length - 1 - tail.lastIndexOf(NEWLINE)));
  });
  return {
    append(lines) {
      if (lines.length === 0) return;
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      renameFull(path, maxBytes - bytes.length);
      withFile(path, (file) => {
        for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
      });
    },
    missing(lines) {
      const there = new Set(withFile(path, (file) => tailOf(file).toString().split('\n')));
      const size = statSync(path).size;
      // The file may have been renamed after the lines were written, and before the process was killed.
      if (size < TAIL_BYTES)
        for (const line of tailOfPath(fullResultFile(path)).toString().split('\n')) there.add(line);
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

function renameFull(path: string, maxBytes: number): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size === 0 || size <= maxBytes) return;
  try {
    heldFor(() => inHeldFolder(path, (held) => MACHINE_FILES.rename(held, fullResultFile(held))));
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path}: ${(cause as Error).message}`, cause });
  }
}

function tailOfPath(path: string): Buffer {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return readPart(path, Math.max(0, size - TAIL_BYTES), Math.min(size, TAIL_BYTES));
}

function tailOf(file: number): Buffer {
  const { size } = fstatSync(file);
  const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
  return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, size - bytes.length));
}

function withFile<Result>(path: string, work: (file: number) => Result): Result {
  let file: number | null = null;
  try {
    file = heldFor(() => openForAppending(path));
    return work(file);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path}: ${(cause as Error).message}`, cause });
  } finally {
    if (file !== null) closeSync(file);
  }
}
