import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import type { Bus } from '../../shared/ports.ts';
import { ownerOf, type Owner } from '../../shared/owner/owner.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { learnLeaseServerId } from '../lease/lease_server_id.ts';
import { openRedisLease } from '../lease/redis_lease.ts';
import { requireRedis, type RedisServer } from '../../test/redis_server.ts';
import { createRedisBus, signalKey } from './redis_bus.ts';
import { OWNER_KEY } from '../../shared/owner/redis_owner.ts';

const toClose: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

const LIVE: Owner = { id: 'live:home-a@host', where: 'live market, home /a on host h' };
const SIMULATED: Owner = { id: 'simulated:home-b@host', where: 'simulated market, home /b on host h' };

function bus(server: RedisServer, owner: Owner | undefined, url = server.url): Bus {
  const opened = createRedisBus({
    url,
    caFile: null,
    keyTtlMs: 60_000,
    streamMaxLen: 100,
    connectTimeoutMs: 1000,
    commandTimeoutMs: 1000,
    claimMs: CLAIM_MS,
    ...(owner && { owner }),
  });
  toClose.push(() => opened.close());
  return opened;
}

const MESSAGE = { pairId: 'EURUSD_USDCHF', text: '{}' };
const CLAIM_MS = 3000;
/** Far beyond the time between two claims. */
const RENEWED = { timeout: 25_000, interval: 50 };

describe('two installations with one Redis', () => {
  it('publish one at a time: the second is told who has it, and begins when the first ends', async (context) => {
    const server = await requireRedis(context);
    toClose.push(() => server.stop());
    const first = bus(server, LIVE);
    await expect.poll(() => first.ready).toBe(true);
    expect(await first.send([MESSAGE as never])).toBeNull();
    const second = bus(server, SIMULATED);
    const states: string[] = [];
    second.onState((state, detail) => states.push(`${state} ${detail}`));
    await expect.poll(() => second.takenBy).toBe(`${LIVE.where}, process ${process.pid}`);
    expect(second.ready).toBe(false);
    expect(states).toEqual([`down ${LIVE.where}, process ${process.pid} publishes there`]);
    await expect(second.send([MESSAGE as never])).rejects.toThrow('not connected');
    // Another shard, or a standby of the same home.
    const shard = bus(server, LIVE);
    await expect.poll(() => shard.ready).toBe(true);
    await shard.close();
    await first.close();
    await expect.poll(() => second.ready, RENEWED).toBe(true);
    expect(second.takenBy).toBeNull();
  }, 40_000);

  it('find a claim that is renewed, and one that has ended with its process', async (context) => {
    const server = await requireRedis(context);
    toClose.push(() => server.stop());
    const redis = new Redis(server.url);
    toClose.push(() => redis.disconnect());
    // Of a process that was killed.
    await redis.set(OWNER_KEY, 'live:killed home /k', 'PX', 2000);
    const own = bus(server, SIMULATED);
    await expect.poll(() => own.takenBy).toBe('home /k');
    expect(await redis.pttl(OWNER_KEY)).toBeLessThanOrEqual(2000);
    expect(await redis.get(OWNER_KEY)).toBe('live:killed home /k');
    await expect.poll(() => own.ready, RENEWED).toBe(true);
    await redis.pexpire(OWNER_KEY, 100_000);
    await expect.poll(() => redis.pttl(OWNER_KEY), RENEWED).toBeLessThanOrEqual(CLAIM_MS);
    expect(await redis.get(OWNER_KEY)).toContain(SIMULATED.where);
    // Taken by another one while it was cut off.
    await redis.set(OWNER_KEY, 'live:other home /o', 'PX', 60_000);
    await expect.poll(() => own.ready, RENEWED).toBe(false);
    expect(await redis.exists(signalKey(MESSAGE.pairId))).toBe(0);
  }, 80_000);

  it('are told apart by their lease servers, and wait until that has answered', async (context) => {
    const server = await requireRedis(context);
    const otherServer = await requireRedis(context);
    toClose.push(
      () => server.stop(),
      () => otherServer.stop(),
    );
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-lease-id-'));
    toClose.push(() => rmSync(folder, { recursive: true, force: true }));
    const { minutehand } = loadSettings({ env: {} });
    const ownerIn = (name: string, url: string): Owner =>
      ownerOf(
        { minutehand: { ...minutehand, market: 'live', lease: { ...minutehand.lease, url } } },
        { home: join(folder, name) },
      );
    const learn = async (name: string, url: string): Promise<void> => {
      const store = openRedisLease({ url, name: 'live:main', holder: name, timeoutMs: 1000 });
      const ending = new AbortController();
      toClose.push(
        () => store.close(),
        () => ending.abort(),
      );
      await learnLeaseServerId(store, { home: join(folder, name), url, waitMs: 10_000 }, ending.signal);
    };
    const early = bus(server, ownerIn('a', server.url));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([early.ready, early.takenBy]).toEqual([false, null]);
    await early.close();
    // Two machines reach the same server by two addresses.
    const byName = server.url.replace('127.0.0.1', 'localhost');
    await learn('a', server.url);
    await learn('b', byName);
    await learn('stranger', otherServer.url);
    const first = bus(server, ownerIn('a', server.url));
    await expect.poll(() => first.ready).toBe(true);
    const second = bus(server, ownerIn('b', byName));
    await expect.poll(() => second.ready).toBe(true);
    const stranger = bus(server, ownerIn('stranger', otherServer.url));
    await expect.poll(() => stranger.takenBy).toContain(join(folder, 'b'));
    expect([first.ready, second.ready, stranger.ready]).toEqual([true, true, false]);
  }, 20_000);

  it('notice without a signal that the server has become a replica, and that it is a primary again', async (context) => {
    const server = await requireRedis(context);
    toClose.push(() => server.stop());
    const redis = new Redis(server.url);
    toClose.push(() => redis.disconnect());
    const own = bus(server, LIVE);
    const states: string[] = [];
    own.onState((state, detail) => states.push(`${state}: ${detail}`));
    await expect.poll(() => states).toEqual(['up: connected']);
    // Of a primary that does not answer.
    await redis.replicaof('127.0.0.1', 1);
    const replica = 'down: this Redis has become a read-only replica: connecting again';
    await expect.poll(() => states, RENEWED).toEqual(['up: connected', replica]);
    await redis.replicaof('NO', 'ONE');
    await expect.poll(() => states, RENEWED).toEqual(['up: connected', replica, 'up: connected']);
    expect(await own.send([MESSAGE as never])).toBeNull();
  }, 60_000);

  it('claim with the published access rules, and publish where these forbid it', async (context) => {
    const server = await requireRedis(context);
    toClose.push(() => server.stop());
    const redis = new Redis(server.url);
    toClose.push(() => redis.disconnect());
    const rules = ['+publish', '+set', '+xadd', '+eval', '+info', '&minutehand:*'];
    await redis.call('ACL', 'SETUSER', 'daemon', 'on', '>secret', ...rules, '~minutehand:*');
    await redis.call('ACL', 'SETUSER', 'narrow', 'on', '>secret', ...rules, '~minutehand:signal*');
    const at = (user: string): string => `redis://${user}:secret@127.0.0.1:${server.port}`;
    const daemon = bus(server, LIVE, at('daemon'));
    await expect.poll(() => daemon.ready).toBe(true);
    expect(await redis.get(OWNER_KEY)).toContain(LIVE.where);
    const other = bus(server, SIMULATED, at('daemon'));
    await expect.poll(() => other.takenBy).toContain(LIVE.where);
    const narrow = bus(server, SIMULATED, at('narrow'));
    await expect.poll(() => narrow.ready).toBe(true);
    await daemon.close();
    await expect.poll(() => redis.exists(OWNER_KEY)).toBe(0);
  }, 20_000);
});
