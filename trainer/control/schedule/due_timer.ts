import type { BestEffort } from './best_effort.ts';
import { BEAT_MS, type RunQueue } from './run_queue.ts';

/** A longer timer would not count time during which the machine is suspended. */
const MAX_WAIT_MS = 30_000;

/** Calls `onDue` when a queued run is due. */
export class DueTimer {
  readonly #queue: () => RunQueue;
  readonly #attempt: BestEffort;
  readonly #onDue: () => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(queue: () => RunQueue, attempt: BestEffort, onDue: () => void) {
    this.#queue = queue;
    this.#attempt = attempt;
    this.#onDue = onDue;
  }

  /** Reads the due time again. */
  async set(minMs = 0): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    // A queue that cannot be read now may have a run that is due.
    let dueMs: number | null = Date.now() + BEAT_MS;
    await this.#attempt('the queue cannot be read', async () => (dueMs = await this.#queue().dueMs()));
    if (dueMs === null || this.#stopped) return;
    this.#waitFor(Math.max(dueMs, Date.now() + minMs));
  }

  #waitFor(dueMs: number): void {
    clearTimeout(this.#timer);
    const leftMs = dueMs - Date.now();
    this.#timer =
      leftMs > MAX_WAIT_MS
        ? setTimeout(() => this.#waitFor(dueMs), MAX_WAIT_MS)
        : setTimeout(this.#onDue, Math.max(0, leftMs));
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  stop(): void {
    this.#stopped = true;
    this.clear();
  }
}
