import type { EpochMs } from './bar.ts';
import type { Clock, Scheduler } from './ports.ts';

/** The clock of this machine. */
export const MACHINE_CLOCK: Clock = {
  nowMs: () => Date.now() as EpochMs,
  monotonicUs: () => performance.now() * 1000,
};

/** Node's event loop. */
export const MACHINE_SCHEDULER: Scheduler = {
  afterTurn: (work) => void setImmediate(work),
  after(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  every(ms, work) {
    const timer = setInterval(work, ms);
    return () => clearInterval(timer);
  },
};
