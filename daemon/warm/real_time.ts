import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { getSystemErrorName } from 'node:util';
import type * as Koffi from 'koffi';

const require = createRequire(import.meta.url);

/* Constants of Linux. */
const SCHED_OTHER = 0;
const SCHED_FIFO = 1;
/** Threads and processes that this thread starts have normal priority. */
const SCHED_RESET_ON_FORK = 0x40000000;
/** The lowest of the real-time priorities. */
const PRIORITY = 1;
const THIS_THREAD = 0;

/** @returns null, or the reason of a refusal */
type SetScheduling = (policy: number, priority: number) => string | null;

/**
 * Real-time scheduling of the calling thread on request (sched(7)): it gets a processor at once, also where others are
 * busy, and the kernel places the consumers that it wakes on other processors.
 */
export class RealTime {
  readonly #set: SetScheduling;
  #isBegun = false;

  /**
   * @param threads of this machine that may have real-time scheduling at once: one processor is left to the others
   * @throws where the system does not permit it: no Linux, no right (RLIMIT_RTPRIO), or too few processors
   */
  constructor(threads = 1, processors = availableParallelism()) {
    if (threads >= processors) throw new Error(`${processors} processors for ${threads} threads`);
    this.#set = openScheduler();
    const refusal = this.#set(SCHED_FIFO, PRIORITY);
    if (refusal !== null) throw new Error(`sched_setscheduler: ${refusal}`);
    this.#set(SCHED_OTHER, 0);
  }

  /** Until `end`, or the end of the thread. A right that was withdrawn since changes nothing. */
  begin(): void {
    if (!this.#isBegun) this.#set(SCHED_FIFO, PRIORITY);
    this.#isBegun = true;
  }

  end(): void {
    if (this.#isBegun) this.#set(SCHED_OTHER, 0);
    this.#isBegun = false;
  }
}

/** @throws where koffi does not load, or the C library has no such function */
function openScheduler(): SetScheduling {
  const koffi = require('koffi') as typeof Koffi;
  const set = koffi.load(null).func('int sched_setscheduler(int pid, int policy, const int *priority)') as (
    pid: number,
    policy: number,
    priority: Int32Array,
  ) => number;
  return (policy, priority) =>
    set(THIS_THREAD, policy | SCHED_RESET_ON_FORK, Int32Array.of(priority)) === 0
      ? null
      : getSystemErrorName(-koffi.errno());
}
