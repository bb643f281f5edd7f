import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { bullmqQueue } from '../trainer/jobs/fleet/bullmq_queue.ts';
import { requireRedis, type RedisServer } from './redis_server.ts';

/** The users of docs/guides/GO_LIVE.md, in a real Redis. */

let folder: string;
let server: RedisServer;
const clients: Redis[] = [];
beforeEach(async (context) => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-acl-'));
  const guide = readFileSync(join(packageRoot(), 'docs', 'guides', 'GO_LIVE.md'), 'utf8');
  const users = guide.split('\n').filter((line) => /^ +user \w+ /.test(line));
  expect(users.length).toBe(5);
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

it('a worker of a fleet has the queue of fits, and cannot publish signals, bars, models or the lease', async () => {
  const admin = clientOf('admin');
  await admin.set('minutehand:lease:main', 'machine-1');
  const worker = clientOf('worker');
  expect(await worker.set('minutehand:fleet:worker:w', '{}')).toBe('OK');
  expect(await worker.eval("return redis.call('LPUSH', KEYS[1], 'x')", 1, 'minutehand:fleet-research:gbdt:wait')).toBe(
    1,
  );
  const forged: [string, ...string[]][] = [
    ['XADD', 'minutehand:signals', '*', 'signal', '{}'],
    ['XADD', 'minutehand:bars', '*', 'bar', '{}'],
    ['XADD', 'minutehand:fills', '*', 'fill', '{}'],
    ['XADD', 'minutehand:models', '*', 'event', '{}'],
    ['PUBLISH', 'minutehand:signals:EURUSD_GBPUSD', '{}'],
    ['PUBLISH', 'minutehand:models', '{}'],
    ['SET', 'minutehand:signal:EURUSD_GBPUSD', '{}'],
    ['SET', 'minutehand:lease:main', 'machine-2'],
    ['GET', 'minutehand:lease:main'],
    ['EVAL', "return redis.call('SET', KEYS[1], 'x')", '1', 'minutehand:lease:main'],
    ['FLUSHALL'],
    ['KEYS', '*'],
    ['CONFIG', 'GET', '*'],
    ['ACL', 'LIST'],
  ];
  for (const [command, ...args] of forged)
    await expect(worker.call(command, ...args), [command, ...args].join(' ')).rejects.toThrow(/NOPERM/);
});

it('both sides of a fleet can do with their users all that a queue does', async () => {
  const { port } = server;
  const urlOf = (user: string): string => `redis://${user}:${user}-password@127.0.0.1:${port}`;
  const trainer = bullmqQueue(urlOf('minutehand'), null);
  const worker = bullmqQueue(urlOf('worker'), null);
  const facts = { name: 'w', learners: ['gbdt'], slots: 1 };
  const identity = { version: '1', code: 'c', node: 24, architecture: 'x64' };
  try {
    const key = 'a'.repeat(64);
    await trainer.lead(identity);
    await trainer.enqueue({ key, needs: { learner: 'gbdt' }, isUrgent: false, payload: '{}' });
    await worker.greet(facts, { identity, done: 0, running: [], cores: 1, freeMemoryMb: 1 });
    const claim = (await worker.claim(facts))!;
    await claim.progress(1, 2);
    expect([await claim.extend(), await claim.complete()]).toEqual([true, true]);
    await worker.tally('gbdt', { finished: 1 });
    expect(await trainer.settled(key, AbortSignal.timeout(10_000))).toEqual({ state: 'done' });
    expect(await trainer.workers()).toMatchObject([{ name: 'w' }]);
    expect(await trainer.tasks()).toMatchObject([{ learner: 'gbdt', totals: { finished: 1 } }]);
    await trainer.remove(key);
  } finally {
    await Promise.all([trainer.close(), worker.close()]);
  }
});

it('a task that vanishes with all of Redis is added again, and done', { timeout: 30_000 }, async () => {
  const admin = clientOf('admin');
  const url = `redis://minutehand:minutehand-password@127.0.0.1:${server.port}`;
  const trainer = bullmqQueue(url, null);
  const worker = bullmqQueue(url, null);
  const key = 'd'.repeat(64);
  try {
    await trainer.enqueue({ key, needs: { learner: 'gbdt' }, isUrgent: false, payload: '{}' });
    const settled = trainer.settled(key, AbortSignal.timeout(25_000));
    await admin.flushall();
    const claimed = async () => await worker.claim({ name: 'w', learners: ['gbdt'], slots: 1 });
    let claim = await claimed();
    for (let tries = 0; claim === null && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      claim = await claimed();
    }
    expect(claim?.task.key).toBe(key);
    await claim!.complete();
    expect(await settled).toEqual({ state: 'done' });
  } finally {
    await Promise.all([trainer.close(), worker.close()]);
  }
});

it('entries that nobody can read hide no other, are set aside, and stop no claim', async () => {
  const admin = clientOf('admin');
  const queue = bullmqQueue(`redis://minutehand:minutehand-password@127.0.0.1:${server.port}`, null);
  const facts = { name: 'good', learners: ['gbdt'], slots: 1 };
  const identity = { version: '1', code: 'c', node: 24, architecture: 'x64' };
  try {
    await queue.greet(facts, { identity, done: 0, running: [], cores: 1, freeMemoryMb: 1 });
    await queue.enqueue({ key: 'b'.repeat(64), needs: { learner: 'gbdt' }, isUrgent: false, payload: '{}' });
    for (const text of ['{', 'null', '{"name":1}']) {
      await admin.set(`minutehand:fleet:worker:bad${text.length}`, text, 'PX', 60_000);
      await admin.set(`minutehand:fleet:installation:bad${text.length}`, text, 'PX', 60_000);
      await admin.zadd('minutehand:fleet:differences', Date.now(), text);
    }
    await admin.sadd('minutehand:fleet:classes', 'a:b', '', '../x');
    await admin.hset('minutehand:fleet:totals', 'gbdt', 'x', 'gbdt nothing', '1', 'gbdt seconds', 'much');
    await admin.set('minutehand:fleet:leader', '[');
    expect(await queue.workers()).toMatchObject([{ name: 'good' }]);
    expect([await queue.installations(), await queue.differences(), await queue.leader()]).toEqual([[], [], null]);
    expect(await queue.tasks()).toMatchObject([{ learner: 'gbdt', waiting: 1 }]);
    expect(await queue.waiting()).toEqual([{ needs: { learner: 'gbdt' }, waiting: 1 }]);
    expect(await queue.aside()).toEqual(
      expect.arrayContaining([
        { place: 'class a:b', text: 'a:b' },
        { place: 'minutehand:fleet:worker:bad1', text: '{' },
      ]),
    );
    // As the trainer and the command see it; of a flood a hundred are kept, and all are removed.
    const flood = Array.from({ length: 150 }, (_, i) => `minutehand:fleet:worker:flood${i}`);
    for (const key of flood) await admin.set(key, 'x'.repeat(5000), 'PX', 60_000);
    expect(await queue.workers()).toMatchObject([{ name: 'good' }]);
    expect(await admin.exists(...flood)).toBe(0);
    const kept = await queue.aside();
    expect(kept).toHaveLength(100);
    expect(Math.max(...kept.map(({ text }) => text.length))).toBe(2000);
    // A task without needs, before the good one.
    await admin.hset(`minutehand:fleet:gbdt:${'b'.repeat(64)}`, 'data', '{"payload":"x"}');
    await queue.enqueue({ key: 'c'.repeat(64), needs: { learner: 'gbdt' }, isUrgent: false, payload: '{}' });
    const claim = await queue.claim(facts);
    expect(claim?.task.key).toBe('c'.repeat(64));
    expect(await queue.failures()).toMatchObject([{ key: 'b'.repeat(64), error: { code: 'TASK_UNREADABLE' } }]);
  } finally {
    await queue.close();
  }
});
