import { dirname, join } from 'node:path';
import { MinutehandError } from '../../shared/errors.ts';
import type { FileSystem } from '../../shared/ports.ts';
import type { Publication, Publisher } from './publish.ts';

export interface FilePublisherOptions {
  readonly files: FileSystem;
  /** The signals folder; it and the folders in it are made, and made again when somebody removes them. */
  readonly folder: string;
  /** Called with PUBLISH_FILE at the first write that fails while all files were well, not again until they are. */
  onFailure(error: MinutehandError): void;
  /** Called when the last file that could not be written has been written again. */
  onRecovered(): void;
}

export interface FilePublisher extends Publisher {
  readonly name: 'file';
  /** Files whose last write failed. */
  readonly failing: number;
}

const TEMPORARY_NAME = /^\.signals?\.json\.(\d+)\.tmp$/;
/** On Windows a reader that does not share delete blocks the rename for a moment; elsewhere these errors are lasting. */
const RENAME_ATTEMPTS = process.platform === 'win32' ? 5 : 1;

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
 * One file that cannot be written does not keep the others from being written.
 */
export function createFilePublisher(options: FilePublisherOptions): FilePublisher {
  const { files, folder } = options;
  const temporarySuffix = `.${process.pid}.tmp`;
  const allPath = join(folder, 'signals.json');
  const allTemporaryPath = join(folder, `.signals.json${temporarySuffix}`);
  const pathsByPair = new Map<string, { readonly path: string; readonly temporaryPath: string }>();
  const lastTextByPair = new Map<string, string>();
  /** Files whose last write failed. A pair that is not in a batch says nothing of its own. */
  const failing = new Set<string>();
  let failures = 0;
  let closed = false;

  removeLeftovers(files, folder);

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

  function write(path: string, temporaryPath: string, text: string): MinutehandError | null {
    try {
      replaceFile(files, path, temporaryPath, text);
      failing.delete(path);
      return null;
    } catch (error) {
      failures++;
      failing.add(path);
      files.remove(temporaryPath);
      return new MinutehandError('PUBLISH_FILE', { seen: messageOf(error), cause: error });
    }
  }

  return {
    name: 'file',
    get failures() {
      return failures;
    },
    get failing() {
      return failing.size;
    },
    publish(batch: readonly Publication[]): void {
      if (closed || batch.length === 0) return;
      for (const { pairId, text } of batch) lastTextByPair.set(pairId, text);
      const wasFailing = failing.size > 0;
      let firstError = write(allPath, allTemporaryPath, joinSignals(lastTextByPair));
      for (const { pairId, text } of batch) {
        const { path, temporaryPath } = pathsOf(pairId);
        const error = write(path, temporaryPath, text + '\n');
        firstError ??= error;
      }

      if (firstError !== null && !wasFailing) options.onFailure(firstError);
      else if (failing.size === 0 && wasFailing) options.onRecovered();
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

function replaceFile(files: FileSystem, path: string, temporaryPath: string, text: string): void {
  try {
    files.write(temporaryPath, text);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    files.makeFolder(dirname(path));
    files.write(temporaryPath, text);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      files.rename(temporaryPath, path);
      return;
    } catch (error) {
      if (attempt >= RENAME_ATTEMPTS) throw error;
    }
  }
}

/**
 * Removes temporary files that a crash left behind, in `folder` and one level below. Those of another process that
 * lives (a second shard on the same folder) stay: it may be about to rename them.
 */
function removeLeftovers(files: FileSystem, folder: string): void {
  for (const entry of files.list(folder)) {
    const path = join(folder, entry.name);
    if (!entry.isFolder) {
      if (isLeftover(entry.name)) files.remove(path);
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
