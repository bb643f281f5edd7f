import { haltsPath, haltsText, NO_HALTS, parseHalts, type Halts } from '../../shared/bundle/halts.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { FileSystem, Scheduler } from '../../shared/ports.ts';
import { watchWholeFile, type FileWatch } from './whole_file_watch.ts';

/**
 * Stops that could not be read for longer than this may have changed: nothing is entered any more. Four looks; the file
 * is replaced in one step, so that a sound one can be read at any moment.
 */
export const STOPS_UNREAD_MS = 2000;

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
  /**
   * The file, or its folder, could not be read for STOPS_UNREAD_MS, or by this process never: a person's stop may be in
   * it. A damaged file was read. Called once until `onReadAgain`.
   */
  onUnread(error: unknown): void;
  /** After `onUnread`: the file can be read again, or its folder holds none. */
  onReadAgain(): void;
}

/**
 * Follows `models/halts.json`. A timer of its own, beside that of the models: loading a bundle may take a second, and a
 * halt does not wait for it.
 */
export function watchHalts(options: HaltWatchOptions): FileWatch {
  const path = haltsPath(options.modelsFolder);
  const reader = new HaltReader(options);
  const watch = watchWholeFile({
    ...options,
    path,
    read() {
      const text = reader.read();
      return text === null ? NO_HALTS : parseHalts(text, path);
    },
    onRead: (halts) => options.onHalts(halts),
  });
  return {
    check: () => watch.check(),
    stop() {
      watch.stop();
      reader.stop();
    },
  };
}

/** Reads the text of `halts.json`, and tells when it cannot. */
class HaltReader {
  readonly #options: HaltWatchOptions;
  #hasRead = false;
  #hadFolder = false;
  #isUnread = false;
  #stopWaiting: (() => void) | null = null;

  constructor(options: HaltWatchOptions) {
    this.#options = options;
  }

  /** @returns null without a file. @throws MinutehandError HALTS_FORMAT when it cannot be read */
  read(): string | null {
    let text: string | null;
    try {
      text = this.#text();
    } catch (error) {
      this.#failed(error);
      throw error;
    }
    this.#hasRead = true;
    this.stop();
    if (this.#isUnread) this.#options.onReadAgain();
    this.#isUnread = false;
    return text;
  }

  /** Waits no more. */
  stop(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = null;
  }

  /** A folder that was there and is gone has taken its stops along; where none ever was, there are none. */
  #text(): string | null {
    const { modelsFolder, files } = this.#options;
    const text = haltsText(modelsFolder, files);
    const isThere = text !== null || files.stat(modelsFolder) !== null;
    if (!isThere && this.#hadFolder) throw new MinutehandError('HALTS_FORMAT', { seen: `${modelsFolder} is gone` });
    this.#hadFolder ||= isThere;
    return text;
  }

  #failed(error: unknown): void {
    if (this.#isUnread || this.#stopWaiting !== null) return;
    const close = (): void => {
      this.#stopWaiting = null;
      this.#isUnread = true;
      this.#options.onUnread(error);
    };
    if (this.#hasRead) this.#stopWaiting = this.#options.scheduler.after(STOPS_UNREAD_MS, close);
    else close();
  }
}
