import type { Logger } from 'pino';

/** Does work whose failure must not stop its caller: the error is logged as `what`. Never rejects. */
export type BestEffort = (what: string, work: () => unknown) => Promise<void>;

export function bestEffort(log: Logger): BestEffort {
  return async (what, work) => {
    try {
      await work();
    } catch (error) {
      log.warn({ err: error }, what);
    }
  };
}
