import { describeError, type ErrorReport } from '../../shared/errors.ts';
import type { JournalStore, InputRow, ShadowRow, SignalRow } from '../../shared/store/journal.ts';

/** Rows of one transaction. */
export interface JournalBatch {
  readonly inputs: readonly InputRow[];
  readonly signals: readonly SignalRow[];
  readonly shadows: readonly ShadowRow[];
  /** null = unchanged. */
  readonly feedPosition: string | null;
}

/**
 * @param stored batches that were stored, the first ones
 * @param refusal of the next one; null when all were stored
 */
export type OnWritten = (stored: number, refusal: ErrorReport | null) => void;

/** Stores batches, on this thread or another one. */
export interface JournalWriter {
  /**
   * Stores batches in their order, one transaction each, up to the first that is refused. The next call
   * comes after `onWritten`.
   */
  write(batches: readonly JournalBatch[], onWritten: OnWritten): void;
}

/** Writes on the calling thread, before `write` returns. */
export function writeInPlace(store: JournalStore): JournalWriter {
  return {
    write(batches, onWritten) {
      const { stored, refusal } = appendBatches(store, batches);
      onWritten(stored, refusal);
    },
  };
}

export function appendBatches(
  store: JournalStore,
  batches: readonly JournalBatch[],
): { readonly stored: number; readonly refusal: ErrorReport | null } {
  for (const [stored, { inputs, signals, shadows, feedPosition }] of batches.entries()) {
    try {
      store.append(inputs, signals, shadows, feedPosition);
    } catch (error) {
      return { stored, refusal: describeError(error) };
    }
  }
  return { stored: batches.length, refusal: null };
}
