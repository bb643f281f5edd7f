import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { REDIS_NOTE, startRedis, type RedisServer } from '../../test/redis_server.ts';
import { idAfter } from './stream_ids.ts';
import { mendStream, nextEntries } from './stream_sizes.ts';

const STREAM = 'minutehand:fills';
const LARGEST = '18446744073709551615-18446744073709551615';
const DAY_MS = 86_400_000;

let server: RedisServer | null;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  if (server !== null) redis = new Redis(server.url);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.stop();
});
beforeEach(async ({ skip }) => {
  if (server === null) return skip(REDIS_NOTE);
  await redis.flushall();
  for (const id of ['1-0', '2-0', '3-0', LARGEST]) await redis.xadd(STREAM, id, 'field', id);
});

/** A group that was given so many entries, by a consumer if any. */
async function group(name: string, count: number): Promise<void> {
  await redis.xgroup('CREATE', STREAM, name, '0');
  if (count > 0) await redis.xreadgroup('GROUP', name, 'one', 'COUNT', count, 'STREAMS', STREAM, '>');
}

const placeOf = async (name: string): Promise<unknown> => {
  const groups = (await redis.xinfo('GROUPS', STREAM)) as unknown[][];
  const found = groups.find((fields) => fields[1] === name)!;
  return found[found.indexOf('last-delivered-id') + 1];
};

describe('a stream that is exhausted', () => {
  it('is mended once all who read it have read all', async () => {
    await group('ours', 4);
    await group('theirs', 2);
    expect(await mendStream(redis, STREAM, LARGEST)).toBeNull();
    await expect(redis.xadd(STREAM, '*', 'a', 'b')).rejects.toThrow();
    await redis.xreadgroup('GROUP', 'theirs', 'one', 'STREAMS', STREAM, '>');
    expect(await mendStream(redis, STREAM, LARGEST)).toEqual({ lastId: '3-0', removed: 1 });
    expect([await placeOf('ours'), await placeOf('theirs')]).toEqual(['3-0', '3-0']);
    expect(await redis.xadd(STREAM, '*', 'a', 'b')).toMatch(/^\d{13}-0$/);
  });

  it('does not wait for groups that nobody reads, which keep their place', async () => {
    await group('ours', 4);
    await group('unused', 0);
    await group('gone', 2);
    expect(await mendStream(redis, STREAM, LARGEST, DAY_MS)).toBeNull();
    await expect.poll(() => mendStream(redis, STREAM, LARGEST, 10)).toEqual({ lastId: '3-0', removed: 1 });
    const places = await Promise.all(['ours', 'unused', 'gone'].map(placeOf));
    expect(places).toEqual(['3-0', '0-0', '2-0']);
    await redis.xadd(STREAM, '*', 'a', 'b');
    const left = (await redis.xreadgroup('GROUP', 'gone', 'one', 'STREAMS', STREAM, '>')) as [string, unknown[]][];
    expect(left[0]![1]).toHaveLength(2);
  });

  it('lets a group go on that stopped among what is removed', async () => {
    await redis.del(STREAM);
    for (const id of ['1-0', '9007199254740993-0', LARGEST]) await redis.xadd(STREAM, id, 'field', id);
    await group('ours', 3);
    await group('gone', 2);
    await expect.poll(() => mendStream(redis, STREAM, LARGEST, 10)).toEqual({ lastId: '1-0', removed: 2 });
    expect([await placeOf('ours'), await placeOf('gone')]).toEqual(['1-0', '1-0']);
    await redis.xadd(STREAM, '*', 'a', 'b');
    const next = (await redis.xreadgroup('GROUP', 'gone', 'one', 'STREAMS', STREAM, '>')) as [string, unknown[]][];
    expect(next[0]![1]).toHaveLength(1);
  });
});

describe('sizes of the entries of a stream', () => {
  const MB = 1 << 20;
  const next = (after: string): ReturnType<typeof nextEntries> => nextEntries(redis, STREAM, after);

  it('are asked for until one is too large, which is told alone', async () => {
    await redis.del(STREAM);
    for (const [id, bytes] of [
      ['1-0', 10],
      ['2-0', 10],
      ['3-0', 2 * MB],
      ['4-0', 2 * MB],
      ['5-0', 10],
    ] as const)
      await redis.xadd(STREAM, id, 'bar', 'x'.repeat(bytes));
    expect(await next('0-0')).toEqual({ oversized: null, count: 2, isSound: false });
    expect(await next('2-0')).toEqual({ oversized: { id: '3-0', bytes: 2 * MB + 3 }, count: 0, isSound: false });
    expect(await next('3-0')).toEqual({ oversized: { id: '4-0', bytes: 2 * MB + 3 }, count: 0, isSound: false });
    expect(await next('4-0')).toEqual({ oversized: null, count: 1, isSound: true });
    expect(await next('5-0')).toEqual({ oversized: null, count: 0, isSound: true });
  });

  it('of permitted entries are added up to what one reply may have', async () => {
    await redis.del(STREAM);
    for (let i = 1; i <= 17; i++) await redis.xadd(STREAM, `${i}-0`, 'bar', 'x'.repeat(1_000_000));
    expect(await next('0-0')).toEqual({ oversized: null, count: 16, isSound: false });
    expect(await next('16-0')).toEqual({ oversized: null, count: 1, isSound: true });
  });

  it('are nothing after the greatest id', async () => {
    expect(await next(LARGEST)).toEqual({ oversized: null, count: 0, isSound: true });
    expect(await next('3-0')).toEqual({ oversized: null, count: 1, isSound: true });
  });

  it('cost Redis the memory of one entry, not of all', async () => {
    await redis.del(STREAM);
    for (let i = 1; i <= 8; i++) await redis.xadd(STREAM, `${i}-0`, 'bar', 'x'.repeat(4 * MB));
    const memory = async (name: string): Promise<number> =>
      Number(new RegExp(`${name}:(\\d+)`).exec(await redis.info('memory'))![1]);
    const before = await memory('used_memory');
    await next('0-0');
    const bytes = (await memory('used_memory_peak')) - before;
    expect(bytes).toBeLessThan(16 * MB);
  });

  it.each([
    ['1-0', '1-1'],
    ['0-0', '0-1'],
    ['1-18446744073709551615', '2-0'],
    ['18446744073709551614-18446744073709551615', '18446744073709551615-0'],
    [LARGEST, null],
  ])('begin after %s at %s', (id, following) => {
    expect(idAfter(id)).toBe(following);
  });
});
