import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { followRedis } from './signal_redis.ts';

/** A Redis that closes the connection on every second subscription, instead of an answer. */
const subscriptions: string[] = [];
const sockets = new Set<Socket>();
const server = createServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('data', (data: Buffer) => {
    for (const [, name] of data.toString().matchAll(/^\*\d+\r\n\$\d+\r\n(\w+)/gm)) {
      if (name!.toLowerCase() !== 'subscribe') {
        socket.write(name === 'mget' ? '*1\r\n$-1\r\n' : name === 'info' ? '$2\r\nok\r\n' : '+OK\r\n');
      } else if (subscriptions.push(name!) % 2 === 0) socket.destroy();
      else socket.write('*3\r\n$9\r\nsubscribe\r\n$26\r\nminutehand:signals:EUR_GBP\r\n:1\r\n', () => socket.end());
    }
  });
});

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

it('a consumer outlives a connection that is lost before its subscription is answered', async () => {
  const rejected = vi.fn();
  process.on('unhandledRejection', rejected);
  const { port } = server.address() as AddressInfo;
  const transport = { url: `redis://127.0.0.1:${port}`, connect_timeout_ms: 1000, command_timeout_ms: 1000 };
  const source = followRedis({ ...transport, ca_file: null }, ['EUR_GBP'], () => undefined);
  await vi.waitFor(() => expect(subscriptions.length).toBeGreaterThanOrEqual(5), { timeout: 20_000 });
  await source.stop();
  await new Promise(setImmediate);
  process.off('unhandledRejection', rejected);
  expect(rejected).not.toHaveBeenCalled();
});
