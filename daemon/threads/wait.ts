import type { Scheduler } from '../../shared/ports.ts';

/**
 * Resolves when it is released, or after `ms`.
 * @param begin receives the function that releases it
 */
export function waitAtMost(scheduler: Scheduler, ms: number, begin: (release: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const cancel = scheduler.after(ms, resolve);
    begin(() => {
      cancel();
      resolve();
    });
  });
}
