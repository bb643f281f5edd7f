import { close, closeSync, fstat, open, openSync, stat, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { makeFolderAsync } from '../folder.ts';
import { makePrivateFolder, privateFolderMode } from '../private_files.ts';

const openFile = promisify(open);
const writeFile = promisify(write);
const closeFile = promisify(close);
const statPath = promisify(stat);
const statFile = promisify(fstat);

/** Lines that come within this time leave in one system call, unless they are more than GATHER_CHARACTERS. */
const GATHER_MS = 100;
const GATHER_CHARACTERS = 1 << 16;
/** How long after a write that failed the next one is tried. */
const RETRY_MS = 1000;
/** How often it is looked whether the file that is open still has its name. */
const LOOK_MS = 1000;
/** What may wait for a disk that takes nothing. Lines beyond it are lost. */
const MAX_WAITING_CHARACTERS = 1 << 22;
const NEWLINE = 10;

/** A file that lines are added to. No call throws, and `write` never waits for the disk. */
export interface LogFile {
  /** Takes one line with its newline. It is in the file a moment later. */
  write(line: string): void;
  /** Writes what waits before it returns, as far as the disk takes it: for a process that is about to end. */
  flush(): void;
  /** Resolves when every line is in the file or lost, and the file is closed. */
  close(): Promise<void>;
  /** Lines that never came into the file. */
  readonly lost: number;
}

const filesInUse = new Set<LogFile>();

function flushAll(): void {
  for (const file of filesInUse) file.flush();
}

/**
 * Opens a log file; it appears with its first line. Several processes may add to the same one, for lines leave whole.
 * What waits is written when the process ends, by an uncaught error too; a signal that kills at once loses a tenth of a second.
 *
 * Not sonic-boom, which pino brings: with a full disk its flush at exit repeats the write for ever while the process
 * stands still, and what it keeps in memory until then has no bound. Here the file is opened anew after a write that failed, so
 * that a disk that has room again, or was mounted again, gets what waited and what follows. It is opened anew too when it was renamed or
 * removed: who rotates logs need not tell anybody, and what was written until then is in the file of the other name.
 */
export function openLogFile(path: string): LogFile {
  let descriptor: number | null = null;
  let lookedMs = 0;
  let waiting = '';
  /** What is being written, or what the last write left over. */
  let chunk: Buffer | null = null;
  let writing: Promise<void> | null = null;
  /** The system has `chunk`, and will write it whatever becomes of this process. */
  let isUnderWay = false;
  let timer: NodeJS.Timeout | undefined;
  /** The last write failed: a timer is set for the next. */
  let isFailing = false;
  let isClosed = false;
  let lost = 0;

  function nextChunk(): Buffer | null {
    if (chunk === null && waiting !== '') {
      chunk = Buffer.from(waiting);
      waiting = '';
    }
    return chunk;
  }

  function written(bytes: number): void {
    chunk = bytes < chunk!.length ? chunk!.subarray(bytes) : null;
  }

  function drainAfter(ms: number): void {
    timer = setTimeout(drainNow, ms);
    timer.unref();
  }

  function drainNow(): void {
    clearTimeout(timer);
    timer = undefined;
    writing = drain().finally(() => {
      writing = null;
      if (timer === undefined && waiting !== '' && !isClosed) drainAfter(GATHER_MS);
    });
  }

  async function drain(): Promise<void> {
    try {
      while (chunk !== null || waiting !== '') {
        const file = await openUnderName();
        // What waited may have been flushed meanwhile.
        const next = nextChunk();
        if (next === null) break;
        isUnderWay = true;
        written((await writeFile(file, next)).bytesWritten);
        isUnderWay = false;
      }
      isFailing = false;
    } catch {
      isUnderWay = false;
      isFailing = true;
      if (descriptor !== null) await closeFile(descriptor).catch(() => undefined);
      descriptor = null;
      if (!isClosed) drainAfter(RETRY_MS);
    }
  }

  /** The file that has the name now. */
  async function openUnderName(): Promise<number> {
    if (descriptor !== null && performance.now() - lookedMs > LOOK_MS) await letGoWhereRenamed(descriptor);
    if (descriptor === null) {
      await makeFolderAsync(dirname(path), privateFolderMode());
      descriptor = await openFile(path, 'a');
      lookedMs = performance.now();
    }
    return descriptor;
  }

  async function letGoWhereRenamed(open: number): Promise<void> {
    lookedMs = performance.now();
    const [named, written] = await Promise.all([statPath(path).catch(() => null), statFile(open)]);
    if (named !== null && named.ino === written.ino && named.dev === written.dev) return;
    descriptor = null;
    await closeFile(open);
  }

  /** With a file of its own when none is open: the one that `drain` is opening now stays `drain`'s. */
  function withDescriptor(work: (fd: number) => void): void {
    if (descriptor !== null) return work(descriptor);
    makePrivateFolder(dirname(path));
    const fd = openSync(path, 'a');
    try {
      work(fd);
    } finally {
      closeSync(fd);
    }
  }

  const file: LogFile = {
    write(line) {
      if (isClosed || waiting.length + (chunk?.length ?? 0) + line.length > MAX_WAITING_CHARACTERS) {
        lost++;
        return;
      }
      waiting += line;
      if (writing !== null || isFailing) return;
      if (waiting.length > GATHER_CHARACTERS) drainNow();
      else if (timer === undefined) drainAfter(GATHER_MS);
    },
    flush() {
      if (chunk === null && waiting === '') return;
      try {
        withDescriptor((fd) => {
          // A chunk that is under way arrives by itself: Node ends no process before its file operations have ended.
          const underWay = isUnderWay ? chunk : null;
          if (underWay !== null) chunk = null;
          try {
            for (let next = nextChunk(); next !== null; next = nextChunk()) written(writeSync(fd, next));
          } finally {
            if (underWay !== null) {
              lost += lineCount(chunk);
              chunk = underWay;
            }
          }
        });
      } catch {
        // It waits for the next attempt.
      }
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await writing;
      if (nextChunk() !== null) await drain();
      lost += lineCount(chunk) + lineCount(Buffer.from(waiting));
      chunk = null;
      waiting = '';
      filesInUse.delete(file);
      if (filesInUse.size === 0) process.off('exit', flushAll);
      if (descriptor !== null) await closeFile(descriptor).catch(() => undefined);
      descriptor = null;
    },
    get lost() {
      return lost;
    },
  };
  if (filesInUse.size === 0) process.on('exit', flushAll);
  filesInUse.add(file);
  return file;
}

function lineCount(bytes: Buffer | null): number {
  let count = 0;
  for (const byte of bytes ?? []) if (byte === NEWLINE) count++;
  return count;
}
