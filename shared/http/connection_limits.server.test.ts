import { createServer, get, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  connectionLimits,
  limitConnections,
  type ConnectionLimiter,
  type ConnectionLimits,
} from './connection_limits.ts';

let server: Server;
let limiter: ConnectionLimiter;
let port: number;
let sockets: Socket[];
let releases: (() => void)[];
beforeEach(() => start({ total: 30, perAddress: 20, burst: 1, graceMs: 0 }));

async function start(limits: ConnectionLimits): Promise<void> {
  sockets = [];
  releases = [];
  server = createServer((request, response) => {
    if (request.url === '/slow') releases.push(() => response.end('slow'));
    else response.end('ok');
  });
  limiter = limitConnections(server, limits);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
}

async function stop(): Promise<void> {
  for (const socket of sockets) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
afterEach(stop);

function open(localAddress = '127.0.0.1'): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    sockets.push(socket);
    socket.on('error', reject).once('connect', () => resolve(socket.on('error', () => undefined)));
  });
}

function ask(path: string, localAddress = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ port, host: '127.0.0.1', path, localAddress, agent: false }, (response) => {
      response.setEncoding('utf8').on('data', resolve).on('error', reject);
    });
    request.on('error', reject);
  });
}

const count = (): Promise<number> => new Promise((resolve) => server.getConnections((_, n) => resolve(n)));

it('idle and slow connections of any number leave room for a request', async () => {
  for (let i = 0; i < 200; i++) {
    const socket = await open();
    // Every second one sends a head that never ends.
    if (i % 2 === 0) socket.write('GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    if (i % 50 === 0) expect(await ask('/')).toBe('ok');
  }
  expect(await ask('/')).toBe('ok');
  expect(await count()).toBeLessThanOrEqual(20);
});

it('a request in progress is not closed for them, and other addresses keep theirs', async () => {
  const slow = ask('/slow', '127.0.0.2');
  const other = await open('127.0.0.3');
  for (let i = 0; i < 60; i++) await open();
  expect(await ask('/', '127.0.0.4')).toBe('ok');
  expect(other.destroyed).toBe(false);
  for (const release of releases) release();
  expect(await slow).toBe('slow');
});

it('where all are in use, the new one is refused with a code and closed, and nothing that it asks for is done', async () => {
  const slow = Array.from({ length: 20 }, () => ask('/slow'));
  while (releases.length < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await ask('/slow')).toContain('CONNECTIONS_TOO_MANY');
  const late = await open();
  const answer = text(late).catch(() => '');
  late.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await answer).toMatch(/^HTTP\/1\.1 503 |^$/);
  expect(releases).toHaveLength(20);
  for (const release of releases) release();
  expect(await Promise.all(slow)).toEqual(Array.from({ length: 20 }, () => 'slow'));
});

it('an upgrade that the server ignores is answered, as Java’s HTTP client offers it with every request', async () => {
  const socket = await open();
  const answer = text(socket);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n');
  expect(await answer).toContain('ok');
});

it('a connection that is no longer HTTP does not count, however often it is taken', async () => {
  const released: Socket[] = [];
  server.on('upgrade', (_request, socket) => {
    server.emit('connection', socket);
    limiter.release(socket as Socket);
    released.push(socket as Socket);
  });
  for (let i = 1; i <= 100; i++) {
    const socket = await open();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    while (released.length < i) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (let i = 0; i < 60; i++) await open();
  expect(await ask('/')).toBe('ok');
  expect(released.filter(({ destroyed }) => destroyed)).toEqual([]);
});

it('connections that come at once have time to ask; what stays idle is closed after it, without another one', async () => {
  await stop();
  await start({ total: 30, perAddress: 20, burst: 4, graceMs: 3000 });
  const together = await Promise.all(Array.from({ length: 70 }, () => open()));
  // Those that are closed have none.
  const answers = together.map((socket) => text(socket).catch(() => ''));
  for (const socket of together.slice(0, 60)) socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  for (const answer of await Promise.all(answers.slice(0, 60))) expect(answer).toContain('ok');
  await Promise.all(Array.from({ length: 60 }, () => open()));
  while ((await count()) < 70) await new Promise((resolve) => setTimeout(resolve, 5));
  while ((await count()) > 20) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await ask('/')).toBe('ok');
});

it('beyond the burst the oldest idle one is closed at once', async () => {
  await stop();
  await start({ total: 30, perAddress: 20, burst: 2, graceMs: 60_000 });
  for (let i = 0; i < 100; i++) await open();
  expect(await ask('/')).toBe('ok');
  expect(await count()).toBeLessThanOrEqual(40);
});

it('all of a burst takes a quarter of the descriptors that are not held back, and 4000 at most', () => {
  const of = (descriptors: number): number[] => {
    const { total, perAddress, burst } = connectionLimits(descriptors);
    expect(burst * total).toBeLessThanOrEqual(Math.max(8, (descriptors - 192) / 4));
    return [total, perAddress];
  };
  expect([64, 256, 1024, 20_000, 1_048_576].map(of)).toEqual([
    [2, 1],
    [4, 2],
    [52, 26],
    [1000, 250],
    [1000, 250],
  ]);
});
