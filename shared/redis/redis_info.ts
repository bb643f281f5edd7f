import type { Redis } from 'ioredis';

/** The value of a field in the reply to INFO; undefined: it has none. */
export function infoField(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}

/** Keys without expiry: `allkeys-lru`. */
const REMOVES_ALL = 'bars, fills, leases and tasks of a fleet that wait there';
/** Keys with one: `volatile-ttl`. */
const REMOVES_EXPIRING = 'claims of publishers and workers, and the latest signals,';

/**
 * What a `maxmemory-policy` does to what Redis keeps for this program when its memory is short: it vanishes without an
 * error, and two publishers may go on side by side.
 * @param info the reply to INFO, of which the section `memory` is read
 * @returns null when it keeps all
 */
export function evictionProblem(info: string): string | null {
  const policy = infoField(info, 'maxmemory_policy') ?? 'noeviction';
  if (policy === 'noeviction' || infoField(info, 'maxmemory') === '0') return null;
  const what = policy.startsWith('allkeys') ? REMOVES_ALL : REMOVES_EXPIRING;
  return `its maxmemory-policy ${policy} removes ${what} when its memory is short. Set maxmemory-policy noeviction (CONFIG SET, and redis.conf), or use another Redis`;
}

/** The same of a server; null also when it does not say, or the user may not ask. */
export async function askEviction(redis: Pick<Redis, 'info'>): Promise<string | null> {
  return redis.info('memory').then(evictionProblem, () => null);
}
