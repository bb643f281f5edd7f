import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { requireRedis, type RedisServer } from './redis_server.ts';

/** The users of docs/guides/GO_LIVE.md, in a real Redis. */

let folder: string;
let server: RedisServer;
const clients: Redis[] = [];
beforeEach(async (context) => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-acl-'));
  const guide = readFileSync(join(packageRoot(), 'docs', 'guides', 'GO_LIVE.md'), 'utf8');
  const users = guide.split('\n').filter((line) => /^ +user \w+ /.test(line));
  expect(users.length).toBe(4);
  const file = join(folder, 'users.acl');
  writeFileSync(file, `${users.map((line) => line.trim()).join('\n')}\n`);
  server = await requireRedis(context, ['--aclfile', file]);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function clientOf(username: string): Redis {
  const { port } = server;
  const client = new Redis({ port, username, password: `${username}-password`, maxRetriesPerRequest: 0, protocol: 2 });
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

it('the terminal writes bars and fills, reads signals, and nothing else', async () => {
  const admin = clientOf('admin');
  await admin.set('minutehand:signal:EURUSD_GBPUSD', '{}');
  await admin.xadd('minutehand:signals', '*', 'signal', '{}');
  await admin.set('minutehand:lease:main', 'machine-1');
  await admin.xadd('minutehand:models', '*', 'event', '{}');
  const terminal = clientOf('terminal');
  expect(await terminal.xadd('minutehand:bars', '*', 'bar', '{}')).toMatch(/-/);
  expect(await terminal.xadd('minutehand:fills', '*', 'fill', '{}')).toMatch(/-/);
  expect(await terminal.get('minutehand:signal:EURUSD_GBPUSD')).toBe('{}');
  expect(await terminal.xrange('minutehand:signals', '-', '+')).toHaveLength(1);
  const forged: [string, ...string[]][] = [
    ['XADD', 'minutehand:signals', '*', 'signal', '{}'],
    ['XADD', 'minutehand:models', '*', 'event', '{}'],
    ['XADD', 'minutehand:lease:main', '*', 'a', 'b'],
    ['PUBLISH', 'minutehand:signals:EURUSD_GBPUSD', '{}'],
    ['SET', 'minutehand:signal:EURUSD_GBPUSD', '{}'],
    ['SET', 'minutehand:lease:main', 'machine-2'],
    ['GET', 'minutehand:lease:main'],
    ['XRANGE', 'minutehand:fills', '-', '+'],
    ['XRANGE', 'minutehand:bars', '-', '+'],
    ['DEL', 'minutehand:bars'],
    ['XTRIM', 'minutehand:bars', 'MAXLEN', '0'],
    ['XSETID', 'minutehand:bars', '18446744073709551615-18446744073709551615'],
    ['EVAL', 'return 1', '0'],
    ['CONFIG', 'GET', '*'],
    ['ACL', 'LIST'],
  ];
  for (const [command, ...args] of forged)
    await expect(terminal.call(command, ...args), [command, ...args].join(' ')).rejects.toThrow(/NOPERM/);
});

it('the terminal hears the channels of signals alone', async () => {
  const terminal = clientOf('terminal');
  await terminal.subscribe('minutehand:signals', 'minutehand:signals:EURUSD_GBPUSD');
  await expect(terminal.subscribe('minutehand:models')).rejects.toThrow(/NOPERM/);
  const heard = new Promise((resolve) => terminal.on('message', (_, text) => resolve(text)));
  const publisher = clientOf('minutehand');
  await publisher.publish('minutehand:signals:EURUSD_GBPUSD', 'hello');
  expect(await heard).toBe('hello');
});
