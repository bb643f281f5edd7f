import type { Redis } from 'ioredis';

/** A Redis that is set up as a cache. */
export interface Evicting {
  /** `maxmemory-policy`, such as `allkeys-lru`. */
  readonly policy: string;
}

/**
 * Whether Redis removes keys that have no expiry when its memory is short: streams, queues and leases then vanish
 * without an error.
 * @returns null when it keeps them, and where the user has no INFO
 */
export async function evicting(redis: Redis): Promise<Evicting | null> {
  const info = await redis.info('memory').catch(() => '');
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const policy = field('maxmemory_policy') ?? 'noeviction';
  return policy.startsWith('allkeys') && field('maxmemory') !== '0' ? { policy } : null;
}
