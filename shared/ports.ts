import type { EpochMs } from './bar.ts';

/** Where the time comes from. Live: the machine; in a simulation: the seed. */
export interface Clock {
  nowMs(): EpochMs;
  /** Monotonic microseconds, for durations only. */
  monotonicUs(): number;
}

/** A seeded source of randomness. Same seed, same numbers, on every machine. */
export interface Rng {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
}
