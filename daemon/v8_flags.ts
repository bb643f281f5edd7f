import { readdirSync, readlinkSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { isMainThread } from 'node:worker_threads';
import { lowerThread } from '../shared/thread_priority.ts';
import { scheduleAsBatch } from './threads/batch_thread.ts';

/** V8 11 counts bytes of bytecode until it optimizes a function, later versions its calls. */
const EARLY_OPTIMIZATION =
  Number.parseInt(process.versions.v8, 10) < 12 ? '--interrupt-budget=15000' : '--invocation-count-for-turbofan=700';

export const ENGINE_FLAGS: readonly string[] = [
  // Hardly anything survives a minor collection. Threads that help would only wait for a core (measured on two busy
  // cores: median pause 0.6 instead of 1.1 ms, 90th percentile 1.8 instead of 3.6).
  '--no-parallel-scavenge',
  // The minutes of a recovery, and the answers of a large batch, survive a minor collection together: V8 would take all
  // later ones for long-lived, and allocate them in the old generation (measured: 2.5 kB a minute of ten pairs).
  '--no-allocation-site-pretenuring',
  // V8 collects the whole heap to give memory back after 8 s of little garbage, for 4 to 17 ms, whether or not a bar is
  // due. It cannot be switched off in a process that runs: so after 24 days.
  '--gc-memory-reducer-start-delay-ms=2147483647',
  // Code that runs once a bar would be interpreted for days before V8 found it worth its compilation. A quarter of its
  // limits (measured on Node 20: three quarters of the time from bar to signal).
  EARLY_OPTIMIZATION,
];

/** Settings of V8 for a process that answers bars. Called before the first bar. */
export function tuneEngine(): void {
  for (const flag of ENGINE_FLAGS) setFlagsFromString(flag);
}

/** The first ones of a process: one for tasks that are due later, and four that work (`--v8-pool-size`). */
const ENGINE_THREADS = 5;
/** Thread ids wrap around below it (PID_MAX_LIMIT). */
const MAX_THREAD_IDS = 2 ** 22;

/**
 * Threads of V8 that compile and collect yield to the consumers that a signal has just woken: with normal priority
 * they hold a processor for up to 4 ms. Those of libuv keep theirs: they hold locks that the main thread waits for.
 */
export function lowerEngineThreads(): void {
  // In a worker thread, the main thread would be among them.
  if (!isMainThread || process.platform !== 'linux') return;
  try {
    // Otherwise the numbers are those of another namespace.
    if (readlinkSync('/proc/self') !== String(process.pid)) return;
    const age = (thread: number): number => (thread < process.pid ? thread + MAX_THREAD_IDS : thread);
    const threads = readdirSync('/proc/self/task').map(Number);
    threads.sort((a, b) => age(a) - age(b));
    for (const thread of threads.slice(1, 1 + ENGINE_THREADS)) {
      lowerThread(thread);
      scheduleAsBatch(thread);
    }
  } catch {
    // Without /proc they keep their priority.
  }
}
