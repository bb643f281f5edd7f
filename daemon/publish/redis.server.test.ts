import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TestContext } from 'vitest';
import { MACHINE_SCHEDULER } from '../../shared/clock.ts';
import type { MinutehandError } from '../../shared/errors.ts';
import { ALL_PARTS, SIGNAL_PARTS, type Bus } from '../../shared/ports.ts';
import { freePort, startRedis } from '../../test/redis_server.ts';
import { endsSoonerThan } from '../../test/sooner.ts';
import type { RedisServer } from '../../test/redis_server.ts';
import { createRedisPublisher } from './redis.ts';
import type { RedisPublisher } from './redis.ts';
import { SIGNALS_CHANNEL, SIGNALS_STREAM, createRedisBus, signalChannel, signalKey } from './redis_bus.ts';

const toClose: (() => Promise<unknown> | void)[] = [];
const states: string[] = [];
const errors: MinutehandError[] = [];
let recoveries = 0;

beforeEach(() => {
  states.length = 0;
  errors.length = 0;
  recoveries = 0;
});
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

async function server(
  context: TestContext,
  args: readonly string[] = [],
  port?: number,
  folder?: string,
): Promise<RedisServer> {
  const redis = await startRedis(args, port, folder);
  if (redis === null) return context.skip('redis-server is not installed (Debian: apt-get install redis-server)');
  toClose.push(() => redis.stop());
  return redis;
}

const COMMAND_TIMEOUT_MS = 1_000;

function busTo(url: string): Bus {
  const bus = createRedisBus({
    url,
    caFile: null,
    keyTtlMs: 150_000,
    streamMaxLen: 1_000,
    connectTimeoutMs: 2_000,
    commandTimeoutMs: COMMAND_TIMEOUT_MS,
  });
  toClose.push(() => bus.close());
  return bus;
}

function publisherTo(url: string, isExpected = true): RedisPublisher {
  const publisher = createRedisPublisher({
    bus: busTo(url),
    scheduler: MACHINE_SCHEDULER,
    isExpected,
    commandTimeoutMs: COMMAND_TIMEOUT_MS,
    maxBatchesInFlight: 4,
    mayLeave: ({ valid_until_ms }) => valid_until_ms >= Date.now(),
    onState: (state, detail) => states.push(`${state}: ${detail}`),
    onFailure: (error) => errors.push(error),
    onRecovered: () => recoveries++,
  });
  toClose.push(() => publisher.close());
  return publisher;
}

function clientOf(redis: RedisServer, enableReadyCheck = true): Redis {
  const client = new Redis(redis.url, { retryStrategy: () => 50, enableReadyCheck });
  client.on('error', () => undefined);
  toClose.push(() => client.disconnect());
  return client;
}

async function listen(redis: RedisServer, ...channels: string[]): Promise<[channel: string, message: string][]> {
  const received: [string, string][] = [];
  const client = clientOf(redis);
  client.on('message', (channel: string, message: string) => received.push([channel, message]));
  await client.subscribe(...channels);
  return received;
}

async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs)
      throw new Error(`not within ${limitMs} ms: ${what}; states ${states.join(' | ')}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Runs for so long; until `lua-time-limit` has passed, Redis answers no client meanwhile. */
const busyScript = (ms: number) => `
  local start = redis.call('TIME')
  repeat local now = redis.call('TIME')
  until (now[1] - start[1]) * 1000 + (now[2] - start[2]) / 1000 > ${ms}`;
/** 0.9 s for 3,000 keys, answering others in between. */
const SLOW_LOADING = ['--key-load-delay', '300', '--loading-process-events-interval-bytes', '1024'];
const FILL_SCRIPT = "for i = 1, tonumber(ARGV[1]) do redis.call('SET', 'filler:' .. i, string.rep('x', 100)) end";

const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function timeMs(work: () => void): number {
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
}

async function streamSeqs(client: Redis): Promise<number[]> {
  const entries = await client.xrange(SIGNALS_STREAM, '-', '+');
  return entries.map(([, fields]) => (JSON.parse(fields[3]!) as { seq: number }).seq);
}

const signal = (pairId: string, seq: number) => ({ pairId, text: JSON.stringify({ pair_id: pairId, seq }) });
/** Not expired. */
const validSignal = (pairId: string, seq: number) => ({
  pairId,
  text: JSON.stringify({ pair_id: pairId, seq, valid_until_ms: 2 * Date.now() }),
});
const isUp = (publisher: RedisPublisher) => () => publisher.state === 'up';

describe('the Redis publisher', () => {
  it('keeps the key of a pair of longer bars until its next signal is due', async (context) => {
    const redis = await server(context);
    const publisher = publisherTo(redis.url);
    await until('connected', isUp(publisher));
    publisher.publish([signal('A_B', 1), signal('A_B@1h', 1)]);
    const client = clientOf(redis);
    await until('stored', async () => (await client.get(signalKey('A_B@1h'))) !== null);
    expect(await client.pttl(signalKey('A_B'))).toBeLessThanOrEqual(150_000);
    expect(await client.pttl(signalKey('A_B@1h'))).toBeGreaterThan(3_600_000);
  });

  it('sends a batch as one message, and each signal as key, message and stream entry', async (context) => {
    const redis = await server(context);
    const received = await listen(redis, SIGNALS_CHANNEL, signalChannel('A_B'));
    const publisher = publisherTo(redis.url);
    await until('connected', isUp(publisher));

    publisher.publish([signal('A_B', 1), signal('C_D', 1)]);
    await until('both received', () => received.length === 2);
    expect(received).toEqual([
      [SIGNALS_CHANNEL, `${signal('A_B', 1).text}\n${signal('C_D', 1).text}`],
      [signalChannel('A_B'), signal('A_B', 1).text],
    ]);
    const client = clientOf(redis);
    expect(await client.get(signalKey('C_D'))).toBe(signal('C_D', 1).text);
    expect(await client.pttl(signalKey('C_D'))).toBeGreaterThan(140_000);
    const entries = await client.xrange(SIGNALS_STREAM, '-', '+');
    expect(entries.map(([, fields]) => fields)).toEqual([
      ['pair_id', 'A_B', 'signal', signal('A_B', 1).text],
      ['pair_id', 'C_D', 'signal', signal('C_D', 1).text],
    ]);
    expect({ missed: publisher.missed, failures: publisher.failures, states }).toEqual({
      missed: 0,
      failures: 0,
      states: ['up: connected'],
    });
  });

  it('keeps about streamMaxLen entries in the stream', async (context) => {
    const redis = await server(context);
    const publisher = publisherTo(redis.url);
    await until('connected', isUp(publisher));
    const client = clientOf(redis);
    for (let seq = 1; seq <= 60; seq++) {
      publisher.publish(Array.from({ length: 50 }, (_, i) => signal(`P${i}_Q`, seq)));
      await until('taken', async () => (await client.get(signalKey('P49_Q'))) === signal('P49_Q', seq).text);
    }
    expect(await client.xlen(SIGNALS_STREAM)).toBeLessThan(1_500);
    expect(publisher.missed).toBe(0);
  });

  it('reports once that Redis is absent, counts what was missed, and starts automatically when Redis does', async (context) => {
    const port = await freePort();
    const publisher = publisherTo(`redis://127.0.0.1:${port}`);
    await until('known to be down', () => publisher.state === 'down');
    for (let seq = 1; seq <= 20; seq++) {
      publisher.publish([signal('A_B', seq), signal('C_D', seq)]);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(publisher.missed).toBe(40);
    expect(states).toHaveLength(1);
    expect(states[0]).toContain('down: connect ECONNREFUSED');

    const redis = await server(context, [], port);
    await until('up', isUp(publisher));
    expect(states[1]).toBe('up: 40 signals were missed');
    const client = clientOf(redis);
    expect(await client.get(signalKey('A_B'))).toBeNull();
    expect(await client.xlen(SIGNALS_STREAM)).toBe(0);
    publisher.publish([signal('A_B', 21)]);
    await until('taken', async () => (await client.get(signalKey('A_B'))) === signal('A_B', 21).text);
    expect(publisher.missed).toBe(40);
  });

  it('counts nothing as missed of a Redis that is not expected, until it has answered once', async (context) => {
    const port = await freePort();
    const publisher = publisherTo(`redis://127.0.0.1:${port}`, false);
    await until('known to be down', () => publisher.state === 'down');
    publisher.publish([signal('A_B', 1)]);
    expect(publisher.missed).toBe(0);
    const redis = await server(context, [], port);
    await until('up', isUp(publisher));
    await redis.stop();
    await until('known to be down', () => publisher.state === 'down');
    publisher.publish([signal('A_B', 2)]);
    expect(publisher.missed).toBe(1);
  });

  it('recovers after a crash of Redis and sends once the last valid signal of each pair of the time between', async (context) => {
    const first = await server(context);
    const publisher = publisherTo(first.url);
    await until('connected', isUp(publisher));
    publisher.publish([signal('A_B', 1)]);
    await first.kill();
    publisher.publish([validSignal('A_B', 2)]);
    await until('down', () => publisher.state === 'down');
    publisher.publish([signal('A_B', 3), validSignal('C_D', 3), validSignal('E_F@1h', 3)]);
    publisher.publish([validSignal('C_D', 4)]);
    await until('all settled', () => publisher.missed >= 5);

    const second = await server(context, [], first.port);
    await until('up', isUp(publisher));
    publisher.publish([signal('C_D', 5)]);
    const client = clientOf(second);
    await until('taken', async () => (await client.xlen(SIGNALS_STREAM)) > 2);
    expect((await streamSeqs(client)).sort()).toEqual([3, 4, 5]);
    expect((await streamSeqs(client)).at(-1)).toBe(5);
    expect(await client.get(signalKey('A_B'))).toBeNull();
    expect(await client.get(signalKey('E_F@1h'))).toMatch('"seq":3,');
    expect(await client.pttl(signalKey('E_F@1h'))).toBeGreaterThan(3_600_000);
    expect(publisher.resent).toBe(2);
    expect(states.map((state) => state.split(':')[0])).toEqual(['up', 'down', 'up']);
  });

  it('stays fast while Redis stalls, counts, and afterward sends what was published before the stall was noticed, and the last signal', async (context) => {
    const redis = await server(context);
    const publisher = publisherTo(redis.url);
    await until('connected', isUp(publisher));
    publisher.publish([signal('A_B', 0)]);
    const client = clientOf(redis);
    await until('taken', async () => (await client.get(signalKey('A_B'))) !== null);

    redis.pause();
    // The delay after which ioredis itself closes the connection, without dropping unsent data.
    let statesByThen: string[] = [];
    setTimeout(() => (statesByThen = [...states]), 2 * COMMAND_TIMEOUT_MS);
    let publishingMs = 0;
    const published = 200;
    for (let seq = 1; seq <= published; seq++) {
      publishingMs += timeMs(() => publisher.publish([validSignal('A_B', seq)]));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await until('down', () => publisher.state === 'down');
    // Not even one of them waited for an answer.
    expect(publishingMs).toBeLessThan(COMMAND_TIMEOUT_MS);
    expect(publisher.missed).toBe(published);
    expect(states[1]).toBe('down: no answer within 1000 ms');
    await until('two timeouts later', () => statesByThen.length > 0);
    expect(statesByThen[1]).toBe(states[1]);

    redis.resume();
    await until('up', isUp(publisher), 20_000);
    publisher.publish([signal('A_B', 1_000)]);
    await until('fresh one', async () => (await client.get(signalKey('A_B'))) === signal('A_B', 1_000).text);
    const sent = (await client.xrange(SIGNALS_STREAM, '-', '+')).map(
      ([, fields]) => (JSON.parse(fields[3]!) as { seq: number }).seq,
    );
    expect([sent[0], ...sent.slice(-2)]).toEqual([0, published, 1_000]);
    const late = sent.slice(1, -2);
    expect(late.toSorted((a, b) => a - b)).toEqual(late);
    expect(publisher.resent).toBe(1);
    expect(late.length).toBeLessThanOrEqual(4);
    expect(late.every((seq) => seq <= 4)).toBe(true);
  });

  it('reports a full Redis once, counts every refused batch, and continues when there is room again', async (context) => {
    const redis = await server(context, ['--maxmemory', '1', '--maxmemory-policy', 'noeviction']);
    const publisher = publisherTo(redis.url);
    await until('connected', isUp(publisher));
    for (let seq = 1; seq <= 3; seq++) {
      publisher.publish([signal('A_B', seq)]);
      await until('refused', () => publisher.failures === seq);
    }
    expect(errors.map((error) => error.code)).toEqual(['PUBLISH_REDIS']);
    expect(errors[0]!.message).toContain('OOM');
    expect([publisher.state, publisher.refusal?.code]).toEqual(['refused', 'PUBLISH_REDIS']);
    expect(errors[0]!.next).toContain('maxmemory');

    await clientOf(redis).config('SET', 'maxmemory', '0');
    publisher.publish([signal('A_B', 4)]);
    await until('recovered', () => recoveries === 1);
    expect([publisher.state, publisher.refusal]).toEqual(['up', null]);
    expect({ missed: publisher.missed, failures: publisher.failures }).toEqual({ missed: 3, failures: 3 });
  });

  const RIGHTS = ['~minutehand:*', '&minutehand:*', '+publish', '+set', '+xadd', '+eval', '+info'];
  it.for<[string, string[], number, RegExp]>([
    ['may not write at all', ['~minutehand:*', '&minutehand:*', '+info', '+ping'], 2, /NOPERM/],
    ['may not publish', [...RIGHTS, '-publish'], 2, /NOPERM/],
    ['may not run scripts', [...RIGHTS, '-eval'], 2, /NOPERM/],
    ['may not XADD', [...RIGHTS, '-xadd'], 2, /NOPERM|executing the script/],
    ['may not SET', [...RIGHTS, '-set'], 2, /NOPERM|executing the script/],
    [
      'may not write the key of one pair',
      ['resetkeys', '~minutehand:signals', '~minutehand:signal:A_B', ...RIGHTS.slice(1)],
      1,
      /NOPERM|executing the script/,
    ],
    [
      'may not use the channel of one pair',
      [...RIGHTS, 'resetchannels', '&minutehand:signals', '&minutehand:signals:A_B'],
      1,
      /NOPERM|executing the script/,
    ],
  ])(
    'counts the signals of a user that %s, reports it once, and the recovery once',
    async ([, rights, missedPerBatch, words], context) => {
      const redis = await server(context);
      const admin = clientOf(redis);
      await admin.call('ACL', 'SETUSER', 'feeder', 'on', '>pass', ...rights);
      const publisher = publisherTo(redis.url.replace('//', '//feeder:pass@'));
      await until('connected', isUp(publisher));
      for (let seq = 1; seq <= 3; seq++) {
        publisher.publish([signal('A_B', seq), signal('C_D', seq)]);
        await until('refused', () => publisher.failures === seq);
      }
      expect([publisher.state, publisher.missed, errors.length]).toEqual(['refused', 3 * missedPerBatch, 1]);
      expect(errors[0]!.seen).toMatch(words);
      expect(errors[0]!.next).toContain('+publish +set +xadd +eval +info ~minutehand:* &minutehand:*');
      await admin.call('ACL', 'SETUSER', 'feeder', ...RIGHTS);
      publisher.publish([signal('A_B', 4), signal('C_D', 4)]);
      await until('recovered', () => recoveries === 1);
      expect([publisher.state, publisher.missed, errors.length]).toEqual(['up', 3 * missedPerBatch, 1]);
    },
  );

  it('reports a stream key of another type until it is removed; the key of a pair is replaced whatever its type', async (context) => {
    const redis = await server(context);
    const client = clientOf(redis);
    await client.set(SIGNALS_STREAM, 'text');
    await client.rpush(signalKey('A_B'), 'a list');
    const publisher = publisherTo(redis.url);
    await until('connected', isUp(publisher));
    publisher.publish([signal('A_B', 1), signal('C_D', 1)]);
    await until('refused', () => publisher.state === 'refused');
    expect(errors[0]!.seen).toContain('WRONGTYPE');
    expect(errors[0]!.next).toContain('DEL minutehand:signals');
    expect([publisher.missed, await client.get(signalKey('A_B'))]).toEqual([2, signal('A_B', 1).text]);
    await client.del(SIGNALS_STREAM);
    publisher.publish([signal('A_B', 2), signal('C_D', 2)]);
    await until('recovered', () => recoveries === 1);
    expect(await streamSeqs(client)).toEqual([2, 2]);
  });

  it('stays refused when the connection was lost meanwhile, until a batch is taken', async (context) => {
    const redis = await server(context);
    const client = clientOf(redis);
    await client.set(SIGNALS_STREAM, 'text');
    const publisher = publisherTo(redis.url);
    await until('connected', isUp(publisher));
    publisher.publish([validSignal('A_B', 1)]);
    await until('refused', () => publisher.state === 'refused');
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await until('sent and refused again', () => publisher.failures === 2);
    expect([states.length, publisher.state, recoveries]).toEqual([3, 'refused', 0]);
    publisher.publish([signal('A_B', 2)]);
    await until('refused again', () => publisher.failures === 3);
    expect(errors).toHaveLength(1);
  });

  it('waits for a slow Redis up to the bound in flight, drops the rest, and delays no other transport', async (context) => {
    const redis = await server(context);
    const publisher = publisherTo(redis.url);
    await until('connected', isUp(publisher));
    const client = clientOf(redis);
    await client.ping();
    const busyMs = 500;
    const busy = client.eval(busyScript(busyMs), 0);
    await delay(50);
    const takenMs = timeMs(() => {
      for (let seq = 1; seq <= 20; seq++) publisher.publish([signal('A_B', seq)]);
    });
    expect(publisher.missed).toBe(16);
    expect(takenMs).toBeLessThan(busyMs);
    await busy;
    await until('taken', async () => (await client.xlen(SIGNALS_STREAM)) === 4);
    // Redis has four; until their answers have been read here, there is no room for another one.
    let missed = 15;
    await until('room for the next', () => {
      missed++;
      publisher.publish([signal('A_B', 21)]);
      return publisher.missed === missed;
    });
    await until('the next is taken', async () => (await client.xlen(SIGNALS_STREAM)) === 5);
    expect(await streamSeqs(client)).toEqual([1, 2, 3, 4, 21]);
    expect({ missed: publisher.missed, failures: publisher.failures, states }).toEqual({
      missed,
      failures: 0,
      states: ['up: connected'],
    });
  });

  it('sends again what Redis may have taken, and nothing a second time', async (context) => {
    const redis = await server(context);
    const client = clientOf(redis);
    await client.rpush(signalKey('E_F'), 'a list');
    const received = await listen(redis, SIGNALS_CHANNEL, signalChannel('C_D'), signalChannel('E_F'));
    const bus = busTo(redis.url);
    await until('connected', () => bus.ready);
    const taken = signal('A_B', 1);
    const lost = signal('C_D', 2);
    const refused = signal('E_F', 3);
    await bus.send([taken]);
    const again = [taken, lost].map((message) => ({ ...message, lacking: ALL_PARTS }));
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await bus.resend([...again, { ...refused, lacking: SIGNAL_PARTS.key + SIGNAL_PARTS.stream }])).toBeNull();
    }
    expect(await streamSeqs(client)).toEqual([1, 2, 3]);
    expect(await client.mget([taken, lost, refused].map(({ pairId }) => signalKey(pairId)))).toEqual(
      [taken, lost, refused].map(({ text }) => text),
    );
    await until('all received', () => received.length >= 3);
    expect(received).toEqual([
      [SIGNALS_CHANNEL, taken.text],
      [SIGNALS_CHANNEL, lost.text],
      [signalChannel('C_D'), lost.text],
    ]);
  });

  it('reports a Redis that is busy with a script for too long, and its recovery', async (context) => {
    const redis = await server(context, ['--lua-time-limit', '50']);
    const publisher = publisherTo(redis.url);
    await until('connected', isUp(publisher));
    const client = clientOf(redis);
    await client.ping();
    const busy = client.eval(busyScript(700), 0);
    await delay(200);
    publisher.publish([signal('A_B', 1)]);
    await until('refused', () => publisher.failures === 1);
    expect(errors.map(({ code, seen }) => `${code} ${seen?.split(' ')[0]}`)).toEqual(['PUBLISH_REDIS BUSY']);
    await busy;
    publisher.publish([signal('A_B', 2)]);
    await until('recovered', () => recoveries === 1);
    expect(await streamSeqs(client)).toEqual([2]);
  });

  it('is refused by a Redis that loads the data of its master, and continues afterward', async (context) => {
    const redis = await server(context, [...SLOW_LOADING, '--replica-read-only', 'no']);
    const master = await server(context, ['--repl-diskless-sync-delay', '0']);
    await clientOf(master).eval(FILL_SCRIPT, 0, 3_000);
    const publisher = publisherTo(redis.url);
    await until('connected', isUp(publisher));
    const client = clientOf(redis);
    await client.replicaof('127.0.0.1', master.port);
    for (let seq = 1; publisher.failures === 0; seq++) {
      publisher.publish([signal('A_B', seq)]);
      await delay(5);
    }
    expect(errors.map(({ code, seen }) => `${code} ${seen?.split(' ')[0]}`)).toEqual(['PUBLISH_REDIS LOADING']);
    expect(publisher.state).toBe('refused');
    await until('recovered', () => {
      publisher.publish([signal('A_B', 10_000)]);
      return recoveries === 1;
    });
    expect(await client.get(signalKey('A_B'))).toBe(signal('A_B', 10_000).text);
    expect(errors).toHaveLength(1);
  });

  it('is refused by a Redis that was made a replica, until it is a master again', async (context) => {
    const redis = await server(context);
    const publisher = publisherTo(redis.url);
    await until('connected', isUp(publisher));
    const client = clientOf(redis);
    await client.replicaof('127.0.0.1', await freePort());
    publisher.publish([signal('A_B', 1)]);
    await until('refused', () => publisher.failures > 0);
    // The first refusal leads to a new connection, for there may be another primary behind the address.
    await until('connected again', () => states.length === 3 && publisher.state === 'refused');
    for (let seq = 2; seq <= 3; seq++) {
      const before = publisher.failures;
      publisher.publish([signal('A_B', seq)]);
      await until('refused again', () => publisher.failures > before);
    }
    expect(errors.map(({ code, seen }) => `${code} ${seen?.split(' ')[0]}`)).toEqual(['PUBLISH_REDIS READONLY']);
    await client.replicaof('NO', 'ONE');
    publisher.publish([signal('A_B', 4)]);
    await until('recovered', () => recoveries === 1);
    expect(await streamSeqs(client)).toEqual([4]);
    expect(publisher.missed).toBe(3);
    expect(states.map((state) => state.split(':')[0])).toEqual(['up', 'down', 'up']);
  });

  it('waits until a starting Redis has loaded its data', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-redis-dump-'));
    toClose.push(() => rmSync(folder, { recursive: true, force: true }));
    const first = await server(context, [], undefined, folder);
    const filler = clientOf(first);
    await filler.eval(FILL_SCRIPT, 0, 3_000);
    await filler.save();
    await first.stop();
    const redis = await server(context, SLOW_LOADING, undefined, folder);
    const publisher = publisherTo(redis.url);
    const client = clientOf(redis, false);
    let seq = 0;
    let sawLoading = false;
    while (publisher.state !== 'up') {
      publisher.publish([signal('A_B', ++seq)]);
      sawLoading ||= await client.info('persistence').then(
        (info) => info.includes('loading:1'),
        (error: Error) => error.message.startsWith('LOADING'),
      );
      await delay(20);
    }
    expect(sawLoading).toBe(true);
    expect(publisher.missed).toBe(seq);
    publisher.publish([signal('A_B', 10_000)]);
    await until('taken', async () => (await client.xlen(SIGNALS_STREAM)) > 0);
    expect(await streamSeqs(client)).toEqual([10_000]);
    expect(publisher.failures).toBe(0);
  });

  it('recovers automatically after an orderly restart', async (context) => {
    const first = await server(context);
    const publisher = publisherTo(first.url);
    await until('connected', isUp(publisher));
    await first.stop();
    publisher.publish([signal('A_B', 1)]);
    await until('down', () => publisher.state === 'down');
    const second = await server(context, [], first.port);
    await until('up', isUp(publisher));
    publisher.publish([signal('A_B', 2)]);
    const client = clientOf(second);
    await until('taken', async () => (await client.xlen(SIGNALS_STREAM)) > 0);
    expect(await streamSeqs(client)).toEqual([2]);
    expect(publisher.missed).toBe(1);
  });

  it('closes at once when Redis is absent, stalled, or up', async (context) => {
    const absent = publisherTo(`redis://127.0.0.1:${await freePort()}`);
    const redis = await server(context);
    const there = publisherTo(redis.url);
    const stalled = publisherTo(redis.url);
    await until('connected', () => there.state === 'up' && stalled.state === 'up' && absent.state === 'down');
    there.publish([signal('A_B', 1)]);
    await there.close();
    const client = clientOf(redis);
    expect(await client.get(signalKey('A_B'))).toBe(signal('A_B', 1).text);
    redis.pause();
    stalled.publish([signal('A_B', 2)]);
    // No answer is waited for.
    const closing = (): Promise<unknown> => Promise.all([absent.close(), stalled.close()]);
    expect(await endsSoonerThan(COMMAND_TIMEOUT_MS, closing)).toBe(true);
    there.publish([signal('A_B', 3)]);
    expect(there.missed).toBe(0);
  });
});
