import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { TestContext } from 'vitest';
import type { RedisTransport } from '../../shared/policy/policy.ts';
import { ALL_PARTS, SIGNAL_PARTS, type Bus } from '../../shared/ports.ts';
import { promotedPerRound } from '../../test/collections.ts';
import { proxyTo } from '../../test/redis_proxy.ts';
import { freePort, startRedis } from '../../test/redis_server.ts';
import type { RedisServer } from '../../test/redis_server.ts';
import {
  SIGNALS_CHANNEL,
  SIGNALS_STREAM,
  createRedisBus,
  redisBusOptions,
  signalChannel,
  signalKey,
} from './redis_bus.ts';

const toClose: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

async function server(context: TestContext, args: readonly string[] = []): Promise<RedisServer> {
  const redis = await startRedis(args);
  if (redis === null) return context.skip('redis-server is not installed (Debian: apt-get install redis-server)');
  toClose.push(() => redis.stop());
  return redis;
}

function folderOfOwn(): string {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-redis-bus-'));
  toClose.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Watched {
  readonly bus: Bus;
  readonly states: string[];
}

function busTo(url: string, caFile: string | null = null, commandTimeoutMs = 500): Watched {
  const bus = createRedisBus({
    url,
    caFile,
    keyTtlMs: 150_000,
    streamMaxLen: 1_000,
    connectTimeoutMs: 1_000,
    commandTimeoutMs,
  });
  toClose.push(() => bus.close());
  const states: string[] = [];
  bus.onState((state, detail) => states.push(`${state}: ${detail}`));
  return { bus, states };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function clientOf(redis: RedisServer): Redis {
  const client = new Redis(redis.url);
  client.on('error', () => undefined);
  toClose.push(() => client.disconnect());
  return client;
}

describe('a failover behind a proxy', () => {
  it('is followed: the refusal of the former primary leads to a new connection', async (context) => {
    const first = await server(context);
    const second = await server(context);
    const target = { port: first.port };
    const { bus } = busTo(`redis://127.0.0.1:${await proxyTo(target, toClose)}`);
    await until('connected', () => bus.ready);
    expect(await bus.send(BATCH)).toBeNull();
    target.port = second.port;
    await clientOf(first).replicaof('127.0.0.1', second.port);
    const refusal = await bus.send(BATCH);
    expect(refusal?.words).toContain('READONLY');
    await until('connected to the new primary', () => bus.ready);
    expect(await bus.send(BATCH)).toBeNull();
    expect(await clientOf(second).get(signalKey('A_B'))).toBe(BATCH[0]!.text);
  });
});

const BATCH = [{ pairId: 'A_B', text: '{"pair_id":"A_B"}' }];

/** Sends one batch by `url` and finds it in the server through its plain port. */
async function expectTaken(redis: RedisServer, url: string, options: { caFile?: string; db?: number } = {}) {
  const { bus, states } = busTo(url, options.caFile ?? null);
  await until('connected', () => bus.ready);
  expect(states).toEqual(['up: connected']);
  expect(await bus.send(BATCH)).toBeNull();
  const client = clientOf(redis);
  await client.select(options.db ?? 0);
  expect(await client.get(signalKey('A_B'))).toBe(BATCH[0]!.text);
  return bus;
}

describe('a Redis bus', () => {
  it('connects by TCP, to the database in the address', async (context) => {
    const redis = await server(context);
    await expectTaken(redis, `${redis.url}/3`, { db: 3 });
  });

  it('connects by Unix socket, to the database in the address', async (context) => {
    const path = join(folderOfOwn(), 'with space.sock');
    const redis = await server(context, ['--unixsocket', path]);
    await expectTaken(redis, `unix://${encodeURI(path)}`);
    await expectTaken(redis, `unix://${path}?db=2`, { db: 2 });
  });

  it('sends the password of the server', async (context) => {
    const path = join(folderOfOwn(), 'a.sock');
    const redis = await server(context, ['--requirepass', 's3cret/:@%', '--unixsocket', path]);
    const authorized = { ...redis, url: `redis://:${encodeURIComponent('s3cret/:@%')}@127.0.0.1:${redis.port}` };
    await expectTaken(authorized, authorized.url);
    await expectTaken(authorized, `unix://:${encodeURIComponent('s3cret/:@%')}@${path}`);
  });

  it('is not ready with a wrong password, reports why, and is ready once the password is right', async (context) => {
    const redis = await server(context);
    await clientOf(redis).config('SET', 'requirepass', 'right');
    const { bus, states } = busTo(`redis://:wrong@127.0.0.1:${redis.port}`);
    await until('refused', () => states.length > 0);
    expect(states[0]).toMatch(/^down: WRONGPASS/);
    expect(bus.ready).toBe(false);
    await expect(bus.send(BATCH)).rejects.toThrow('not connected');
    const admin = clientOf({ ...redis, url: `redis://:right@127.0.0.1:${redis.port}` });
    await admin.config('SET', 'requirepass', 'wrong');
    await until('connected', () => bus.ready);
    expect(await bus.send(BATCH)).toBeNull();
  });

  it('needs publish, set, xadd and eval of its own keys and channels, and info, as a user of the access list', async (context) => {
    const redis = await server(context);
    const admin = clientOf(redis);
    await admin.call(
      'ACL',
      'SETUSER',
      'feeder',
      'on',
      '>pass:word',
      '~minutehand:*',
      '&minutehand:*',
      '+publish',
      '+set',
      '+xadd',
      '+eval',
      '+info',
    );
    await expectTaken(redis, `redis://feeder:${encodeURIComponent('pass:word')}@127.0.0.1:${redis.port}`);
  });

  it('returns the text of the first refusal, tries the rest all the same, and continues', async (context) => {
    const redis = await server(context);
    const admin = clientOf(redis);
    await admin.call(
      'ACL',
      'SETUSER',
      'feeder',
      'on',
      '>pass',
      '~minutehand:*',
      '&minutehand:*',
      '+publish',
      '+xadd',
      '+eval',
      '+info',
    );
    const { bus, states } = busTo(`redis://feeder:pass@127.0.0.1:${redis.port}`);
    await until('connected', () => bus.ready);
    expect(await bus.send(BATCH)).toEqual({
      words: expect.stringMatching(/NOPERM|The user executing the script/) as string,
      signals: 1,
      lacking: [SIGNAL_PARTS.key],
    });
    expect(await admin.xlen(SIGNALS_STREAM)).toBe(1);
    await admin.call('ACL', 'SETUSER', 'feeder', '+set');
    expect(await bus.send(BATCH)).toBeNull();
    expect(states).toEqual(['up: connected']);
  });

  it('connects by TLS to a server whose certificate the given authority has signed, and to no other', async (context) => {
    const folder = folderOfOwn();
    const certificates = makeCertificates(folder);
    if (certificates === null) return context.skip('openssl is not installed');
    const tlsPort = await freePort();
    const redis = await server(context, [
      ...['--tls-port', String(tlsPort), '--tls-auth-clients', 'no', '--tls-ca-cert-file', certificates.authority],
      ...['--tls-cert-file', certificates.certificate, '--tls-key-file', certificates.key],
    ]);
    const url = `rediss://127.0.0.1:${tlsPort}`;
    const bus = await expectTaken(redis, url, { caFile: certificates.authority });
    bus.reset();
    await until('connected anew', () => bus.ready);
    expect(await bus.send(BATCH)).toBeNull();

    const stranger = busTo(url);
    await until('refused', () => stranger.states.length > 0);
    expect(stranger.states[0]).toMatch(/^down: .*certificate/);
    expect(stranger.bus.ready).toBe(false);

    const otherName = busTo(`rediss://localhost:${tlsPort}`, certificates.authority);
    await until('refused', () => otherName.states.length > 0);
    expect(otherName.states[0]).toMatch(/^down: .*(altnames|ECONNREFUSED)/);
  });

  it('reconnects after a reset, and rejects batches in flight', async (context) => {
    const path = join(folderOfOwn(), 'a.sock');
    const redis = await server(context, ['--unixsocket', path]);
    for (const url of [redis.url, `unix://${path}`]) {
      const { bus, states } = busTo(url);
      await until('connected', () => bus.ready);
      redis.pause();
      const underWay = bus.send(BATCH);
      bus.reset();
      await expect(underWay).rejects.toThrow();
      redis.resume();
      await until('connected anew', () => states.length === 3 && bus.ready);
      expect(states.map((state) => state.split(':')[0])).toEqual(['up', 'down', 'up']);
      expect(await bus.send(BATCH)).toBeNull();
    }
    expect(await clientOf(redis).xlen(SIGNALS_STREAM)).toBeGreaterThanOrEqual(2);
  });

  it('drops the data in the kernel of this machine by a reset: a backlog larger than its buffers does not arrive later', async (context) => {
    const redis = await server(context);
    const client = clientOf(redis);
    const { bus, states } = busTo(redis.url, null, 10_000);
    await until('connected', () => bus.ready);
    redis.pause();
    // 40 MB: more than the send and receive buffers of a loopback connection take.
    const backlog = Array.from({ length: 1000 }, (_, i) => [{ pairId: `P${i}_Q`, text: 'x'.repeat(20_000) }]);
    const underWay = backlog.map((batch) => bus.send(batch).catch(() => 'lost'));
    await new Promise((resolve) => setImmediate(resolve));
    bus.reset();
    redis.resume();
    await Promise.all(underWay);
    await until('connected anew', () => states.length === 3 && bus.ready);
    expect(await bus.send(BATCH)).toBeNull();
    // Once Redis has closed the old connection, it executes nothing more of it.
    const publishers = async (): Promise<number> =>
      ((await client.client('LIST')) as string).split('name=minutehand-publish').length - 1;
    await expect.poll(publishers).toBe(1);
    const taken = (await client.keys(signalKey('P*'))).length;
    expect(taken).toBeLessThan(backlog.length / 2);
  });

  it.each([
    ['another kind of server', 'http://127.0.0.1:6379'],
    ['no host', 'redis://'],
    ['a path that is no number', 'redis://127.0.0.1/signals'],
    ['a Unix socket without a path', 'unix://'],
    ['a relative Unix socket', 'unix://run/redis.sock'],
  ])('refuses an address with %s, without repeating it', (_, url) => {
    expect(() => busTo(url)).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error);
    expect(() => busTo(url.replace('//', '//user:hidden@'))).toThrowError(/^(?!.*hidden)/s);
  });

  it('keeps nothing of a batch for a major collection once Redis has answered it', async (context) => {
    const { bus } = busTo((await server(context)).url);
    await until('connected', () => bus.ready);
    const promoted = await promotedPerRound(2000, 1000, async (round) => {
      const text = `${round} `.padEnd(1000, 'x');
      await bus.send(Array.from({ length: 10 }, (_, i) => ({ pairId: `A_B${i}`, text: `${i} ${text}` })));
    });
    // Of 10,000 characters.
    expect(promoted).toBeLessThan(1000);
  });

  it('refuses a missing file of certificates', () => {
    expect(() => busTo('rediss://127.0.0.1', '/no/such/ca.pem')).toThrowError(/ca_file.*ENOENT/);
  });
});

describe('a Redis bus', () => {
  const TWO = [...BATCH, { pairId: 'C_D@1h', text: '{"pair_id":"C_D@1h"}' }];
  const RESENT = TWO.map((message) => ({ ...message, lacking: ALL_PARTS }));
  const NO_PERMISSION = expect.stringMatching(/permission|can't run/) as string;

  /** By a user with `rights`, besides those that connecting needs. */
  async function busWith(redis: RedisServer, ...rights: string[]): Promise<{ bus: Bus; admin: Redis }> {
    const admin = clientOf(redis);
    await admin.call('ACL', 'SETUSER', 'feeder', 'on', '>pass', '~minutehand:*', '&minutehand:*', '+info', ...rights);
    const { bus } = busTo(`redis://feeder:pass@127.0.0.1:${redis.port}`);
    await until('connected', () => bus.ready);
    return { bus, admin };
  }

  it('counts a whole batch as refused with its script, and as delivered where a channel took it', async (context) => {
    const redis = await server(context);
    const { bus, admin } = await busWith(redis, '+publish');
    const refused = (...lacking: number[]) => ({ words: NO_PERMISSION, signals: 2, lacking });
    expect(await bus.send(TWO)).toEqual(refused(7, 7));
    await admin.call('ACL', 'SETUSER', 'feeder', '-publish');
    expect(await bus.send(TWO)).toEqual(refused(15, 15));
    expect(await bus.resend(RESENT)).toEqual(refused(15, 15));
    await admin.call('ACL', 'SETUSER', 'feeder', '+eval', '+set', '+publish');
    expect(await bus.resend(RESENT)).toEqual(refused(4, 4));
  });

  it('sends again the parts alone that were refused, until they are taken', async (context) => {
    const redis = await server(context);
    const { bus, admin } = await busWith(redis, '+eval', '+set', '+xadd');
    const received: string[] = [];
    const listener = clientOf(redis);
    listener.on('pmessage', (_pattern, channel: string) => received.push(channel));
    await listener.psubscribe('minutehand:*');
    const refused = { words: NO_PERMISSION, signals: 2, lacking: [10, 10] };
    expect(await bus.send(TWO)).toEqual(refused);
    const lacking = TWO.map((message) => ({ ...message, lacking: 10 }));
    expect(await bus.resend(lacking)).toEqual(refused);
    await admin.call('ACL', 'SETUSER', 'feeder', '+publish');
    expect(await bus.resend(lacking)).toBeNull();
    await expect.poll(() => received).toEqual(TWO.flatMap(({ pairId }) => [SIGNALS_CHANNEL, signalChannel(pairId)]));
    expect(await admin.xlen(SIGNALS_STREAM)).toBe(2);
  });

  it('sends again what is not yet the key of its pair, with the life of that key; at once or not at all', async (context) => {
    const redis = await server(context);
    const { bus, admin } = await busWith(redis, '+publish', '+eval', '+set', '+xadd');
    const connecting = busTo(redis.url).bus.resend(RESENT);
    await expect(connecting).rejects.toThrow('writeable');
    expect(await bus.send(BATCH)).toBeNull();
    expect(await bus.resend(RESENT)).toBeNull();
    expect(await admin.mget(TWO.map(({ pairId }) => signalKey(pairId)))).toEqual(TWO.map(({ text }) => text));
    expect((await admin.xrange(SIGNALS_STREAM, '-', '+')).map(([, fields]) => fields[1])).toEqual(['A_B', 'C_D@1h']);
    const lives = await Promise.all(TWO.map(({ pairId }) => admin.pttl(signalKey(pairId))));
    expect(lives.map((ms) => Math.ceil(ms / 60_000))).toEqual([3, 62]);
  });

  it('tells a later listener its state, and reports none after it is closed', async (context) => {
    const redis = await server(context);
    const { bus, states } = busTo(redis.url);
    await until('connected', () => bus.ready);
    bus.onState((state, detail) => states.push(`later: ${state}: ${detail}`));
    await bus.close();
    expect(bus.ready).toBe(false);
    await bus.close();
    const client = clientOf(redis);
    const isListed = async () => ((await client.client('LIST')) as string).includes('name=minutehand-publish');
    await expect.poll(isListed).toBe(false);
    expect(states).toEqual(['up: connected', 'later: up: connected']);
  });

  it('reports once that there is no server, with the reason, and tries it ever more rarely', async () => {
    const port = await freePort();
    const pauses: (number | undefined)[] = [];
    const { setTimeout: later } = globalThis;
    const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ms?: number) => {
      pauses.push(ms);
      return later(work, 1);
    }) as typeof setTimeout);
    toClose.push(() => spy.mockRestore());
    const { bus, states } = busTo(`redis://127.0.0.1:${port}`);
    while (pauses.length < 8) await new Promise((resolve) => later(resolve, 5));
    bus.onState((state, detail) => states.push(`later: ${state}: ${detail}`));
    const reason = `down: connect ECONNREFUSED 127.0.0.1:${port}`;
    expect(states).toEqual([reason, `later: ${reason}`]);
    expect(pauses.slice(0, 8)).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  const isWindows = process.platform === 'win32';
  it.each([
    // Wine ends a connection where Windows and others reset it.
    ['resets a TCP connection', isWindows ? /^(?:ECONNRESET|end)$/ : /^ECONNRESET$/, 0],
    ...(isWindows ? [] : [['closes a Unix connection', /^end$/, 'a.sock'] as const]),
  ] as const)('%s', async (_, expected, address) => {
    const ends: string[] = [];
    const silent = createServer((socket) => {
      socket.on('error', ({ code }: NodeJS.ErrnoException) => ends.push(code!)).on('end', () => ends.push('end'));
      socket.once('data', () => bus.reset());
    });
    toClose.push(() => void silent.close());
    const path = join(folderOfOwn(), `${address}`);
    await new Promise<void>((resolve) => {
      if (address === 0) silent.listen(0, '127.0.0.1', resolve);
      else silent.listen(path, resolve);
    });
    const url = address === 0 ? `redis://127.0.0.1:${(silent.address() as AddressInfo).port}` : `unix://${path}`;
    const { bus } = busTo(url, null, 60_000);
    await until('the end', () => ends.length > 0);
    await bus.close();
    expect(ends[0]).toMatch(expected);
  });

  it('can be reset and closed before it has a connection', async () => {
    const { bus, states } = busTo('redis://127.0.0.1:1');
    bus.reset();
    await bus.close();
    expect(states).toEqual([]);
  });

  it('takes its settings from the policy', () => {
    const transport = {
      url: 'redis://127.0.0.1:6380',
      ca_file: '/etc/ca.pem',
      key_ttl_ms: 1,
      stream_maxlen: 2,
      connect_timeout_ms: 3,
      command_timeout_ms: 4,
    };
    expect(redisBusOptions(transport as RedisTransport)).toEqual({
      url: 'redis://127.0.0.1:6380',
      caFile: '/etc/ca.pem',
      keyTtlMs: 1,
      streamMaxLen: 2,
      connectTimeoutMs: 3,
      commandTimeoutMs: 4,
    });
  });
});

/** An authority of the test's own and a certificate it signed for 127.0.0.1; null without openssl. */
function makeCertificates(folder: string): { authority: string; certificate: string; key: string } | null {
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('names'), 'subjectAltName=IP:127.0.0.1');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const steps = [
    ['req', '-x509', ...curve, '-subj', '/CN=authority', '-keyout', path('ca.key'), '-out', path('ca.pem')],
    ['req', ...curve.slice(0, -2), '-subj', '/CN=redis', '-keyout', path('redis.key'), '-out', path('redis.csr')],
    [
      ...['x509', '-req', '-in', path('redis.csr'), '-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial'],
      ...['-days', '2', '-extfile', path('names'), '-out', path('redis.pem')],
    ],
  ];
  for (const step of steps) {
    const { error, status, stderr } = spawnSync('openssl', step, { encoding: 'utf8' });
    if (error) return null;
    if (status !== 0) throw new Error(`openssl ${step[0]}: ${stderr}`);
  }
  return { authority: path('ca.pem'), certificate: path('redis.pem'), key: path('redis.key') };
}
