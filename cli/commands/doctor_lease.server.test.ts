import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { leaseKey } from '../../daemon/lease/redis_lease.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { freePort, requireRedis } from '../../test/redis_server.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import { startPostgres } from '../../trainer/store/postgres_server.fixture.ts';
import { bodyOf, textOf } from '../../shared/signal/signal.fixture.ts';
import { checkLease } from './doctor_lease.ts';

let signals: string;
beforeAll(() => (signals = mkdtempSync(join(tmpdir(), 'minutehand-doctor-lease-'))));
afterAll(() => rmSync(signals, { recursive: true, force: true }));

const settingsFor = (url: string | null, seconds = 10): Settings =>
  tinySettings({ minutehand: { market: 'live', lease: { url, seconds }, feed: { interval_ms: 60_000 } } });

it('a lease on Redis is tried, removed, and compared with the published fence', async (context) => {
  expect(await checkLease(settingsFor(null), { signals })).toBeNull();
  const redis = await requireRedis(context);
  const client = new Redis(redis.url);
  try {
    const settings = settingsFor(redis.url);
    const found = await checkLease(settings, { signals });
    expect(found).toMatchObject({ verdict: 'warning', detail: expect.stringContaining('live:main fence 0, free') });
    expect(found!.detail).toContain('no append-only file');
    expect(await client.keys('*')).toEqual([]);
    await client.config('SET', 'appendonly', 'yes');
    expect(await checkLease(settings, { signals })).toMatchObject({ verdict: 'ok' });
    const slow = await checkLease(settingsFor(redis.url, 90), { signals });
    expect(slow).toMatchObject({ verdict: 'warning', detail: expect.stringContaining('135 s, later than 2 bars') });

    const pair = settings.minutehand.pairs[0]!;
    mkdirSync(join(signals, pair), { recursive: true });
    writeFileSync(
      join(signals, pair, 'signal.json'),
      textOf(bodyOf({ pair_id: pair }), { boot_id: '20260101T000000.000Z', seq: 1, generated_at_ms: 1, fence: 9 }),
    );
    await client.hset(leaseKey('live:main'), { holder: 'x', fence: '9', beat: '1' });
    expect(await checkLease(settings, { signals })).toMatchObject({ verdict: 'ok' });
    await client.hset(leaseKey('live:main'), { fence: '8' });
    const lost = await checkLease(settings, { signals });
    expect(lost).toMatchObject({
      verdict: 'error',
      detail: expect.stringContaining('fence 8 of shard main is below 9'),
    });

    await client.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
    await client.hset(leaseKey('live:main'), { fence: '9' });
    expect((await checkLease(settings, { signals }))!.detail).toMatch(/allkeys-lru removes bars, fills, leases/);
    await client.call('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '+@read', '+@connection');
    const denied = await checkLease(settingsFor(redis.url.replace('redis://', 'redis://reader:secret@')), { signals });
    expect(denied).toMatchObject({ verdict: 'error', detail: expect.stringContaining('No daemon can publish') });
    expect(denied!.detail).not.toContain('secret');
  } finally {
    client.disconnect();
    await redis.stop();
  }
});

it('a lease server that does not answer is an error', async () => {
  const found = await checkLease(settingsFor(`redis://127.0.0.1:${await freePort()}`), { signals });
  expect(found).toMatchObject({ verdict: 'error', detail: expect.stringContaining('ECONNREFUSED') });
});

it('a lease on PostgreSQL is tried, and a user that may not write is an error', async (context) => {
  const postgres = await startPostgres();
  if (postgres === null) return context.skip('PostgreSQL is not installed');
  try {
    const url = await postgres.createDatabase();
    expect(await checkLease(settingsFor(url), { signals })).toMatchObject({ verdict: 'ok' });
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    expect((await client.query('SELECT * FROM minutehand_lease')).rows).toEqual([]);
    await client.query("CREATE ROLE reader LOGIN PASSWORD 'secret'; GRANT SELECT ON minutehand_lease TO reader");
    await client.end();
    const reader = new URL(url);
    reader.username = 'reader';
    reader.password = 'secret';
    const denied = await checkLease(settingsFor(reader.href), { signals });
    expect(denied).toMatchObject({ verdict: 'error', detail: expect.stringMatching(/permission denied.*GRANT/) });
  } finally {
    await postgres.stop();
  }
});
