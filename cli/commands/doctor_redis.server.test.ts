import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { requireRedis } from '../../test/redis_server.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import { tryRedis } from './doctor_redis.ts';

it('a Redis that is set up as a cache is named, and one that keeps its keys is not', async (context) => {
  const redis = await requireRedis(context);
  const client = new Redis(redis.url);
  const tried = () => tryRedis({ ...tinySettings().minutehand.transports.redis, url: redis.url }, 'live');
  try {
    expect(await tried()).toEqual({ refusals: [], evictionPolicy: null });
    // Without a limit nothing is ever removed; keys without expiry are not removed by volatile-lru.
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await tried()).toEqual({ refusals: [], evictionPolicy: null });
    await client.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'volatile-lru');
    expect(await tried()).toEqual({ refusals: [], evictionPolicy: null });
    await client.config('SET', 'maxmemory-policy', 'allkeys-lfu');
    expect(await tried()).toEqual({ refusals: [], evictionPolicy: 'allkeys-lfu' });
  } finally {
    client.disconnect();
    await redis.stop();
  }
});
