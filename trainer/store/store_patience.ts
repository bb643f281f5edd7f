import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../shared/errors.ts';

/** In the environment of a process that no person waits for: how long it waits for a store that is away, ms. */
export const STORE_WAIT_VARIABLE = 'MINUTEHAND_STORE_WAIT_MS';

/** PostgreSQL restarts, or fails over, within this time. */
export const STORE_WAIT_MS = 120_000;

const LOOK_MS = 500;

/**
 * Of the network, and of PostgreSQL (https://www.postgresql.org/docs/current/errcodes-appendix.html): connections that
 * are lost or not made, a server that shuts down, has crashed, or is starting.
 */
const AWAY: ReadonlySet<unknown> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['08000', '08001', '08003', '08004', '08006', '57P01', '57P02', '57P03'],
]);

/** Whether a query failed because the server is away for now. */
export function isStoreAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (AWAY.has((error as { readonly code?: unknown }).code)) return true;
  // pg has no code for these.
  if (/^Connection terminated|^timeout exceeded when trying to connect/.test(error.message)) return true;
  return error instanceof AggregateError ? error.errors.some(isStoreAway) : isStoreAway(error.cause);
}

/**
 * Does work that may be done again, until the store that it needs is there. A job of hours does not fail because
 * PostgreSQL restarts; a command of a person does, at once.
 * @param work that reads, or whose writes may be repeated
 * @param tell receives one line when it begins to wait
 * @throws what `work` throws, where the store is not away, or not for longer than `STORE_WAIT_VARIABLE` allows
 */
export async function whileStoreReturns<Result>(
  work: () => Promise<Result>,
  tell: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
): Promise<Result> {
  const waitMs = Number(process.env[STORE_WAIT_VARIABLE] ?? 0);
  const beganMs = performance.now();
  let isTold = false;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isStoreAway(error) || performance.now() - beganMs >= waitMs) throw error;
      if (!isTold) tell(`The store is away, and is waited for: ${describeError(error).message}`);
      isTold = true;
      await sleep(LOOK_MS);
    }
  }
}
