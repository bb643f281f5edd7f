import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { renameFile } from './durable_file.ts';
import { MinutehandError } from './errors.ts';

const WRITE_BYTES = 1 << 20;
/** Names that promise another format than text. */
const NO_TEXT = /\.(parquet|gz|zip|xlsx|db|sqlite)$/i;

export interface OutputFile {
  write(text: string): void;
  /** Puts the whole file under its name. */
  close(): void;
  /** Keeps the previous file. */
  discard(): void;
}

/**
 * A file of text that appears under its name only when it is whole. A device or a pipe is written to as it is: it must
 * not be replaced.
 * @throws MinutehandError USAGE where the name is of another format; OUTPUT_UNWRITABLE, here and from `write` and
 * `close`
 */
export function openOutputFile(path: string): OutputFile {
  const [, format] = NO_TEXT.exec(path) ?? [];
  if (format !== undefined)
    throw new MinutehandError('USAGE', {
      seen: `${path}, a name of a ${format} file`,
      expected: 'a name of a text file: this output is text',
      next: 'Let its name end in .csv, .json or .html, as the help of the command says.',
    });
  const before = statSync(path, { throwIfNoEntry: false });
  if (before?.isDirectory() === true) throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path} is a folder` });
  const isReplaced = before === undefined || before.isFile();
  const target = isReplaced ? `${path}.${process.pid}.tmp` : path;
  const file = attempt(path, () => openSync(target, 'w'));
  let pending: string[] = [];
  let size = 0;
  const flush = (): void => {
    const text = Buffer.from(pending.join(''));
    pending = [];
    size = 0;
    // A pipe or a full disk can take less than it was given.
    for (let at = 0; at < text.length;) at += attempt(path, () => writeSync(file, text, at));
  };
  return {
    write(text) {
      pending.push(text);
      size += text.length;
      if (size >= WRITE_BYTES) flush();
    },
    close() {
      flush();
      closeSync(file);
      if (isReplaced) attempt(path, () => renameFile(target, path));
    },
    discard() {
      closeSync(file);
      if (isReplaced) rmSync(target, { force: true });
    },
  };
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path} (${code ?? message})`, cause });
  }
}
