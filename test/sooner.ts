import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Whether `work` ends before a timer of `ms` started just before it. Timers fire in the order in which they are due, so
 * this holds on a busy machine too.
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
