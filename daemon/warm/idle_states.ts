import { closeSync, openSync, writeSync } from 'node:fs';

/** Source: docs.kernel.org/power/pm_qos_interface.html. */
const LATENCY_REQUEST = '/dev/cpu_dma_latency';
/** A 32-bit 0: no time to wake up. */
const NO_LATENCY = new Uint8Array(4);

/**
 * Keeps all processors of a Linux machine out of idle states on request. Waking up takes them up to 0.2 ms, which a bar
 * pays in the daemon and again in the consumer.
 */
export class IdleStates {
  readonly #path: string;
  #request: number | null = null;

  /** @throws where the system does not permit it: no Linux, or no right to write */
  constructor(path = LATENCY_REQUEST) {
    this.#path = path;
    closeSync(openSync(path, 'r+'));
  }

  /** Until `allow`, or the end of the process. */
  forbid(): void {
    this.#request ??= openRequest(this.#path);
  }

  allow(): void {
    if (this.#request !== null) closeSync(this.#request);
    this.#request = null;
  }
}

/** @returns null when it is refused, for want of file descriptors for example: processors sleep as before */
function openRequest(path: string): number | null {
  let request: number | null = null;
  try {
    request = openSync(path, 'r+');
    writeSync(request, NO_LATENCY);
  } catch {
    // The device takes every write; what fails is opening it.
  }
  return request;
}
