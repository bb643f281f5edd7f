import type { Scheduler } from '../shared/ports.ts';

/** Gives the event loop to others between the stations of a batch. */
export class Turns {
  readonly #scheduler: Scheduler;
  readonly #restMs: number;
  #endRest: (() => void) | null = null;

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
    return this.#restMs === 0 ? null : this.#pause();
  }

  /** Something is to be answered: a rest ends with this loop turn. */
  interrupt(): void {
    this.#endRest?.();
  }

  async #pause(): Promise<void> {
    const isInterrupted = await new Promise<boolean>((resolve) => {
      const cancel = this.#scheduler.after(this.#restMs, () => resolve(false));
      this.#endRest = () => {
        cancel();
        resolve(true);
      };
    });
    this.#endRest = null;
    if (isInterrupted) await this.end();
  }
}
