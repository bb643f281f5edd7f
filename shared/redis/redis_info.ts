/** The value of a field in the reply to INFO; undefined: it has none. */
export function infoField(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}

/**
 * The `maxmemory-policy` by which Redis removes keys that have no expiry when its memory is short, such as
 * `allkeys-lru`: streams, queues and leases then vanish without an error.
 * @param info the reply to INFO, of which the section `memory` is read
 * @returns null when it keeps them
 */
export function evictionPolicy(info: string): string | null {
  const policy = infoField(info, 'maxmemory_policy') ?? 'noeviction';
  return policy.startsWith('allkeys') && infoField(info, 'maxmemory') !== '0' ? policy : null;
}
