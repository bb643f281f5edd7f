import { dirname, join } from 'node:path';
import { MinutehandError } from '../../shared/errors.ts';
import type { FileSystem } from '../../shared/ports.ts';
import type { Publication, Publisher } from './publish.ts';
import { ReplacedFiles } from './replaced_files.ts';

/** The file with all pairs, unless several daemons write into one folder. */
const ALL_PAIRS_FILE = 'signals.json';
const ONE_SHARD = /^signals_[a-z0-9_-]+\.json$/;
const TEMPORARY_NAME = /^\.signal(?:s(?:_[a-z0-9_-]+)?)?\.json\.(\d+)\.tmp$/;

/**
 * Removes temporary files left by a crash, in `folder` and one level below, and files of all pairs that no
 * process writes any more. Files of another live process (a second shard on the same folder) stay: it may be about to
 * rename them.
 */
function removeLeftovers(files: FileSystem, folder: string, allName: string): void {
  for (const entry of files.list(folder)) {
    const path = join(folder, entry.name);
    if (!entry.isFolder) {
      const isOutdated = allName === ALL_PAIRS_FILE ? ONE_SHARD.test(entry.name) : entry.name === ALL_PAIRS_FILE;
      if (isOutdated || isLeftover(entry.name)) files.remove(path);
      continue;
    }
    for (const inner of files.list(path)) if (isLeftover(inner.name)) files.remove(join(path, inner.name));
  }
}

function isLeftover(name: string): boolean {
  const match = TEMPORARY_NAME.exec(name);
  if (match === null) return false;
  const pid = Number(match[1]);
  return pid === process.pid || !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

export interface FilePublisherOptions {
  readonly files: FileSystem;
  /**
   * The signals folder; it and the folders in it are created, and recreated when they are removed, unless the one above
   * is gone.
   */
  readonly folder: string;
  /** Name of the file with all pairs: `signals.json` unless several daemons write into this folder. */
  readonly allName?: string;
  /** Milliseconds of `os.uptime()` after which nothing may be written; only a thread of its own reads it. */
  deadlineMs?(): number;
  /** Whether a file may be replaced now: a batch takes some time. A thread of its own goes by `deadlineMs`. */
  mayWrite?(): boolean;
  /** Blocks this thread for the given time, for a file that a reader blocks. Without it, such a file is not written. */
  pause?(ms: number): void;
  /** Called with PUBLISH_FILE at the first write that fails while all files were well, not again until they are. */
  onFailure(error: MinutehandError): void;
  /** Called when the last file that could not be written has been written again. */
  onRecovered(): void;
}

export interface FilePublisher extends Publisher<'file'> {
  /** Files whose last write failed. */
  readonly failing: number;
  /** Number of retries of files that a reader blocked. */
  readonly retries: number;
}

export interface FileWriter extends FilePublisher {
  /** Writes what failed once more: the newest text of each file. No further failure is counted or reported. */
  retry(): void;
}

/**
 * Writes `<folder>/signals.json` and then `<folder>/<pair_id>/signal.json` for each pair of a batch. The first is one
 * JSON object on one line that holds the last signal of every pair published since the start, by pair id, each one's
 * text unchanged; its reader has all pairs while the others are still being written. All files end with a newline.
 *
 * Every file is written beside its destination and renamed to it, so that a reader sees the old or the new text and
 * never a part. There is no fsync: after a power cut the last minute may be missing or empty, which `crc32` and
 * `valid_until_ms` show. Writing is synchronous.
 *
 * The rename is the cost on ext4: replacing a file makes it allocate the blocks of the new one at once (146 of 184 µs a
 * file; all of it is 16 on tmpfs). No other order of system calls is cheaper: neither Buffers nor open file descriptors
 * are.
 *
 * One file that cannot be written does not keep the others from being written. Files that a reader blocks are tried
 * again, after the others, for an eighth of a second. A text that could not be written is kept for `retry`, until a
 * newer text replaces it.
 *
 * If the file of all pairs has another name, an earlier `signals.json` is removed, and vice versa: it would never be
 * written again.
 */
export function createFilePublisher(options: FilePublisherOptions): FileWriter {
  return new SignalFiles(options);
}

class SignalFiles implements FileWriter {
  readonly name = 'file';
  readonly #options: FilePublisherOptions;
  readonly #written: ReplacedFiles;
  readonly #paths: SignalPaths;
  readonly #lastTextByPair = new Map<string, string>();
  #closed = false;

  constructor(options: FilePublisherOptions) {
    const { files, folder, allName = ALL_PAIRS_FILE, pause, mayWrite } = options;
    this.#options = options;
    this.#written = new ReplacedFiles(files, dirname(folder), pause, mayWrite);
    this.#paths = new SignalPaths(folder, allName);
    removeLeftovers(files, folder, allName);
  }

  get failures(): number {
    return this.#written.failures;
  }

  get failing(): number {
    return this.#written.failing;
  }

  get retries(): number {
    return this.#written.retries;
  }

  publish(batch: readonly Publication[]): void {
    if (this.#closed || batch.length === 0 || this.#options.mayWrite?.() === false) return;
    for (const { pairId, text } of batch) this.#lastTextByPair.set(pairId, text);
    const wasFailing = this.failing > 0;
    const error = this.#written.writeAll([
      { ...this.#paths.all, text: joinSignals(this.#lastTextByPair) },
      ...batch.map(({ pairId, text }) => ({ ...this.#paths.of(pairId), text: text + '\n' })),
    ]);
    if (error !== null && !wasFailing)
      this.#options.onFailure(new MinutehandError('PUBLISH_FILE', { seen: messageOf(error), cause: error }));
    else if (this.failing === 0 && wasFailing) this.#options.onRecovered();
  }

  retry(): void {
    if (this.#closed || this.failing === 0) return;
    this.#written.retry();
    if (this.failing === 0) this.#options.onRecovered();
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}

interface SignalPath {
  readonly path: string;
  readonly temporaryPath: string;
}

/** Paths of the signal files, and of the temporary files of this process beside them. */
class SignalPaths {
  readonly all: SignalPath;
  readonly #folder: string;
  readonly #byPair = new Map<string, SignalPath>();

  constructor(folder: string, allName: string) {
    this.#folder = folder;
    this.all = signalPath(folder, allName);
  }

  of(pairId: string): SignalPath {
    let path = this.#byPair.get(pairId);
    if (path === undefined) this.#byPair.set(pairId, (path = signalPath(join(this.#folder, pairId), 'signal.json')));
    return path;
  }
}

function signalPath(folder: string, name: string): SignalPath {
  return { path: join(folder, name), temporaryPath: join(folder, `.${name}.${process.pid}.tmp`) };
}

function joinSignals(lastTextByPair: ReadonlyMap<string, string>): string {
  let text = '{';
  for (const [pairId, signal] of lastTextByPair) {
    text += `${text.length > 1 ? ',' : ''}${JSON.stringify(pairId)}:${signal}`;
  }
  return text + '}\n';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
