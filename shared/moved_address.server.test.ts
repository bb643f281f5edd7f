import dns from 'node:dns';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { redisAddress } from './redis/redis_address.ts';
import { watchAddress } from './moved_address.ts';
import { watchingConnector } from './redis/watched_redis.ts';

const LOOK_MS = 20;
const toClose: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of toClose.splice(0).reverse()) await close();
});

/** Answers of the resolver, the last one for ever. @returns how often it was asked */
function resolveTo(...answers: (readonly string[] | 'ENOTFOUND')[]): () => number {
  let asked = 0;
  vi.spyOn(dns, 'lookup').mockImplementation(((
    _host: string,
    options: { all?: boolean },
    done: (error: Error | null, found?: unknown, family?: number) => void,
  ) => {
    const answer = answers[Math.min(asked++, answers.length - 1)]!;
    if (answer === 'ENOTFOUND') return done(new Error('ENOTFOUND'));
    const found = answer.map((address) => ({ address, family: 4 }));
    if (options.all === true) done(null, found);
    else done(null, found[0]!.address, 4);
  }) as never);
  return () => asked;
}

/** A watch of one connection to 10.0.0.1. @returns how often it was left */
function watchOf(host: string | undefined, socket: () => { remoteAddress?: string } | null): () => number {
  let left = 0;
  const connected = (): never => (left === 0 ? socket() : null) as never;
  toClose.push(watchAddress({ host, socket: connected, leave: () => void left++ }, { lookMs: LOOK_MS }));
  return () => left;
}

describe('the watch of an address', () => {
  it('leaves a connection whose address two look-ups in a row do not list', async () => {
    resolveTo(['10.0.0.1', '10.0.0.2'], ['10.0.0.2']);
    const socket = { remoteAddress: '::ffff:10.0.0.1' };
    const left = watchOf('redis.example', () => socket);
    await expect.poll(left).toBe(1);
  });

  it('keeps one that is listed in every other look-up, or whose name cannot be looked up', async () => {
    const asked = resolveTo(['10.0.0.2'], ['10.0.0.1'], ['10.0.0.2'], ['10.0.0.1'], ['10.0.0.2'], 'ENOTFOUND');
    const socket = { remoteAddress: '10.0.0.1' };
    const left = watchOf('redis.example', () => socket);
    await expect.poll(asked).toBeGreaterThan(8);
    expect(left()).toBe(0);
  });

  it.each(['::ffff:10.0.0.1', '10.0.0.1%eth0'])('knows a listed address that its socket states as %s', async (form) => {
    const asked = resolveTo(['10.0.0.2', '10.0.0.1']);
    const socket = { remoteAddress: form };
    const left = watchOf('redis.example', () => socket);
    await expect.poll(asked).toBeGreaterThan(4);
    expect(left()).toBe(0);
  });

  it('takes an answer without addresses for none', async () => {
    const asked = resolveTo([]);
    const socket = { remoteAddress: '10.0.0.1' };
    const left = watchOf('redis.example', () => socket);
    await expect.poll(asked).toBeGreaterThan(4);
    expect(left()).toBe(0);
  });

  it('counts the look-ups of one connection only', async () => {
    const asked = resolveTo(['10.0.0.2']);
    let made = 0;
    // Two calls a look-up: before it, and with its answer.
    const sockets = [0, 1, 2, 3, 4, 5, 6, 7].map(() => ({ remoteAddress: '10.0.0.1' }));
    const left = watchOf('redis.example', () => sockets[Math.floor(made++ / 2)] ?? null);
    await expect.poll(asked).toBe(8);
    expect(left()).toBe(0);
  });

  it('does not look up numeric addresses and Unix sockets', async () => {
    const asked = resolveTo(['10.0.0.2']);
    const socket = { remoteAddress: '10.0.0.1' };
    for (const host of ['10.0.0.1', '::1', undefined]) watchOf(host, () => socket);
    const left = watchOf('redis.example', () => socket);
    await expect.poll(left).toBe(1);
    expect(asked()).toBe(2);
  });
});

/** A server that answers every command with +OK. */
async function fakeRedis(address: string, port: number, seen: Set<Socket>): Promise<Server> {
  const server = createServer((socket) => {
    seen.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write('+OK\r\n'));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve));
  toClose.push(() => {
    for (const socket of seen) socket.destroy();
    server.close();
  });
  return server;
}

describe('a Redis client whose server has a name', () => {
  it('goes where the name has moved, although its former server still answers', async (context) => {
    const former = new Set<Socket>();
    const port = ((await fakeRedis('127.0.0.1', 0, former)).address() as AddressInfo).port;
    const next = new Set<Socket>();
    try {
      await fakeRedis('127.0.0.2', port, next);
    } catch {
      return context.skip('this machine has no second loopback address');
    }
    let now = '127.0.0.1';
    vi.spyOn(dns, 'lookup').mockImplementation(((
      _: string,
      options: { all?: boolean },
      done: (...of: unknown[]) => void,
    ) => (options.all === true ? done(null, [{ address: now, family: 4 }]) : done(null, now, 4))) as never);
    const redis = new Redis({
      ...redisAddress(`redis://redis.example:${port}`, null),
      Connector: watchingConnector('redis.example', { lookMs: LOOK_MS }),
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => 10,
    });
    redis.on('error', () => undefined);
    toClose.push(() => redis.disconnect());
    await expect.poll(() => redis.status).toBe('ready');
    expect([former.size, next.size]).toEqual([1, 0]);
    now = '127.0.0.2';
    await expect.poll(() => next.size).toBe(1);
    await expect.poll(() => redis.status).toBe('ready');
    expect([...former].every((socket) => socket.readableEnded || socket.destroyed)).toBe(true);
  });

  it('is watched by every client that is made from an address', () => {
    for (const url of ['redis://redis.example', 'rediss://user:word@redis.example:1/2'])
      expect(redisAddress(url, null).Connector).toBeTypeOf('function');
    for (const url of ['redis://127.0.0.1', 'redis://[::1]:1', 'unix:///a.sock'])
      expect(redisAddress(url, null).Connector).toBeUndefined();
  });
});
