import type { FileSystem, Scheduler } from '../../shared/ports.ts';

export interface WholeFileWatchOptions<Contents> {
  readonly path: string;
  readonly pollMs: number;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  /** Reads the file, or what its absence means. */
  read(): Contents;
  /** Called with the contents each time the file changes. */
  onRead(contents: Contents): void;
  /** The file cannot be read or is damaged: what was read last stays. Called once until it is whole again. */
  onRefused(error: unknown): void;
  /** After a refusal: the file is whole again, or gone. */
  onWithdrawn(): void;
}

export interface FileWatch {
  /** Looks now. */
  check(): void;
  stop(): void;
}

const ABSENT = 'absent';

/**
 * Follows a file that is replaced as a whole. As long as it is the same, a look is one `stat`. What could not be read
 * is tried again each time, and so is an absent one: `stat` does not tell absence from a failure.
 */
export function watchWholeFile<Contents>(options: WholeFileWatchOptions<Contents>): FileWatch {
  const { path, files } = options;
  let current = '';
  let refusalStands = false;

  function check(): void {
    const stat = files.stat(path);
    const seen = stat === null ? ABSENT : `${stat.inode}:${stat.bytes}:${stat.modifiedMs}`;
    if (seen === current && seen !== ABSENT) return;
    let contents: Contents;
    try {
      contents = options.read();
    } catch (error) {
      // The same bytes as before the damage are read again too.
      current = '';
      if (!refusalStands) options.onRefused(error);
      refusalStands = true;
      return;
    }
    const isSame = seen === current;
    current = seen;
    if (refusalStands) options.onWithdrawn();
    refusalStands = false;
    if (!isSame) options.onRead(contents);
  }

  return { check, stop: options.scheduler.every(options.pollMs, check) };
}
