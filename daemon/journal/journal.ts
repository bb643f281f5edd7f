import { describeError } from '../../shared/errors.ts';
import type { InputRow, JournalStore, ShadowRow, SignalRow } from '../../shared/store/journal.ts';

/** Collects what took effect and what was answered, and stores it in one transaction off the bar's way. */
export interface Journal {
  input(row: InputRow): void;
  signal(row: SignalRow): void;
  shadow(row: ShadowRow): void;
  /** The current position of a resumable feed: stored with the inputs it has given so far, never before them. */
  feedPosition(position: string): void;
  /**
   * Stores all that was collected, or keeps it for the next flush when the disk refuses.
   * @returns whether it was stored
   */
  flush(): boolean;
}

export interface JournalOptions {
  readonly store: JournalStore;
  /** Called at the first failed flush after a good one. */
  onFailure(error: { code: string; message: string; next: string }): void;
  onRecovered(): void;
}

export function createJournal(options: JournalOptions): Journal {
  let inputs: InputRow[] = [];
  let signals: SignalRow[] = [];
  let shadows: ShadowRow[] = [];
  let position: string | null = null;
  let failing = false;
  return {
    input: (row) => void inputs.push(row),
    signal: (row) => void signals.push(row),
    shadow: (row) => void shadows.push(row),
    feedPosition: (next) => void (position = next),
    flush() {
      if (inputs.length === 0 && signals.length === 0 && shadows.length === 0 && position === null) return true;
      try {
        options.store.append(inputs, signals, shadows, position);
      } catch (error) {
        if (!failing) options.onFailure(describeError(error));
        failing = true;
        return false;
      }
      inputs = [];
      signals = [];
      shadows = [];
      position = null;
      if (failing) options.onRecovered();
      failing = false;
      return true;
    },
  };
}

/** A journal that keeps nothing: for a replay, whose inputs are on disk already. */
export const NO_JOURNAL: Journal = {
  input: () => undefined,
  signal: () => undefined,
  shadow: () => undefined,
  feedPosition: () => undefined,
  flush: () => true,
};
