import { dirname, join } from 'node:path';
import { BLOCKED_PAUSES_MS, isBlocked } from '../../shared/durable_file.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { FileSystem } from '../../shared/ports.ts';
import type { Publication, Publisher } from './publish.ts';

export interface FilePublisherOptions {
  readonly files: FileSystem;
  /** The signals folder; it and the folders in it are made, and made again when somebody removes them. */
  readonly folder: string;
  /** Name of the file with all pairs: `signals.json` unless several daemons write into this folder. */
  readonly allName?: string;
  /** Holds this thread for the given time, for a file that a reader blocks. Without it, such a file is not written. */
  pause?(ms: number): void;
  /** Called with PUBLISH_FILE at the first write that fails while all files were well, not again until they are. */
  onFailure(error: MinutehandError): void;
  /** Called when the last file that could not be written has been written again. */
  onRecovered(): void;
}

export interface FilePublisher extends Publisher {
  readonly name: 'file';
  /** Files whose last write failed. */
  readonly failing: number;
  /** How often a file that a reader blocked was tried again. */
  readonly retries: number;
}

export interface FileWriter extends FilePublisher {
  /** Writes what failed once more: the newest text of each file. No further failure is counted or told. */
  retry(): void;
}

/** A file that is to get a new text. */
interface Replacement {
  readonly path: string;
  readonly temporaryPath: string;
  readonly text: string;
}

const ALL_PAIRS = 'signals.json';
const ONE_SHARD = /^signals_[a-z0-9_-]+\.json$/;
const TEMPORARY_NAME = /^\.signal(?:s(?:_[a-z0-9_-]+)?)?\.json\.(\d+)\.tmp$/;

/**
 * Writes `<folder>/signals.json` and then `<folder>/<pair_id>/signal.json` for each pair of a batch. The first is one JSON
 * object on one line that holds the last signal of every pair published since the start, by pair id, each one's text
 * unchanged; whoever reads it has all pairs while the others are still being written. All files end with a newline.
 *
 * Every file is written beside its place and renamed into it, so that a reader sees the old or the new text and never
 * a part. There is no fsync: after a power cut the last minute may be missing or empty, which `crc32` and
 * `valid_until_ms` show. Writing is synchronous.
 *
 * The rename is what costs on ext4: replacing a file makes it give the new one its blocks at once (146 of 184 µs a file;
 * all of it is 16 on tmpfs). No other order of system calls is cheaper: neither Buffers nor open file descriptors are.
 *
 * One file that cannot be written does not keep the others from being written. Files that a reader blocks are tried again, after
 * the others, for an eighth of a second. What could not be written is kept for `retry`, until a newer text takes its place.
 *
 * Where the file of all pairs has another name, a `signals.json` from before is removed, and the other way round: it would never be
 * written again.
 */
export function createFilePublisher(options: FilePublisherOptions): FileWriter {
  const { files, folder, allName = ALL_PAIRS, pause } = options;
  const temporarySuffix = `.${process.pid}.tmp`;
  const allPath = join(folder, allName);
  const allTemporaryPath = join(folder, `.${allName}${temporarySuffix}`);
  const pathsByPair = new Map<string, { readonly path: string; readonly temporaryPath: string }>();
  const lastTextByPair = new Map<string, string>();
  /** Files whose last write failed. A pair that is not in a batch says nothing of its own. */
  const failing = new Map<string, Replacement>();
  let failures = 0;
  let retries = 0;
  let closed = false;

  removeLeftovers(files, folder, allName);

  function pathsOf(pairId: string): { readonly path: string; readonly temporaryPath: string } {
    let paths = pathsByPair.get(pairId);
    if (paths === undefined) {
      paths = {
        path: join(folder, pairId, 'signal.json'),
        temporaryPath: join(folder, pairId, `.signal.json${temporarySuffix}`),
      };
      pathsByPair.set(pairId, paths);
    }
    return paths;
  }

  /** @returns what went wrong, or null */
  function write(replacement: Replacement): unknown {
    const { path, temporaryPath } = replacement;
    try {
      replaceFile(files, replacement);
      failing.delete(path);
      return null;
    } catch (error) {
      failing.set(path, replacement);
      files.remove(temporaryPath);
      return error;
    }
  }

  /** @returns the error of the first file that could not be written, or null */
  function writeAll(replacements: readonly Replacement[]): unknown {
    let left = replacements.map((replacement) => ({ replacement, error: write(replacement) }));
    for (const pauseMs of pause === undefined ? [] : BLOCKED_PAUSES_MS) {
      if (!left.some(({ error }) => isBlocked(error))) break;
      pause!(pauseMs);
      left = left.map((one) => {
        if (!isBlocked(one.error)) return one;
        retries++;
        return { ...one, error: write(one.replacement) };
      });
    }
    const failed = left.filter(({ error }) => error !== null);
    failures += failed.length;
    return failed[0]?.error ?? null;
  }

  return {
    name: 'file',
    get failures() {
      return failures;
    },
    get failing() {
      return failing.size;
    },
    get retries() {
      return retries;
    },
    publish(batch: readonly Publication[]): void {
      if (closed || batch.length === 0) return;
      for (const { pairId, text } of batch) lastTextByPair.set(pairId, text);
      const wasFailing = failing.size > 0;
      const error = writeAll([
        { path: allPath, temporaryPath: allTemporaryPath, text: joinSignals(lastTextByPair) },
        ...batch.map(({ pairId, text }) => ({ ...pathsOf(pairId), text: text + '\n' })),
      ]);

      if (error !== null && !wasFailing)
        options.onFailure(new MinutehandError('PUBLISH_FILE', { seen: messageOf(error), cause: error }));
      else if (failing.size === 0 && wasFailing) options.onRecovered();
    },
    retry(): void {
      if (closed || failing.size === 0) return;
      for (const replacement of [...failing.values()]) {
        retries++;
        write(replacement);
      }
      if (failing.size === 0) options.onRecovered();
    },
    close(): Promise<void> {
      closed = true;
      return Promise.resolve();
    },
  };
}

function joinSignals(lastTextByPair: ReadonlyMap<string, string>): string {
  let text = '{';
  for (const [pairId, signal] of lastTextByPair) {
    text += `${text.length > 1 ? ',' : ''}${JSON.stringify(pairId)}:${signal}`;
  }
  return text + '}\n';
}

function replaceFile(files: FileSystem, { path, temporaryPath, text }: Replacement): void {
  try {
    files.write(temporaryPath, text);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    files.makeFolder(dirname(path));
    files.write(temporaryPath, text);
  }
  files.rename(temporaryPath, path);
}

/**
 * Removes temporary files that a crash left behind, in `folder` and one level below, and files of all pairs that nobody
 * writes any more. Those of another process that lives (a second shard on the same folder) stay: it may be about to rename them.
 */
function removeLeftovers(files: FileSystem, folder: string, allName: string): void {
  for (const entry of files.list(folder)) {
    const path = join(folder, entry.name);
    if (!entry.isFolder) {
      const isOutdated = allName === ALL_PAIRS ? ONE_SHARD.test(entry.name) : entry.name === ALL_PAIRS;
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
    return codeOf(error) === 'EPERM';
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
