import type { BestEffort } from './best_effort.ts';
import { BEAT_MS, type RunQueue } from './run_queue.ts';

/** Maximum delay of a Node timer. */
const MAX_WAIT_MS = 2 ** 31 - 1;

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
    const waitMs = Math.min(Math.max(minMs, dueMs - Date.now()), MAX_WAIT_MS);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onDue, waitMs);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  stop(): void {
    this.#stopped = true;
    this.clear();
  }
}
