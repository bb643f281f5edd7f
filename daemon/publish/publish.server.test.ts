import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { MACHINE_SCHEDULER } from '../../shared/clock.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import { freePort, requireRedis } from '../../test/redis_server.ts';
import type { RedisServer } from '../../test/redis_server.ts';
import { openServer } from '../serve/serve.ts';
import { createFilePublisher } from './file.ts';
import { createRedisPublisher } from './redis.ts';
import { createRedisBus } from './redis_bus.ts';
import { createWebSocketPublisher } from './websocket.ts';

const toClose: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

const PAIR_IDS = ['A_B', 'C_D', 'E_F'];
const TURNS = 60;
const MAX_IN_FLIGHT = 4;
const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

/** Faults of Redis while signals are published, by the publisher's count. */
const TROUBLES: Record<string, (redis: RedisServer, client: Redis) => Promise<void> | void> = {
  absent: (redis) => redis.kill(),
  stalled: (redis) => redis.pause(),
  full: (_, client) => client.config('SET', 'maxmemory', '1').then(() => undefined),
  'a replica': async (_, client) => void (await client.replicaof('127.0.0.1', await freePort())),
  'busy with a script': (_, client) => {
    const script = "local s = redis.call('TIME') repeat local n = redis.call('TIME') until n[1] - s[1] > 3";
    client.eval(script, 0).catch(() => undefined);
  },
};

describe('the three transports', () => {
  it.for(Object.keys(TROUBLES))(
    'bring signals as fast by WebSocket and file when Redis is %s',
    async (trouble, context) => {
      const redis = await requireRedis(context);
      toClose.push(() => redis.stop());
      const ways = await openWays(redis.url);
      const client = new Redis(redis.url, { retryStrategy: () => null });
      client.on('error', () => undefined);
      toClose.push(() => client.disconnect());
      await client.ping();

      const calm = await ways.measure(1);
      await TROUBLES[trouble]!(redis, client);
      await delay(20);
      const stormy = await ways.measure(1 + TURNS);

      expect(ways.received).toEqual(
        Array.from({ length: 2 * TURNS * PAIR_IDS.length }, (_, i) => Math.floor(i / PAIR_IDS.length) + 1),
      );
      expect(stormy.websocketMs, JSON.stringify({ calm, stormy })).toBeLessThan(3 * calm.websocketMs + 3);
      expect(stormy.fileMs, JSON.stringify({ calm, stormy })).toBeLessThan(3 * calm.fileMs + 3);
      expect(stormy.redisPublishMs, JSON.stringify({ calm, stormy })).toBeLessThan(3 * calm.redisPublishMs + 3);
      expect(ways.failures()).toEqual({ websocket: 0, file: 0 });
      const { missed, failures } = ways.redis;
      // A replica leads to a new connection, during which signals are missed without a refusal.
      const lost = trouble === 'full' ? failures * PAIR_IDS.length : missed;
      expect(lost).toBeGreaterThan((TURNS - 2 * MAX_IN_FLIGHT) * PAIR_IDS.length);
    },
  );
});

/** All publishers as the daemon has them, one WebSocket client and one reader of files. */
async function openWays(url: string) {
  // In memory where possible: disk writes of other programs are not under test here.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'minutehand-ways-'));
  toClose.push(() => rmSync(folder, { recursive: true }));
  const defect = (error: unknown): never => {
    throw error;
  };
  const websocket = createWebSocketPublisher({ pairIds: PAIR_IDS, onFailure: defect });
  const http = await openServer({
    host: '127.0.0.1',
    port: 0,
    engine: 'auto',
    routes: [],
    webSockets: [websocket.subscriptionRoute()],
    maxBodyBytes: 10_000,
    maxBufferedBytes: 1_000_000,
    onError: defect,
  });
  toClose.push(() => http.close());
  websocket.attach(http);
  const file = createFilePublisher({ files: MACHINE_FILES, folder, onFailure: defect, onRecovered: () => undefined });
  const redis = createRedisPublisher({
    isExpected: true,
    bus: createRedisBus({
      url,
      caFile: null,
      keyTtlMs: 150_000,
      streamMaxLen: 1_000,
      connectTimeoutMs: 1_000,
      commandTimeoutMs: 300,
    }),
    scheduler: MACHINE_SCHEDULER,
    commandTimeoutMs: 300,
    maxBatchesInFlight: MAX_IN_FLIGHT,
    mayLeave: () => false,
    onState: () => undefined,
    onFailure: () => undefined,
    onRecovered: () => undefined,
  });
  toClose.push(() => redis.close());
  const socket = new WebSocket(`ws://127.0.0.1:${http.port}/signals`);
  toClose.push(() => socket.terminate());
  await once(socket, 'open');
  const received: number[] = [];
  let whenReceived: (() => void) | null = null;
  socket.on('message', (data) => {
    received.push((JSON.parse((data as Buffer).toString()) as { seq: number }).seq);
    whenReceived?.();
  });
  while (redis.state !== 'up') await delay(10);

  return {
    received,
    redis,
    failures: () => ({ websocket: websocket.failures, file: file.failures }),
    /** Publishes TURNS batches as the daemon does. @returns medians in milliseconds */
    async measure(firstSeq: number) {
      const websocketMs: number[] = [];
      const fileMs: number[] = [];
      const redisPublishMs: number[] = [];
      for (let seq = firstSeq; seq < firstSeq + TURNS; seq++) {
        const batch = PAIR_IDS.map((pairId) => ({ pairId, text: JSON.stringify({ pair_id: pairId, seq }) }));
        const wanted = received.length + batch.length;
        const arrived = new Promise<void>((resolve) => {
          whenReceived = () => received.length === wanted && resolve();
        });
        const startMs = performance.now();
        websocket.publish(batch);
        const redisMs = performance.now();
        redis.publish(batch);
        redisPublishMs.push(performance.now() - redisMs);
        await arrived;
        websocketMs.push(performance.now() - startMs);
        const writeMs = performance.now();
        file.publish(batch);
        fileMs.push(performance.now() - writeMs);
        expect(readFileSync(join(folder, 'A_B', 'signal.json'), 'utf8')).toBe(`${batch[0]!.text}\n`);
        await delay(5);
      }
      return {
        websocketMs: median(websocketMs),
        fileMs: median(fileMs),
        redisPublishMs: median(redisPublishMs),
      };
    },
  };
}
