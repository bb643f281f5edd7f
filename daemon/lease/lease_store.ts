import { MinutehandError } from '../../shared/errors.ts';
import type { LeaseRecord, LeaseRequest } from './lease.ts';

/** The row of one shard on a lease server. Each request is one atomic step there. */
export interface LeaseStore {
  /** @returns the row after the request. @throws when the server does not answer or refuses */
  exchange(request: LeaseRequest): Promise<LeaseRecord>;
  /** Called when a connection has ended: what was seen before may be lost. */
  onLost(listener: () => void): void;
  /** Ends the connection; the next request opens another one. */
  reset(): void;
  close(): Promise<void>;
}

export interface LeaseAddress {
  readonly url: string;
  /** `<market>:<shard>` */
  readonly name: string;
  readonly holder: string;
  readonly timeoutMs: number;
}

/** @throws MinutehandError CONFIG_INVALID */
export async function openLeaseStore(address: LeaseAddress): Promise<LeaseStore> {
  if (/^postgres(ql)?:/.test(address.url)) return (await import('./postgres_lease.ts')).openPostgresLease(address);
  if (/^(rediss?|unix):/.test(address.url)) return (await import('./redis_lease.ts')).openRedisLease(address);
  throw new MinutehandError('CONFIG_INVALID', {
    seen: 'another form of lease.url',
    expected: 'postgres://…, redis://…, rediss://… or unix://…',
  });
}
