import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Scheduler } from '../shared/ports.ts';

/** 2 MB of garbage; 5 MB of that of dry runs, which make their own bars. */
const SIGNALS_PER_COLLECTION = 320;
/** After a batch. */
const DELAY_MS = 5;

export interface IdleCollectorOptions {
  readonly scheduler: Scheduler;
  /** Resolves when no bar is due. */
  idleWindow(): Promise<void>;
  /** Nothing waits to be answered, and no bar of the minute is missing. */
  isIdle(): boolean;
  /** A minor collection. */
  collect(): void;
}

/**
 * Collects the young generation between bars, before V8 does it amid one: after 2 MB of garbage that is shorter than
 * after 16 MB, and what an answer needs is not reachable any more.
 */
export class IdleCollector {
  readonly #options: IdleCollectorOptions;
  #signals = 0;
  #isWaiting = false;

  constructor(options: IdleCollectorOptions) {
    this.#options = options;
  }

  /** So many signals were answered, published or not. */
  note(signals: number): void {
    this.#signals += signals;
    if (this.#signals < SIGNALS_PER_COLLECTION || this.#isWaiting) return;
    this.#isWaiting = true;
    this.#options.scheduler.after(DELAY_MS, () => void this.#collect());
  }

  async #collect(): Promise<void> {
    const { idleWindow, isIdle, collect } = this.#options;
    await idleWindow();
    this.#isWaiting = false;
    // Otherwise after the next batch.
    if (!isIdle()) return;
    this.#signals = 0;
    collect();
  }
}

/** @returns a collection of this process, which blocks it */
export function collectionOf(type: 'minor' | 'major'): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  const options = { type, execution: 'sync' };
  return () => collect(options);
}
