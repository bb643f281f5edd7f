/**
 * Nanoseconds of a clock shared by all processes of the machine (CLOCK_MONOTONIC on Linux), unlike `performance.now`,
 * which starts with each process. A double represents a hundred days exactly.
 */
export function instantNs(): number {
  return Number(process.hrtime.bigint());
}
