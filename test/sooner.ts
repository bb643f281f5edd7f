import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Returns whether `work` ends before a timer of `ms` that was started just before it. A timer that `work` itself waits
 * for is due later, however busy the machine is: timers fire in the order in which they are due.
 */
export async function endsSoonerThan(ms: number, work: () => Promise<unknown>): Promise<boolean> {
  const ending = new AbortController();
  const timer = sleep(ms, false, { signal: ending.signal }).catch(() => false);
  try {
    return await Promise.race([work().then(() => true), timer]);
  } finally {
    ending.abort();
  }
}
