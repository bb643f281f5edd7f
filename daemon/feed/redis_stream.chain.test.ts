import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepReading, type StreamReader } from '../../shared/redis/redis_stream.ts';
import { proxyTo } from '../../test/redis_proxy.ts';
import { REDIS_NOTE, requireRedis, startRedis, type RedisServer } from '../../test/redis_server.ts';
import { BEGINNING, type StreamPosition } from './redis_position.ts';
import { BARS_STREAM, readBarStream, type StreamListener } from './redis_stream.ts';

/** One server for all; each test has a database of its own, so that they can wait at the same time. */
let server: RedisServer | null;
const clients: Redis[] = [];
const readers: StreamReader[] = [];
beforeAll(async () => {
  server = await startRedis(['--databases', '32']);
});
afterAll(async () => {
  await Promise.all(readers.map((reader) => reader.stop()));
  for (const client of clients) client.disconnect();
  await server?.stop();
});

interface Read {
  /** Calls of the listener, as text. */
  readonly events: string[];
  readonly reader: StreamReader;
  /** Resolves when the listener was called `count` times, at the latest. */
  received(count: number): Promise<string[]>;
}

let databases = 0;

/** A client of a new database, and a way to read its stream. */
function place(context: { skip(note: string): never }): {
  client: Redis;
  add(...ids: string[]): Promise<void>;
  read(from: StreamPosition, gate?: () => Promise<void>, login?: string): Read;
} {
  if (server === null) return context.skip(REDIS_NOTE);
  const { port } = server;
  const db = databases++;
  const client = new Redis({ port, host: '127.0.0.1', db });
  clients.push(client);
  return {
    client,
    async add(...ids) {
      const pipeline = client.pipeline();
      for (const id of ids) pipeline.xadd(BARS_STREAM, id, 'bar', id);
      await pipeline.exec();
    },
    read(from, gate = () => Promise.resolve(), login = '') {
      const events: string[] = [];
      const waiting = new Set<() => void>();
      const receive = (text: string): void => {
        events.push(text);
        for (const look of waiting) look();
      };
      const listener: StreamListener = {
        from,
        onBeginning: () => receive('beginning'),
        async onEntries(entries, { id, number }, isAll) {
          const ids = entries.map(([name, fields]) => `${name}=${fields.join(':')}`);
          const shown = ids.length > 3 ? `${ids[0]} … ${ids.at(-1)} (${ids.length})` : ids.join(' ');
          receive(`${shown}, at ${id} number ${number}${isAll ? '' : ', more'}`);
          await gate();
        },
        onPosition: ({ id, number }) => receive(`position ${id} number ${number}`),
        onLost: (count) => receive(`lost ${count}`),
        onOversized: (entries) => receive(`oversized ${entries.map(({ id, bytes }) => `${id} ${bytes}`).join(', ')}`),
        onMended: ({ lastId, removed }) => receive(`mended ${lastId} ${removed}`),
        onAnother: () => receive('another'),
        onState: (state, detail) => receive(state === 'refused' ? `${state} ${detail.split(' ')[0]}` : state),
      };
      const url = `redis://${login}127.0.0.1:${port}/${db}`;
      const transport = { url, ca_file: null, connect_timeout_ms: 5000, command_timeout_ms: 5000 };
      const reader = readBarStream(transport, listener);
      readers.push(reader);
      return {
        events,
        reader,
        received: (count) =>
          new Promise((resolve) => {
            const look = (): void => {
              if (events.length < count) return;
              waiting.delete(look);
              resolve(events);
            };
            waiting.add(look);
            look();
          }),
      };
    },
  };
}

const bar = (id: string): string => `${id}=bar:${id}`;

/** Under mutation in turns, so that code is attributed to its test, and with an early end for a reader that hangs. */
const isMutated = process.env['MUTATION_RUN'] !== undefined;
const options = isMutated ? { timeout: 6000 } : { concurrent: true };

describe('a reader of the stream', options, () => {
  it('reads it from the beginning, then what is added, and counts when all is read', async (context) => {
    const { add, read } = place(context);
    await add('1-1', '1-2');
    const { received } = read(BEGINNING);
    const first = ['beginning', 'up', `${bar('1-1')} ${bar('1-2')}, at 1-2 number null`];
    expect(await received(3)).toEqual(first);
    await add('2-0');
    expect(await received(4)).toEqual([...first, `${bar('2-0')}, at 2-0 number null`]);
    // After a second without entries.
    expect((await received(5)).slice(4)).toEqual(['position 2-0 number 3']);
    await add('3-0', '4-0');
    const counted = (await received(6)).slice(5);
    expect(['3-0', '4-0'].map((id) => counted.join().includes(bar(id)))).toContain(true);
    expect(counted[0]).toMatch(/number [45]$/);
  });

  it('reads 250 entries at once, the next ones when these are done', async (context) => {
    const { add, read } = place(context);
    await add(...Array.from({ length: 260 }, (_, i) => `${i + 1}-0`));
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { received, events } = read(BEGINNING, () => gate);
    const first = `${bar('1-0')} … ${bar('250-0')} (250), at 250-0 number null, more`;
    expect(await received(3)).toEqual(['beginning', 'up', first]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(events).toHaveLength(3);
    open();
    expect((await received(4))[3]).toBe(`${bar('251-0')} … ${bar('260-0')} (10), at 260-0 number null`);
  });

  it('calls a full batch without more behind it not the last', async (context) => {
    const { add, read } = place(context);
    await add(...Array.from({ length: 250 }, (_, i) => `${i + 1}-0`));
    const { received } = read({ id: '1-0', number: 1 });
    expect(await received(2)).toEqual(['up', `${bar('2-0')} … ${bar('250-0')} (249), at 250-0 number 250`]);
  });

  it('continues behind its position', async (context) => {
    const { add, read } = place(context);
    await add('1-0', '2-0', '3-0');
    const { received } = read({ id: '2-0', number: 2 });
    expect(await received(2)).toEqual(['up', `${bar('3-0')}, at 3-0 number 3`]);
  });

  it('reports entries that were removed unread, and counts on from there', async (context) => {
    const { client, add, read } = place(context);
    await add('1-0', '2-0', '3-0', '4-0');
    await client.xtrim(BARS_STREAM, 'MAXLEN', 1);
    const { received } = read({ id: '1-0', number: 1 });
    expect(await received(4)).toEqual(['up', `${bar('4-0')}, at 4-0 number 2`, 'lost 2', 'position 4-0 number 4']);
  });

  it('reports a gap of unknown size before it is up, where it has not counted', async (context) => {
    const { client, add, read } = place(context);
    await add('1-0', '2-0', '3-0');
    await client.xtrim(BARS_STREAM, 'MAXLEN', 1);
    const { received } = read({ id: '1-0', number: null });
    expect(await received(4)).toEqual([
      'lost null',
      'up',
      `${bar('3-0')}, at 3-0 number null`,
      'position 3-0 number 3',
    ]);
  });

  it('begins again when the stream is another one', async (context) => {
    const { add, read } = place(context);
    await add('1-0');
    const { received } = read({ id: '9-0', number: 4 });
    expect(await received(5)).toEqual([
      'another',
      'beginning',
      'up',
      `${bar('1-0')}, at 1-0 number null`,
      'position 1-0 number 1',
    ]);
  });

  it('begins again when the stream is gone', async (context) => {
    const { add, read } = place(context);
    const { received } = read({ id: '9-0', number: 4 });
    expect(await received(3)).toEqual(['another', 'beginning', 'up']);
    await add('1-0');
    expect((await received(4))[3]).toBe(`${bar('1-0')}, at 1-0 number null`);
  });

  it('begins again when the stream is emptied while it is read', async (context) => {
    const { client, add, read } = place(context);
    await add('5-0');
    const { received } = read({ id: '4-0', number: 0 });
    await received(2);
    await client.del(BARS_STREAM);
    expect((await received(4)).slice(2)).toEqual(['another', 'beginning']);
    await add('1-0');
    expect((await received(5))[4]).toBe(`${bar('1-0')}, at 1-0 number null`);
  });

  it('begins again when the stream was given fewer entries than it has read', async (context) => {
    const { add, read } = place(context);
    await add('5-0');
    const { received } = read({ id: '5-0', number: 7 });
    expect(await received(4)).toEqual(['up', 'another', 'beginning', `${bar('5-0')}, at 5-0 number null`]);
  });

  it('prints nothing while nothing changes, and nothing after it was stopped', async (context) => {
    const { add, read } = place(context);
    await add('5-0');
    const { received, events, reader } = read({ id: '5-0', number: 1 });
    await received(1);
    // Longer than it waits for entries.
    await new Promise((resolve) => setTimeout(resolve, 1300));
    expect(events).toEqual(['up']);
    await reader.stop();
    await add('6-0');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(events).toEqual(['up']);
  });

  it('passes over entries that are too large, and reads those before, between and after them', async (context) => {
    const { client, add, read } = place(context);
    const large = 'x'.repeat(3 << 20);
    await add('1-0');
    for (let i = 2; i <= 9; i++) await client.xadd(BARS_STREAM, `${i}-0`, 'bar', large);
    await add('10-0');
    await client.xadd(BARS_STREAM, '11-0', 'bar', large);
    await add('12-0');
    const { events, received } = read(BEGINNING);
    const isRead = (): boolean => events.join(' ').includes(bar('12-0'));
    for (let count = 1; !isRead(); count++) await received(count);
    const text = events.join(' | ');
    for (const id of ['1-0', '10-0', '12-0']) expect(text.split(bar(id)), id).toHaveLength(2);
    expect(text).not.toContain('xxx');
    const passed = events.filter((event) => event.startsWith('oversized')).join();
    for (let i = 2; i <= 9; i++) expect(passed).toContain(`${i}-0 ${large.length + 3}`);
    expect(passed).toContain('11-0');
    // Later ones are read as usual, also by a reader that begins behind a large one.
    await add('13-0');
    for (let count = events.length; !events.join(' ').includes(bar('13-0')); count++) await received(count);
    const second = read({ id: '11-0', number: null });
    for (let count = 1; !second.events.join(' ').includes(bar('13-0')); count++) await second.received(count);
  });

  it('stays connected while the newest entry is too large, whose content belongs to the state of a stream', async (context) => {
    const { client, add, read } = place(context);
    await add('1-0');
    await client.xadd(BARS_STREAM, '2-0', 'bar', 'x'.repeat(17 << 20));
    const { events, received } = read(BEGINNING);
    const downs = (): number => events.filter((event) => event === 'down').length;
    for (let count = 1; !events.join(' ').includes('oversized 2-0'); count++) await received(count);
    const before = downs();
    // It asks for the state when nothing has come for a second.
    await sleep(2500);
    await add('3-0');
    for (let count = 1; !events.join(' ').includes(bar('3-0')); count++) await received(count);
    expect(downs()).toBe(before);
  });

  it('reads many entries of permitted size, too many for one reply', async (context) => {
    const { client, read } = place(context);
    const big = 'y'.repeat(1_000_000);
    for (let i = 1; i <= 40; i++) await client.xadd(BARS_STREAM, `${i}-0`, 'bar', big);
    const { events, received } = read(BEGINNING);
    for (let count = 1; !events.join(' ').includes('at 40-0'); count++) await received(count);
    expect(events.join(' ')).not.toContain('oversized');
  });

  const LARGEST = '18446744073709551615-18446744073709551615';

  it('says that nothing can be added after the largest id, once it has read all, where it may not mend that', async (context) => {
    const { client, add, read } = place(context);
    const { db } = client.options;
    await client.call(
      'ACL',
      'SETUSER',
      `reader${db}`,
      'on',
      '>pass',
      `~${BARS_STREAM}`,
      '+xread',
      '+xrange',
      '+xinfo',
      '+info',
      '+select',
      '+ping',
      '+eval',
    );
    await add('1-0', LARGEST);
    const { events, received } = read(BEGINNING, undefined, `reader${db}:pass@`);
    for (let count = 1; !events.some((event) => event.startsWith('refused')); count++) await received(count);
    expect(events.join(' ')).toContain(bar(LARGEST));
    const again = read({ id: LARGEST, number: null }, undefined, `reader${db}:pass@`);
    expect(await again.received(1)).toEqual(['refused the']);
  });

  it('removes entries after which nothing can be added, once it has read all, and reads on', async (context) => {
    const { client, add, read } = place(context);
    await client.xgroup('CREATE', BARS_STREAM, 'others', '$', 'MKSTREAM');
    await add('1-0', '2-0', '9007199254740992-0', LARGEST);
    await client.xreadgroup('GROUP', 'others', 'one', 'STREAMS', BARS_STREAM, '>');
    const { events, received } = read(BEGINNING);
    for (let count = 1; !events.some((event) => event.startsWith('mended')); count++) await received(count);
    expect(events.join(' ')).toContain(bar(LARGEST));
    expect(events).toContain('mended 2-0 2');
    const id = await client.xadd(BARS_STREAM, '*', 'bar', 'next');
    for (let count = 1; !events.join(' ').includes(`${id}=bar:next`); count++) await received(count);
    expect((await client.xrange(BARS_STREAM, '-', '+')).map(([one]) => one)).toEqual(['1-0', '2-0', id]);
    expect(await client.xreadgroup('GROUP', 'others', 'one', 'STREAMS', BARS_STREAM, '>')).toHaveLength(1);
    // A position that was kept before is not the one of another stream.
    expect(events.filter((event) => /another|beginning|lost|refused/.test(event))).toEqual(['beginning']);
  });

  it('is usable again although no entry is left', async (context) => {
    const { client, add, read } = place(context);
    await add(LARGEST);
    const { events, received } = read({ id: LARGEST, number: null });
    for (let count = 1; !events.some((event) => event.startsWith('mended')); count++) await received(count);
    await client.xadd(BARS_STREAM, '*', 'bar', 'next');
    for (let count = 1; !events.join(' ').includes('=bar:next'); count++) await received(count);
    expect(events.join(' ')).not.toMatch(/another|lost|refused/);
  });

  it('is refused before it is up, without the right to read', async (context) => {
    const { client, add, read } = place(context);
    await add('1-0');
    await client.call(
      'ACL',
      'SETUSER',
      'looker',
      'on',
      '>word',
      `~${BARS_STREAM}`,
      '+info',
      '+select',
      '+xrange',
      '+xinfo',
    );
    const { received } = read({ id: '1-0', number: 1 }, undefined, 'looker:word@');
    expect(await received(1)).toEqual(['refused NOPERM']);
  });

  it('is refused by a key of another type', async (context) => {
    const { client, read } = place(context);
    await client.set(BARS_STREAM, 'text');
    expect(await read(BEGINNING).received(2)).toEqual(['beginning', 'refused WRONGTYPE']);
  });
});

describe('a Redis that answers too late', () => {
  it('is asked for less and waited for longer, until it has answered', async (context) => {
    if (server === null) return context.skip(REDIS_NOTE);
    const BUSY =
      "local t = redis.call('TIME'); local e = t[1] * 1e6 + t[2] + 300000; repeat t = redis.call('TIME') until t[1] * 1e6 + t[2] > e";
    const reads: boolean[] = [];
    const own = await requireRedis(context);
    const reader = keepReading({
      transport: { url: own.url, ca_file: null, connect_timeout_ms: 5000, command_timeout_ms: 50 },
      name: 'late',
      blockMs: 20,
      firstRetryMs: 10,
      begin: () => Promise.resolve(),
      async read(connection) {
        reads.push(connection.isSlow);
        await connection.redis.eval(BUSY, 0);
      },
      onState: () => undefined,
    });
    try {
      // 120, 240 and 480 ms are waited.
      await expect.poll(() => reads.slice(0, 5)).toEqual([false, true, true, false, true]);
    } finally {
      await reader.stop();
      await own.stop();
    }
  });
});

describe('a Redis that is set up as a cache', () => {
  it('is named when it is connected: its streams may vanish', async (context) => {
    const own = await requireRedis(context);
    const client = new Redis(own.url);
    const states: string[] = [];
    await client.config('SET', 'maxmemory', '100mb', 'maxmemory-policy', 'allkeys-lru');
    const reader = keepReading({
      transport: { url: own.url, ca_file: null, connect_timeout_ms: 5000, command_timeout_ms: 500 },
      name: 'cache',
      blockMs: 20,
      firstRetryMs: 10,
      begin: () => Promise.resolve(),
      read: async ({ redis }) => void (await redis.xread('BLOCK', 20, 'STREAMS', 's', '0')),
      onState: (state, detail) => states.push(`${state}: ${detail}`),
    });
    try {
      await expect.poll(() => states[0]).toMatch(/^up: connected, but its maxmemory-policy allkeys-lru removes bars/);
    } finally {
      await reader.stop();
      client.disconnect();
      await own.stop();
    }
  });
});

describe('a failover behind a proxy', () => {
  it('is followed by a reader: it reads from the new primary', async (context) => {
    const first = await requireRedis(context);
    const second = await requireRedis(context);
    const toClose: (() => Promise<unknown> | void)[] = [() => first.stop(), () => second.stop()];
    const target = { port: first.port };
    const states: string[] = [];
    const read: string[] = [];
    try {
      const port = await proxyTo(target, toClose);
      const transport = {
        url: `redis://127.0.0.1:${port}`,
        ca_file: null,
        connect_timeout_ms: 1000,
        command_timeout_ms: 500,
      };
      let last = '0';
      const reader = keepReading({
        transport,
        name: 'test',
        blockMs: 50,
        firstRetryMs: 10,
        roleCheckMs: 100,
        begin: () => Promise.resolve(),
        async read({ redis }) {
          const found = await redis.xread('BLOCK', 50, 'STREAMS', 's', last);
          for (const [id, fields] of found?.[0]?.[1] ?? []) {
            last = id;
            read.push(fields[1]!);
          }
        },
        onState: (state, detail) => states.push(`${state}: ${detail}`),
      });
      toClose.push(() => reader.stop());
      const [old, fresh] = [first, second].map((server) => new Redis(server.url)) as [Redis, Redis];
      toClose.push(
        () => old.disconnect(),
        () => fresh.disconnect(),
      );
      await old.xadd('s', '1-0', 'bar', 'before');
      await expect.poll(() => read).toEqual(['before']);
      target.port = second.port;
      await old.replicaof('127.0.0.1', 1);
      await fresh.xadd('s', '2-0', 'bar', 'after');
      await expect.poll(() => read).toEqual(['before', 'after']);
      // Redis itself ends a read that waits; the next one would be answered from old data.
      expect(states).toHaveLength(3);
      expect(states.at(-1)).toBe('up: connected');
    } finally {
      for (const close of toClose.reverse()) await close();
    }
  });
});
