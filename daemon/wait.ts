import type { Scheduler } from '../shared/ports.ts';

/**
 * Resolves when it is told to, or after `ms`.
 * @param begin is given the function that tells
 */
export function waitAtMost(scheduler: Scheduler, ms: number, begin: (tell: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const cancel = scheduler.after(ms, resolve);
    begin(() => {
      cancel();
      resolve();
    });
  });
}
