import type { EpochMs } from './bar.ts';
import type { Clock } from './ports.ts';

/** The clock of this machine. */
export const MACHINE_CLOCK: Clock = {
  nowMs: () => Date.now() as EpochMs,
  monotonicUs: () => performance.now() * 1000,
};
