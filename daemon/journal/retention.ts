import type { FileSystem, Clock, Scheduler } from '../../shared/ports.ts';
import { readArchivedSignals } from '../../shared/store/archived_signals.ts';
import type { JournalFile, PruneBounds } from '../../shared/store/journal.ts';

const LOOK_MS = 60_000;
const DAY_MS = 86_400_000;
/**
 * Signals of one transaction: it holds the thread for a millisecond, or for some ten when it is the one that SQLite
 * makes its checkpoint in.
 */
const BATCH_SIGNALS = 100;
/** Of one look: a journal of years is pruned in some days, at a few hundredths of a processor. */
const BATCHES = 20;

export interface RetentionOptions {
  readonly store: Pick<JournalFile, 'fingerprintOf'>;
  /** See `JournalFile`. */
  prune(bounds: PruneBounds, limit: number): Promise<number>;
  readonly journalPath: string;
  readonly archivedPath: string;
  /** `signals_journal_days` */
  readonly days: number;
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** Resolves when the thread may be blocked for some milliseconds: no bar is due. */
  idleWindow(): Promise<void>;
  onFailure(error: unknown): void;
  onPruned?(signals: number): void;
}

/**
 * Deletes signals from a journal that are older than `days` and in the archive, every minute, in small transactions
 * between bars.
 * @returns a function that ends it, and resolves when no transaction is in progress
 */
export function keepRetention(options: RetentionOptions): () => Promise<void> {
  let isStopped = false;
  let running: Promise<void> | null = null;
  const endLooks = options.scheduler.every(LOOK_MS, () => {
    running ??= look(options, () => isStopped).finally(() => (running = null));
  });
  return async () => {
    isStopped = true;
    endLooks();
    await running;
  };
}

async function look(options: RetentionOptions, isStopped: () => boolean): Promise<void> {
  const { onPruned, onFailure } = options;
  try {
    const bounds = boundsOf(options);
    if (bounds === null) return;
    for (let batch = 0; batch < BATCHES; batch++) {
      await options.idleWindow();
      if (isStopped()) return;
      const passed = await options.prune(bounds, BATCH_SIGNALS);
      if (passed === 0) return;
      onPruned?.(passed);
      // Work that arrived meanwhile runs first.
      await new Promise<void>((resolve) => options.scheduler.afterTurn(resolve));
    }
  } catch (error) {
    onFailure(error);
  }
}

/** null when no day of this journal has been archived. */
function boundsOf({ store, files, archivedPath, journalPath, days, clock }: RetentionOptions) {
  const archived = readArchivedSignals(files, archivedPath, journalPath);
  if (archived === null || store.fingerprintOf(archived.signal_row) !== archived.fingerprint) return null;
  const publishedBeforeMs = Math.min(archived.published_before_ms, clock.nowMs() - days * DAY_MS);
  return { throughRow: archived.signal_row, publishedBeforeMs };
}
