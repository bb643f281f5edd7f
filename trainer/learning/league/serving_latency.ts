const WARM_UP = 50;
const RUNS = 500;

/** Subjects that the daemon scores together. */
export const SERVED_SUBJECTS = 10;

/** Microseconds. */
export interface ServingLatency {
  readonly p50: number;
  readonly p99: number;
}

/** Times calls of a scorer, one after the other, once caches are warm. */
export async function servingLatency(score: () => unknown): Promise<ServingLatency> {
  for (let run = 0; run < WARM_UP; run++) await score();
  const times = new Float64Array(RUNS);
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    await score();
    times[run] = 1000 * (performance.now() - start);
  }
  times.sort();
  return { p50: times[Math.floor(RUNS / 2)]!, p99: times[Math.floor(0.99 * RUNS)]! };
}
