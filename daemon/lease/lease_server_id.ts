import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepLeaseId, knownLeaseId } from '../../shared/owner/lease_id.ts';
import type { LeaseStore } from './lease_store.ts';

const RETRY_MS = 200;
/** A server that lost its data is given its id again. */
const EVERY_MS = 10_000;

/**
 * Learns the id of the lease server, which tells the installations that publish into one Redis apart, and keeps it in
 * the home. A server that has none, or lost it, is given the known one.
 * @param store is used until `ending` is aborted
 * @returns once it is known for the first time, or after `waitMs`
 */
export async function learnLeaseServerId(
  store: Pick<LeaseStore, 'serverId'>,
  { home, url, waitMs }: { readonly home: string; readonly url: string; readonly waitMs: number },
  ending: AbortSignal,
): Promise<void> {
  const fresh = randomUUID();
  const learnOnce = async (): Promise<boolean> => {
    try {
      return keepLeaseId(home, url, (await store.serverId?.(knownLeaseId(home, url) ?? fresh)) ?? '');
    } catch {
      // The keeper of the lease says what is wrong with the server.
      return false;
    }
  };
  const pause = (ms: number): Promise<unknown> => sleep(ms, undefined, { ref: false, signal: ending }).catch(() => 0);
  const isFirstTime = knownLeaseId(home, url) === null;
  const first = (async () => {
    while (!ending.aborted && !(await learnOnce())) await pause(RETRY_MS);
  })();
  void first.then(async () => {
    for (;;) {
      await pause(EVERY_MS);
      if (ending.aborted) return;
      await learnOnce();
    }
  });
  if (isFirstTime) await Promise.race([first, pause(waitMs)]);
}
