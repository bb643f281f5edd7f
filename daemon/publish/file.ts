import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MinutehandError } from '../../shared/errors.ts';
import type { Publication, Publisher } from './publish.ts';

export interface FilePublisherOptions {
  /** The signals folder; it and the folders in it are made, and made again when somebody removes them. */
  readonly folder: string;
  /** Called with PUBLISH_FILE at the first write that fails after a good one, not again until a batch went well. */
  onFailure(error: MinutehandError): void;
  /** Called at the first batch that was written completely after a failure. */
  onRecovered(): void;
}

export interface FilePublisher extends Publisher {
  readonly name: 'file';
}

const TEMPORARY_NAME = /^\.signals?\.json\.(\d+)\.tmp$/;
/** On Windows a reader that does not share delete blocks the rename for a moment; elsewhere these errors are lasting. */
const RENAME_ATTEMPTS = process.platform === 'win32' ? 5 : 1;

/**
 * Writes `<folder>/<pair_id>/signal.json` for each pair of a batch and then `<folder>/signals.json`, one JSON object
 * on one line that holds the last signal of every pair published since the start, by pair id, each one's text unchanged.
 * All files end with a newline.
 *
 * Every file is written beside its place and renamed into it, so that a reader sees the old or the new text and never
 * a part. There is no fsync: after a power cut the last minute may be missing or empty, which `crc32` and
 * `valid_until_ms` show. Writing is synchronous (about 140 µs a file on a disk, 20 on tmpfs; half of what promises cost).
 *
 * One file that cannot be written does not keep the others from being written.
 */
export function createFilePublisher(options: FilePublisherOptions): FilePublisher {
  const { folder } = options;
  const temporarySuffix = `.${process.pid}.tmp`;
  const lastTextByPair = new Map<string, string>();
  let failures = 0;
  let failing = false;
  let closed = false;

  removeLeftovers(folder);

  function write(path: string, temporaryPath: string, text: string): MinutehandError | null {
    try {
      replaceFile(path, temporaryPath, text);
      return null;
    } catch (error) {
      failures++;
      rmQuietly(temporaryPath);
      return new MinutehandError('PUBLISH_FILE', { seen: messageOf(error), cause: error });
    }
  }

  return {
    name: 'file',
    get failures() {
      return failures;
    },
    publish(batch: readonly Publication[]): void {
      if (closed || batch.length === 0) return;
      let firstError: MinutehandError | null = null;
      for (const { pairId, text } of batch) {
        lastTextByPair.set(pairId, text);
        const pairFolder = join(folder, pairId);
        const error = write(
          join(pairFolder, 'signal.json'),
          join(pairFolder, `.signal.json${temporarySuffix}`),
          text + '\n',
        );
        firstError ??= error;
      }
      const error = write(
        join(folder, 'signals.json'),
        join(folder, `.signals.json${temporarySuffix}`),
        joinSignals(lastTextByPair),
      );
      firstError ??= error;

      if (firstError !== null && !failing) {
        failing = true;
        options.onFailure(firstError);
      } else if (firstError === null && failing) {
        failing = false;
        options.onRecovered();
      }
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

function replaceFile(path: string, temporaryPath: string, text: string): void {
  try {
    writeFileSync(temporaryPath, text);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(temporaryPath, text);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      renameSync(temporaryPath, path);
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
function removeLeftovers(folder: string): void {
  for (const entry of readFolder(folder)) {
    if (entry.isDirectory()) {
      for (const inner of readFolder(join(folder, entry.name))) removeIfLeftover(join(folder, entry.name), inner.name);
    } else {
      removeIfLeftover(folder, entry.name);
    }
  }
}

function removeIfLeftover(folder: string, name: string): void {
  const match = TEMPORARY_NAME.exec(name);
  if (match === null) return;
  const pid = Number(match[1]);
  if (pid === process.pid || !isAlive(pid)) rmQuietly(join(folder, name));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function readFolder(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // Not there yet, or not readable: the first write will say so.
  }
}

function rmQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The failure that led here was reported; a left-over is removed at the next start.
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
