import { MinutehandError } from '../../shared/errors.ts';
import type { LeaseAddress, LeaseStore } from './lease_store.ts';

/** @throws MinutehandError CONFIG_INVALID */
export async function openLeaseStore(address: LeaseAddress): Promise<LeaseStore> {
  if (/^postgres(ql)?:/.test(address.url)) return (await import('./postgres_lease.ts')).openPostgresLease(address);
  if (/^(rediss?|unix):/.test(address.url)) return (await import('./redis_lease.ts')).openRedisLease(address);
  throw new MinutehandError('CONFIG_INVALID', {
    seen: 'another form of lease.url',
    expected: 'postgres://…, redis://…, rediss://… or unix://…',
  });
}
