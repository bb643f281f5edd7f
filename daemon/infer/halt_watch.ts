import { haltsPath, readHalts, type Halts } from '../../shared/bundle/halts.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import { watchWholeFile, type FileWatch } from './whole_file_watch.ts';

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

/**
 * Follows `models/halts.json`. A timer of its own, beside that of the models: loading a bundle may take a second, and a
 * halt does not wait for it.
 */
export function watchHalts(options: HaltWatchOptions): FileWatch {
  const { modelsFolder, files } = options;
  return watchWholeFile({
    ...options,
    path: haltsPath(modelsFolder),
    read: () => readHalts(modelsFolder, files),
    onRead: (halts) => options.onHalts(halts),
  });
}
