import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { followRedis } from '../cli/ea/signal_redis.ts';
import type { LeaseRecord, LeaseRequest } from '../daemon/lease/lease.ts';
import { openLeaseStore } from '../daemon/lease/open_lease_store.ts';
import { proxyTo } from './redis_proxy.ts';
import { freePort, requireRedis, type RedisServer } from './redis_server.ts';

const toClose: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

interface Pair {
  readonly first: RedisServer;
  readonly second: RedisServer;
  readonly url: string;
  /** From here on new connections reach the second server, and the first one is a replica that gets nothing. */
  failOver(): Promise<void>;
}

async function pairOf(context: { skip(note: string): never }): Promise<Pair> {
  const first = await requireRedis(context);
  toClose.push(() => first.stop());
  const second = await requireRedis(context);
  toClose.push(() => second.stop());
  const target = { port: first.port };
  const port = await proxyTo(target, toClose);
  return {
    first,
    second,
    url: `redis://127.0.0.1:${port}`,
    async failOver() {
      target.port = second.port;
      await clientOf(first).replicaof('127.0.0.1', await freePort());
    },
  };
}

function clientOf(server: RedisServer): Redis {
  const client = new Redis(server.url);
  client.on('error', () => undefined);
  toClose.push(() => client.disconnect());
  return client;
}

it('a lease is renewed at the new primary after a failover', async (context) => {
  const { url, second, failOver } = await pairOf(context);
  const store = await openLeaseStore({ url, name: 'live:failover', holder: 'a', timeoutMs: 1000 });
  toClose.push(() => store.close());
  let lost = 0;
  store.onLost(() => lost++);
  const ask = (request: LeaseRequest): Promise<LeaseRecord | null> => store.exchange(request).catch(() => null);
  const soon = { interval: 20 };
  const seen: LeaseRecord = { holder: '', fence: 0, beat: 0 };
  await expect.poll(() => ask({ kind: 'take', seen, floor: 0 }), soon).toMatchObject({ holder: 'a' });
  const { fence } = (await ask({ kind: 'look' }))!;
  await failOver();
  await expect(store.exchange({ kind: 'renew', fence })).rejects.toThrow('READONLY');
  // The new primary has nothing of the old one, so that the lease is taken there, with a higher fence.
  await expect.poll(() => ask({ kind: 'take', seen, floor: fence }), soon).toMatchObject({ holder: 'a' });
  expect(lost).toBeGreaterThan(0);
  const row = await clientOf(second).hgetall('minutehand:lease:live:failover');
  expect(row['holder']).toBe('a');
  expect(Number(row['fence'])).toBeGreaterThan(fence);
}, 60_000);

it('a consumer reads keys and messages of the new primary after a failover, though a replica refuses no read', async (context) => {
  const { url, first, second, failOver } = await pairOf(context);
  const texts: string[] = [];
  const transport = { url, ca_file: null, connect_timeout_ms: 1000, command_timeout_ms: 1000 };
  const source = followRedis(transport, ['EUR_GBP'], (text) => void texts.push(text));
  toClose.push(() => source.stop());
  await expect.poll(() => source.state()).toBe('Redis up');
  await clientOf(first).set('minutehand:signal:EUR_GBP', 'old');
  await failOver();
  const now = clientOf(second);
  await now.set('minutehand:signal:EUR_GBP', 'new');
  await expect.poll(() => texts.at(-1), { timeout: 30_000 }).toBe('new');
  await expect.poll(() => now.publish('minutehand:signals:EUR_GBP', 'message')).toBe(1);
  await expect.poll(() => texts.at(-1)).toBe('message');
}, 60_000);
