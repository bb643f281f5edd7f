import { MinutehandError } from './errors.ts';

export interface InTurnOptions {
  /** Works that wait or run. */
  readonly most: number;
  /** What they are, such as `previews and imports`. */
  readonly what: string;
  /** Why one more is refused; default: REQUESTS_TOO_MANY. @param seen how many there are */
  full?(seen: string): MinutehandError;
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

/** Runs works one after the other, in the order in which they became ready. Every queue of promises is one of these. */
export class InTurn {
  readonly #options: InTurnOptions | null;
  /** Each begins a work. */
  readonly #waiting: (() => void)[] = [];
  #isBusy = false;
  #count = 0;

  /** @param options null where nothing asks for it but the steps of one computation, which are as many as that has */
  constructor(options: InTurnOptions | null) {
    this.#options = options;
  }

  /** Works that wait or run, and places that were taken for one. */
  get count(): number {
    return this.#count;
  }

  /** @throws MinutehandError `full` */
  enter(): Place {
    if (this.#options !== null && this.#count >= this.#options.most) throw fullOf(this.#options, this.#count);
    this.#count++;
    let isLeft = false;
    return {
      run: (work, signal) => this.own(work, signal),
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
    return this.own(async () => undefined);
  }

  /** Runs a work of the owner of this queue, which takes no place of others, and asks for one at a time. */
  async own<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
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

function fullOf({ what, full }: InTurnOptions, count: number): MinutehandError {
  const seen = `${count} ${what}`;
  return full?.(seen) ?? new MinutehandError('REQUESTS_TOO_MANY', { seen });
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
