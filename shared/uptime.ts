import { uptime } from 'node:os';

/** Clocks in milliseconds. */
export interface UptimeSources {
  /** Since the machine started, its suspension included: exact, and slow where each reading opens a file. */
  uptimeMs(): number;
  /** Monotonic; stands still while the machine is suspended. */
  monotonicMs(): number;
  /** Wall clock, which goes on meanwhile. */
  wallMs(): number;
}

const MACHINE: UptimeSources = {
  uptimeMs: () => uptime() * 1000,
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};

/** The wall clock counts whole milliseconds, and may be adjusted by half of one in a second. */
const TOLERANCE_MS = 5;
const LONGEST_MS = 1000;

/**
 * Milliseconds since the machine started, which count suspension: `os.uptime()` opens /proc/uptime at each call (8 µs;
 * a batch of ten files asked 22 times). Between two readings the monotonic clock goes on from the last one, as long as
 * the wall clock goes with it: a machine that was suspended, or whose clock was set, is seen by their difference and
 * read again. A process that is stopped alone (SIGSTOP) is counted by the monotonic clock.
 */
export function createUptime({ uptimeMs, monotonicMs, wallMs }: UptimeSources = MACHINE): () => number {
  let readMs = 0;
  let readAtMs = -Infinity;
  let wallAheadMs = 0;
  return () => {
    let nowMs = monotonicMs();
    let aheadMs = wallMs() - nowMs;
    while (nowMs - readAtMs > LONGEST_MS || Math.abs(aheadMs - wallAheadMs) > TOLERANCE_MS) {
      // As before the reading: a pause within it makes the result too great, which is read again, never too small.
      readAtMs = nowMs;
      wallAheadMs = aheadMs;
      readMs = uptimeMs();
      nowMs = monotonicMs();
      aheadMs = wallMs() - nowMs;
    }
    return readMs + nowMs - readAtMs;
  };
}
