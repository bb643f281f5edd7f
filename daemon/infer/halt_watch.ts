import { haltsPath, readHalts, type Halts } from '../../shared/bundle/halts.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';

export interface HaltWatchOptions {
  readonly modelsFolder: string;
  readonly pollMs: number;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  /** Called with the contents each time the file changes. */
  onHalts(halts: Halts): void;
  /** The file cannot be read or is damaged: the last halts stay. Called once until it is whole again. */
  onRefused(error: unknown): void;
  /** After a refusal: the file is whole again, or gone. */
  onWithdrawn(): void;
}

export interface HaltWatch {
  /** Looks now. */
  check(): void;
  stop(): void;
}

const ABSENT = 'absent';

/**
 * Follows `models/halts.json`. A timer of its own, beside that of the models: loading a bundle may take a second, and a
 * halt does not wait for it. As long as the file is the same, a look is one `stat`; what could not be read is tried
 * again each time.
 */
export function watchHalts(options: HaltWatchOptions): HaltWatch {
  const { modelsFolder, files } = options;
  let current = '';
  let refusalStands = false;

  function check(): void {
    const stat = files.stat(haltsPath(modelsFolder));
    const seen = stat === null ? ABSENT : `${stat.inode}:${stat.bytes}:${stat.modifiedMs}`;
    if (seen === current) return;
    let halts: Halts;
    try {
      halts = readHalts(modelsFolder, files);
    } catch (error) {
      // The same bytes as before the damage are read again too.
      current = '';
      if (!refusalStands) options.onRefused(error);
      refusalStands = true;
      return;
    }
    current = seen;
    if (refusalStands) options.onWithdrawn();
    refusalStands = false;
    options.onHalts(halts);
  }

  return { check, stop: options.scheduler.every(options.pollMs, check) };
}
