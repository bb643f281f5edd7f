import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { sql } from 'kysely';
import { followRedis } from '../cli/ea/signal_redis.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { openPostgres } from '../trainer/store/postgres.ts';
import { POSTGRES_NOTE, startPostgres } from '../trainer/store/postgres_server.fixture.ts';
import { forgetfulProxyTo } from './redis_proxy.ts';
import { requireRedis } from './redis_server.ts';

vi.setConfig({ testTimeout: 120_000 });

const toClose: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

describe('a connection that a proxy has forgotten without closing it', () => {
  it('of the paper account to Redis is replaced, also while no message comes', async (context) => {
    const server = await requireRedis(context);
    toClose.push(() => server.stop());
    const proxy = await forgetfulProxyTo(server.port, toClose);
    const { redis: transport } = loadSettings({ env: {} }).minutehand.transports;
    const received: string[] = [];
    const source = followRedis({ ...transport, url: `redis://127.0.0.1:${proxy.port}` }, ['A_B'], (text) =>
      received.push(text),
    );
    toClose.push(() => source.stop());
    const publisher = new Redis(server.url);
    toClose.push(() => publisher.disconnect());
    const listeners = async (): Promise<number> => publisher.publish('minutehand:signals:A_B', 'first');
    await expect.poll(listeners).toBe(1);
    await expect.poll(() => received).toContain('first');
    proxy.forget();
    const clients = async (): Promise<string> => (await publisher.client('LIST')) as string;
    const before = /id=(\d+)[^\n]*name=minutehand-ea-listen/.exec(await clients())![1];
    await expect
      .poll(
        async () => {
          const ids = [...(await clients()).matchAll(/id=(\d+)[^\n]*name=minutehand-ea-listen/g)].map(([, id]) => id);
          return ids.some((id) => id !== before);
        },
        { timeout: 60_000, interval: 250 },
      )
      .toBe(true);
    await expect
      .poll(async () => {
        await publisher.publish('minutehand:signals:A_B', 'second');
        return received;
      })
      .toContain('second');
  });

  it('of the store to PostgreSQL fails its query, and the next one has another', async (context) => {
    const postgres = (await startPostgres()) ?? context.skip(POSTGRES_NOTE);
    toClose.push(() => postgres.stop());
    const proxy = await forgetfulProxyTo(postgres.port, toClose);
    const url = (await postgres.createDatabase()).replace(`127.0.0.1:${postgres.port}`, `127.0.0.1:${proxy.port}`);
    const engine = await openPostgres(url, 1500);
    toClose.push(() => engine.close());
    const ask = () => sql`SELECT 1 AS one`.execute(engine.db);
    expect((await ask()).rows).toEqual([{ one: 1 }]);
    // A long query is no silence while its connection says something; one of a second is none either.
    await sql`SELECT pg_sleep(1)`.execute(engine.db);
    proxy.forget();
    await expect(ask()).rejects.toThrow();
    expect((await ask()).rows).toEqual([{ one: 1 }]);
  });

  it('of the store to PostgreSQL is replaced after its life, also when it is never idle', async (context) => {
    const postgres = (await startPostgres()) ?? context.skip(POSTGRES_NOTE);
    toClose.push(() => postgres.stop());
    const engine = await openPostgres(await postgres.createDatabase(), undefined, 0.2);
    toClose.push(() => engine.close());
    const backend = async (): Promise<unknown> =>
      (await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(engine.db)).rows[0]!.pid;
    const first = await backend();
    await expect.poll(backend, { interval: 10 }).not.toBe(first);
  });
});
