import type { MinutehandError } from './errors.ts';

export interface InTurnOptions {
  /**
   * Works that wait or run; null where the callers are the steps of one computation, which are counted by it, and not
   * requests from outside.
   */
  readonly most: number | null;
  /** Why one more is refused. @param count those that wait or run */
  full(count: number): MinutehandError;
}

/** A place in the queue, taken before the work is ready, such as that of a file that is still being received. */
export interface Place {
  /**
   * Runs the work when all earlier ones have ended.
   * @param signal aborted by whom has gone: the work does not begin then. What has begun ends by itself.
   * @throws the error of the work; the reason of the signal
   */
  run<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result>;
  /** Gives it back; without effect the second time. */
  leave(): void;
}

/** Runs works one after the other, in the order in which they became ready. Every queue of requests is one of these. */
export class InTurn {
  readonly #options: InTurnOptions;
  /** Each begins a work. */
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;
  #count = 0;

  constructor(options: InTurnOptions) {
    this.#options = options;
  }

  /** Works that wait or run, and places that were taken for one. */
  get count(): number {
    return this.#count;
  }

  /** @throws MinutehandError `full` */
  enter(): Place {
    const { most, full } = this.#options;
    if (most !== null && this.#count >= most) throw full(this.#count);
    this.#count++;
    let isLeft = false;
    return {
      run: (work, signal) => this.#run(work, signal),
      leave: () => {
        if (!isLeft) this.#count--;
        isLeft = true;
      },
    };
  }

  /**
   * As `run` of a place that is left afterwards.
   * @throws MinutehandError `full`; the error of the work; the reason of the signal
   */
  async run<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    const place = this.enter();
    try {
      return await place.run(work, signal);
    } finally {
      place.leave();
    }
  }

  /** Resolves when all that wait or run now have ended. */
  settled(): Promise<void> {
    return this.#run(async () => undefined);
  }

  async #run<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    signal?.throwIfAborted();
    if (this.#isBusy) await this.#wait(signal);
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#isBusy = false;
      else next();
    }
  }

  #wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(begin), 1);
        reject(signal!.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(begin);
    });
  }
}

/**
 * Work that is asked for again and again, such as a look: one runs, and at most one waits, which everybody gets who
 * asks meanwhile.
 * @returns asks for it; rejects as the work does
 */
export function atMostOneWaiting(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | null = null;

  async function next(): Promise<void> {
    await running.catch(() => undefined);
    waiting = null;
    running = work();
    await running;
  }

  return () => (waiting ??= next());
}
