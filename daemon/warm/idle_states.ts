import { closeSync, openSync, writeSync } from 'node:fs';
import type { Clock, Scheduler } from '../../shared/ports.ts';

/** Source: docs.kernel.org/power/pm_qos_interface.html. */
const LATENCY_REQUEST = '/dev/cpu_dma_latency';
/** 32-bit microseconds: no time to wake up, and the kernel's default, which is no limit. */
const NO_LATENCY = Int32Array.of(0);
const ANY_LATENCY = Int32Array.of(2_000_000_000);
/** Bars of a burst follow each other within this time. */
const AWAKE_MS = 3;

export interface IdleStatesOptions {
  readonly clock: Pick<Clock, 'monotonicUs'>;
  readonly scheduler: Pick<Scheduler, 'after'>;
  readonly path?: string;
}

/**
 * Keeps all processors of a Linux machine out of idle states from a bar until shortly after the last one. Waking up
 * takes them up to 0.2 ms, which a signal pays in the daemon and again in the consumer: those of the consumers wake up
 * while it is computed. Not for longer: a hypervisor takes processors away that never sleep, for up to 10 ms.
 */
export class IdleStates {
  readonly #options: IdleStatesOptions;
  /** null = closed. */
  #request: number | null;
  #isForbidden = false;
  #lastUs = 0;

  /** @throws where the system does not permit it: no Linux, or no right to write */
  constructor(options: IdleStatesOptions) {
    this.#options = options;
    this.#request = openSync(options.path ?? LATENCY_REQUEST, 'r+');
  }

  /** A bar has arrived: forbids idle states for 3 ms. */
  forbid(): void {
    this.#lastUs = this.#options.clock.monotonicUs();
    if (this.#isForbidden || this.#request === null) return;
    this.#isForbidden = true;
    writeSync(this.#request, NO_LATENCY);
    this.#allowAfter(AWAKE_MS);
  }

  close(): void {
    if (this.#request !== null) closeSync(this.#request);
    this.#request = null;
  }

  #allowAfter(ms: number): void {
    this.#options.scheduler.after(ms, () => {
      if (this.#request === null) return;
      const leftMs = AWAKE_MS - (this.#options.clock.monotonicUs() - this.#lastUs) / 1000;
      if (leftMs > 0) return this.#allowAfter(leftMs);
      this.#isForbidden = false;
      writeSync(this.#request, ANY_LATENCY);
    });
  }
}
