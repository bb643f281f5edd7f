import { close, closeSync, existsSync, fstat, open, openSync, rename, stat, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { makeFolderAsync } from '../folder.ts';
import { makePrivateFolder, privateFolderMode } from '../private_files.ts';

const openFile = promisify(open);
const writeFile = promisify(write);
const closeFile = promisify(close);
const statPath = promisify(stat);
const statFile = promisify(fstat);
const renameFile = promisify(rename);

/** Lines that come within this time leave in one system call, unless they are more than GATHER_CHARACTERS. */
const GATHER_MS = 100;
const GATHER_CHARACTERS = 1 << 16;
/** Delay before a failed write is retried. */
const RETRY_MS = 1000;
/** Interval of the check that the open file still has its name. */
const LOOK_MS = 1000;
/** Maximum of pending characters for a disk that takes nothing. Lines beyond it are lost. */
const MAX_WAITING_CHARACTERS = 1 << 22;
const NEWLINE = 10;
/** A longer file is renamed. Rotation by the system's logrotate, at 50 MB, comes first where it runs often enough. */
export const MAX_LOG_BYTES = 64 << 20;
/** Name of the file before, which it replaces. */
export const FULL_LOG = '.full';

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
 * Opens a log file; it is created with its first line. Several processes may append to the same file, because each line
 * is one write. Pending lines are written when the process ends, by an uncaught error too; a signal that kills at once
 * loses a tenth of a second.
 *
 * Not sonic-boom, which pino brings: with a full disk its flush at exit repeats the write forever while the process
 * hangs, and its buffer until then has no bound. Here the file is reopened after a failed write, so that a disk that
 * has room again, or was mounted again, receives the pending and the following lines. It is also reopened when it was
 * renamed or removed: log rotation needs no notification, and earlier lines are in the file of the other name. A file
 * of 64 MB is renamed to `<path>.full`, so that both together have a bound without any rotation.
 * @param maxBytes of a file that is not renamed
 */
export function openLogFile(path: string, maxBytes = MAX_LOG_BYTES): LogFile {
  const file = new GatheredFile(path, maxBytes);
  if (filesInUse.size === 0) process.on('exit', flushAll);
  filesInUse.add(file);
  return file;
}

class GatheredFile implements LogFile {
  lost = 0;
  readonly #file: OpenedFile;
  #waiting = '';
  /** The bytes being written, or the rest of the last write. */
  #chunk: Buffer | null = null;
  #writing: Promise<void> | null = null;
  /** The system has `#chunk`, and writes it even if this process ends. */
  #isUnderWay = false;
  #timer: NodeJS.Timeout | undefined;
  /** The last write failed: a timer is set for the next. */
  #isFailing = false;
  #isClosed = false;

  constructor(path: string, maxBytes: number) {
    this.#file = new OpenedFile(path, maxBytes);
  }

  write(line: string): void {
    const waiting = this.#waiting.length + (this.#chunk?.length ?? 0) + line.length;
    if (this.#isClosed || waiting > MAX_WAITING_CHARACTERS) {
      this.lost++;
      return;
    }
    this.#waiting += line;
    if (this.#writing !== null || this.#isFailing) return;
    if (this.#waiting.length > GATHER_CHARACTERS) this.#drainNow();
    else if (this.#timer === undefined) this.#drainAfter(GATHER_MS);
  }

  flush(): void {
    if (this.#chunk === null && this.#waiting === '') return;
    try {
      this.#file.use((fd) => this.#flushInto(fd));
    } catch {
      // It waits for the next attempt.
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#writing;
    if (this.#nextChunk() !== null) await this.#drain();
    this.lost += lineCount(this.#chunk) + lineCount(Buffer.from(this.#waiting));
    this.#chunk = null;
    this.#waiting = '';
    filesInUse.delete(this);
    if (filesInUse.size === 0) process.off('exit', flushAll);
    await this.#file.close();
  }

  #nextChunk(): Buffer | null {
    if (this.#chunk === null && this.#waiting !== '') {
      this.#chunk = Buffer.from(this.#waiting);
      this.#waiting = '';
    }
    return this.#chunk;
  }

  #written(bytes: number): void {
    this.#chunk = bytes < this.#chunk!.length ? this.#chunk!.subarray(bytes) : null;
  }

  #drainAfter(ms: number): void {
    this.#timer = setTimeout(() => this.#drainNow(), ms);
    this.#timer.unref();
  }

  #drainNow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#drain().finally(() => {
      this.#writing = null;
      if (this.#timer === undefined && this.#waiting !== '' && !this.#isClosed) this.#drainAfter(GATHER_MS);
    });
  }

  async #drain(): Promise<void> {
    try {
      while (this.#chunk !== null || this.#waiting !== '') {
        const fd = await this.#file.underName();
        // Waiting lines may have been flushed meanwhile.
        const next = this.#nextChunk();
        if (next === null) break;
        this.#isUnderWay = true;
        this.#written((await writeFile(fd, next)).bytesWritten);
        this.#isUnderWay = false;
      }
      this.#isFailing = false;
    } catch {
      this.#isUnderWay = false;
      this.#isFailing = true;
      await this.#file.close();
      if (!this.#isClosed) this.#drainAfter(RETRY_MS);
    }
  }

  #flushInto(fd: number): void {
    // A chunk that is in progress needs no further action: Node ends no process before its file operations have ended.
    const underWay = this.#isUnderWay ? this.#chunk : null;
    if (underWay !== null) this.#chunk = null;
    try {
      for (let next = this.#nextChunk(); next !== null; next = this.#nextChunk()) this.#written(writeSync(fd, next));
    } finally {
      if (underWay !== null) {
        this.lost += lineCount(this.#chunk);
        this.#chunk = underWay;
      }
    }
  }
}

/** The descriptor of a file that others may rename or remove. */
class OpenedFile {
  readonly #path: string;
  readonly #maxBytes: number;
  /** Folder above that of the logs, such as the home. */
  readonly #parent: string;
  #hadParent: boolean;
  #descriptor: number | null = null;
  #lookedMs = 0;

  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#parent = dirname(dirname(path));
    this.#hadParent = existsSync(this.#parent);
  }

  /** The file that has the name now. */
  async underName(): Promise<number> {
    if (this.#descriptor !== null && performance.now() - this.#lookedMs > LOOK_MS)
      await this.#closeWhereRenamed(this.#descriptor);
    if (this.#descriptor === null) {
      this.#checkParent();
      await makeFolderAsync(dirname(this.#path), privateFolderMode());
      this.#descriptor = await openFile(this.#path, 'a');
      this.#lookedMs = performance.now();
    }
    return this.#descriptor;
  }

  /** With a descriptor of its own when none is open: the one that `underName` is opening now stays its own. */
  use(work: (fd: number) => void): void {
    if (this.#descriptor !== null) return work(this.#descriptor);
    this.#checkParent();
    makePrivateFolder(dirname(this.#path));
    const fd = openSync(this.#path, 'a');
    try {
      work(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** A home that was moved away is not made again: it could not be moved back. @throws Error */
  #checkParent(): void {
    const isThere = existsSync(this.#parent);
    if (this.#hadParent && !isThere) throw new Error(`${this.#parent} is gone`);
    this.#hadParent ||= isThere;
  }

  async close(): Promise<void> {
    if (this.#descriptor !== null) await closeFile(this.#descriptor).catch(() => undefined);
    this.#descriptor = null;
  }

  async #closeWhereRenamed(open: number): Promise<void> {
    this.#lookedMs = performance.now();
    const [named, written] = await Promise.all([statPath(this.#path).catch(() => null), statFile(open)]);
    if (named !== null && named.ino === written.ino && named.dev === written.dev) {
      if (written.size <= this.#maxBytes) return;
      // A file that cannot be renamed is better than none.
      await renameFile(this.#path, this.#path + FULL_LOG).catch(() => undefined);
    }
    this.#descriptor = null;
    await closeFile(open);
  }
}

function lineCount(bytes: Buffer | null): number {
  let count = 0;
  for (const byte of bytes ?? []) if (byte === NEWLINE) count++;
  return count;
}
