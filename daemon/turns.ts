import type { Scheduler } from '../shared/ports.ts';

/** Gives the event loop to others between the stations of a batch. */
export class Turns {
  readonly #scheduler: Scheduler;
  readonly #restMs: number;

  /** @param restMs see `PipelineOptions` */
  constructor({ scheduler, restMs }: { readonly scheduler: Scheduler; readonly restMs: number }) {
    this.#scheduler = scheduler;
    this.#restMs = restMs;
  }

  /** The end of this loop turn: everything that arrived in it is there, and sockets have been flushed. */
  end(): Promise<void> {
    return new Promise((resolve) => this.#scheduler.afterTurn(resolve));
  }

  /** On a machine of few cores the journal would hold one that the consumers need to read what was just sent. */
  rest(): Promise<void> | null {
    if (this.#restMs === 0) return null;
    return new Promise((resolve) => void this.#scheduler.after(this.#restMs, resolve));
  }
}
