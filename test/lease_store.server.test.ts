import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MinutehandError } from '../shared/errors.ts';
import { REDIS_NOTE, startRedis, type RedisServer } from './redis_server.ts';
import { startPostgres, type PostgresServer } from '../trainer/store/postgres_server.fixture.ts';
import type { LeaseRecord, LeaseRequest } from '../daemon/lease/lease.ts';
import type { LeaseStore } from '../daemon/lease/lease_store.ts';
import { openLeaseStore } from '../daemon/lease/open_lease_store.ts';
import { decideLease, NO_LEASE } from '../daemon/lease/memory_lease.ts';

let redis: RedisServer | null;
let postgres: PostgresServer | null;
beforeAll(async () => {
  [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
});
afterAll(async () => {
  await redis?.stop();
  await postgres?.stop();
});

const KINDS = ['redis', 'postgres'] as const;
const urlOf = (kind: (typeof KINDS)[number]): Promise<string | undefined> =>
  kind === 'redis' ? Promise.resolve(redis?.url) : (postgres?.createDatabase() ?? Promise.resolve(undefined));

const HOLDERS = ['a', 'b'] as const;
let names = 0;
async function openBoth(url: string): Promise<LeaseStore[]> {
  const name = `live:${++names}`;
  const stores = await Promise.all(HOLDERS.map((holder) => openLeaseStore({ url, name, holder, timeoutMs: 20_000 })));
  for (const store of stores) await expect.poll(() => answered(store)).toEqual(NO_LEASE);
  return stores;
}
const answered = (store: LeaseStore): Promise<LeaseRecord | string> => store.exchange({ kind: 'look' }).catch(String);

/** Next request of a daemon, based on the last row or an older one. */
const act = fc.record({
  by: fc.constantFrom(0, 1),
  kind: fc.constantFrom('look', 'renew', 'release', 'raise', 'take', 'take'),
  isOld: fc.boolean(),
  floor: fc.constantFrom(0, 5, Date.now() + 1e9),
});

describe.each(KINDS)('a lease on %s', (kind) => {
  it('follows the rule of every store, row by row', async (context) => {
    const url = await urlOf(kind);
    if (url === undefined) return context.skip(kind === 'redis' ? REDIS_NOTE : 'PostgreSQL is not installed');
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 15 }), async (acts) => {
        const stores = await openBoth(url);
        let record = NO_LEASE;
        let older = NO_LEASE;
        for (const { by, kind: what, isOld, floor } of acts) {
          const seen = isOld ? older : record;
          const request: LeaseRequest =
            what === 'look'
              ? { kind: what }
              : what === 'take'
                ? { kind: what, seen, floor }
                : what === 'raise'
                  ? { kind: what, fence: seen.fence, floor: seen.fence + floor }
                  : { kind: what, fence: seen.fence };
          const after = await stores[by]!.exchange(request);
          // A new fence has the server's time.
          const expected = decideLease(record, request, HOLDERS[by]!, after.fence > record.fence ? after.fence : 0);
          expect(after).toEqual(expected);
          if (after.fence > record.fence) expect(after.fence).toBeGreaterThan(floor);
          older = record;
          record = after;
        }
        for (const store of stores) await store.close();
      }),
      { numRuns: 8 },
    );
  });

  it('has an id of its server, which the first one gives, and gives again when it was lost', async (context) => {
    const url = await urlOf(kind);
    if (url === undefined) return context.skip(kind === 'redis' ? REDIS_NOTE : 'PostgreSQL is not installed');
    const [a, b] = (await openBoth(url)) as [LeaseStore, LeaseStore];
    const first = randomUUID();
    const second = randomUUID();
    const both = await Promise.all([a.serverId!(first), b.serverId!(second)]);
    expect(both[0]).toBe(both[1]);
    expect([first, second]).toContain(both[0]);
    expect(await a.exchange({ kind: 'look' })).toEqual(NO_LEASE);
    if (kind === 'redis') {
      const client = new Redis(url);
      await client.flushall();
      client.disconnect();
      expect(await b.serverId!(both[0])).toBe(both[0]);
      expect(await a.serverId!(randomUUID())).toBe(both[0]);
    }
    for (const store of [a, b]) await store.close();
  });

  it('refuses a take by a row from before the last beat of the holder', async (context) => {
    const url = await urlOf(kind);
    if (url === undefined) return context.skip(kind === 'redis' ? REDIS_NOTE : 'PostgreSQL is not installed');
    const [holder, other] = (await openBoth(url)) as [LeaseStore, LeaseStore];
    const taken = await holder.exchange({ kind: 'take', seen: NO_LEASE, floor: 0 });
    expect(taken.holder).toBe('a');
    const renewed = await holder.exchange({ kind: 'renew', fence: taken.fence });
    expect(renewed).toEqual({ ...taken, beat: taken.beat + 1 });
    expect(await other.exchange({ kind: 'take', seen: taken, floor: 0 })).toEqual(renewed);
    expect(await holder.exchange({ kind: 'look' })).toEqual(renewed);
    const next = await other.exchange({ kind: 'take', seen: renewed, floor: 0 });
    expect([next.holder, next.fence > renewed.fence]).toEqual(['b', true]);
    for (const store of [holder, other]) await store.close();
  });

  it('is acquired by one of two concurrent requests', async (context) => {
    const url = await urlOf(kind);
    if (url === undefined) return context.skip(kind === 'redis' ? REDIS_NOTE : 'PostgreSQL is not installed');
    const stores = await openBoth(url);
    const take = { kind: 'take', seen: NO_LEASE, floor: 0 } as const;
    const [one, other] = await Promise.all(stores.map((store) => store.exchange(take)));
    expect(HOLDERS).toContain(one!.holder);
    expect(other).toEqual(one);
    for (const store of stores) await store.close();
  });

  it('reports a lost connection, and recovers', async (context) => {
    const url = await urlOf(kind);
    if (url === undefined) return context.skip(kind === 'redis' ? REDIS_NOTE : 'PostgreSQL is not installed');
    const [store, other] = await openBoth(url);
    let lost = 0;
    store!.onLost(() => lost++);
    store!.reset();
    await expect.poll(() => lost).toBeGreaterThan(0);
    await expect.poll(() => answered(store!)).toEqual(NO_LEASE);
    for (const open of [store!, other!]) await open.close();
  });
});

it('refuses another kind of lease server', async () => {
  const opening = openLeaseStore({ url: 'mysql://host', name: 'live:main', holder: 'a', timeoutMs: 100 });
  await expect(opening).rejects.toThrow(MinutehandError);
});
