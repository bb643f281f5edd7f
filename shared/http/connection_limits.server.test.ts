import { createServer, get, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { limitConnections } from './connection_limits.ts';

let server: Server;
let port: number;
let sockets: Socket[];
let releases: (() => void)[];
beforeEach(async () => {
  sockets = [];
  releases = [];
  server = createServer((request, response) => {
    if (request.url === '/slow') releases.push(() => response.end('slow'));
    else response.end('ok');
  });
  limitConnections(server, { total: 30, perAddress: 20 });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

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

it('where all are in use, the new one is closed', async () => {
  const slow = Array.from({ length: 20 }, () => ask('/slow'));
  while (releases.length < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  await expect(ask('/')).rejects.toThrow(/hang up|ECONNRESET/);
  for (const release of releases) release();
  expect(await Promise.all(slow)).toEqual(Array.from({ length: 20 }, () => 'slow'));
});
