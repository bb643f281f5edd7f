import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { requireRedis } from '../../test/redis_server.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import { evictionAt, tryRedis } from './doctor_redis.ts';
import { evictionFindings } from './status.ts';

it('a Redis that is set up as a cache is named, and one that keeps its keys is not', async (context) => {
  const redis = await requireRedis(context);
  const client = new Redis(redis.url);
  const tried = () => tryRedis({ ...tinySettings().minutehand.transports.redis, url: redis.url }, 'live');
  try {
    expect(await tried()).toEqual({ refusals: [], eviction: null });
    // Without a limit nothing is ever removed.
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await tried()).toEqual({ refusals: [], eviction: null });
    await client.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lfu');
    expect((await tried()).eviction).toMatch(/allkeys-lfu removes bars, fills.*noeviction/);
    const at = (url: string) => evictionAt({ ...tinySettings().minutehand.transports.redis, url });
    expect(evictionFindings(await at(redis.url))).toMatchObject([
      { weight: 'note', about: 'redis', text: expect.stringContaining('allkeys-lfu') as string },
    ]);
    expect(evictionFindings(await at('redis://127.0.0.1:1'))).toEqual([]);
    // Claims have a life.
    await client.config('SET', 'maxmemory-policy', 'volatile-ttl');
    expect((await tried()).eviction).toMatch(/volatile-ttl removes claims.*noeviction/);
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    expect((await tried()).eviction).toBeNull();
  } finally {
    client.disconnect();
    await redis.stop();
  }
});
