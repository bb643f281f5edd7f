import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi, type TestContext } from 'vitest';
import { enterBody, exitBody, idOf, textOf } from '../shared/signal/signal.fixture.ts';
import { quietProxyTo } from '../test/quiet_proxy.ts';
import { requireRedis, startRedis } from '../test/redis_server.ts';
import { compileProgram, compilerNote, hasCompiler } from './test/compile.ts';
import { startProgram, type LineProgram } from './test/program.ts';

const PAIR = 'XAUUSD_XAGUSD';
const CHANNEL = `minutehand:signals:${PAIR}`;
/** Events to the chart without an expert advisor and to the one with it. */
const EVENTS = ['1 740', '2 740'];
type AtEnd = TestContext['onTestFinished'];

describe.skipIf(!hasCompiler())(`the service MinutehandWake${compilerNote()}`, { timeout: 120_000 }, () => {
  let root: string;
  let seq = 0;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'minutehand-wake-'));
    for (const name of ['wake', 'wake_agent']) compileProgram(name);
  }, 120_000);
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const signal = (body: Parameters<typeof textOf>[0]): string =>
    textOf(body, { boot_id: 'B', seq: ++seq, generated_at_ms: Date.now() - 1500, market: 'simulated' });

  function startService(atEnd: AtEnd, port: number, password = ''): LineProgram {
    const service = startProgram(compileProgram('wake'), [String(port), password, PAIR]);
    atEnd(() => void service.process.kill('SIGKILL'));
    return service;
  }

  const isSubscribed = (client: Redis, count = 1): Promise<void> =>
    vi.waitFor(async () => expect(await client.pubsub('NUMSUB', CHANNEL)).toEqual([CHANNEL, count]), 20_000);

  it('logs in, sends one event to each chart for a signal, reconnects after Redis was down, and stops', async ({
    onTestFinished: atEnd,
    skip,
  }) => {
    const redis = await requireRedis({ skip }, ['--requirepass', 'right']);
    const client = new Redis(redis.url, { password: 'right', lazyConnect: true });
    atEnd(() => client.disconnect());
    const service = startService(atEnd, redis.port, 'right');
    await isSubscribed(client);
    for (let round = 0; round < 3; round++) {
      await client.publish(CHANNEL, signal(enterBody(idOf(1))));
      expect([await service.next(), await service.next()]).toEqual(EVENTS);
    }
    client.disconnect();
    await redis.stop();
    const again = await startRedis(['--requirepass', 'right'], redis.port);
    atEnd(() => again!.stop());
    const later = new Redis(again!.url, { password: 'right' });
    atEnd(() => later.disconnect());
    await isSubscribed(later);
    await later.publish(CHANNEL, signal(enterBody(idOf(1))));
    expect([await service.next(), await service.next()]).toEqual(EVENTS);
    service.process.kill('SIGTERM');
    expect(await service.ended).toBe(0);
  });

  it('keeps its connection through a proxy that cuts silence, with a sixth of the usual minute', async ({
    onTestFinished: atEnd,
    skip,
  }) => {
    const redis = await requireRedis({ skip });
    atEnd(() => redis.stop());
    const client = new Redis(redis.url);
    atEnd(() => client.disconnect());
    const ends: (() => Promise<unknown> | void)[] = [];
    const proxy = await quietProxyTo(redis.port, 10_000, ends);
    atEnd(() => ends.forEach((end) => void end()));
    const service = startService(atEnd, proxy.port);
    await isSubscribed(client);
    for (let second = 0; second < 25; second++) {
      await setTimeout(1000);
      proxy.pass(1000);
    }
    expect([proxy.cut, proxy.served]).toEqual([0, 1]);
    await client.publish(CHANNEL, signal(enterBody(idOf(1))));
    expect([await service.next(), await service.next()]).toEqual(EVENTS);
  });

  it('makes the expert advisor trade long before its timer', async ({ onTestFinished: atEnd, skip }) => {
    const redis = await requireRedis({ skip });
    atEnd(() => redis.stop());
    const client = new Redis(redis.url);
    atEnd(() => client.disconnect());
    // Median milliseconds from the publication of signals to their fills, by timer or by events of the service.
    const delay = async (name: string, events: Readable | 'pipe', listeners: number): Promise<number> => {
      mkdirSync(join(root, name, 'home'), { recursive: true });
      const args = [join(root, name), String(redis.port), PAIR, 'true'];
      const advisor = spawn(compileProgram('wake_agent'), args, { stdio: [events, 'ignore', 'inherit'] });
      atEnd(() => void advisor.kill('SIGKILL'));
      await isSubscribed(client, listeners);
      const result = join(root, name, 'home', 'ea', '1_paper', 'result.json');
      const fills = (): number => (existsSync(result) ? readFileSync(result, 'utf8').trim().split('\n').length : 0);
      const times: number[] = [];
      for (let round = 0; round < 20; round++) {
        const id = idOf(100 + seq - (round % 2));
        const began = performance.now();
        await client.publish(CHANNEL, signal(round % 2 === 0 ? enterBody(id) : exitBody(id)));
        await vi.waitFor(() => expect(fills()).toBe(2 * (round + 1)), { timeout: 20_000, interval: 1 });
        times.push(performance.now() - began);
      }
      advisor.kill('SIGKILL');
      return times.sort((a, b) => a - b)[10]!;
    };
    const byTimer = await delay('timer', 'pipe', 1);
    await isSubscribed(client, 0);
    const service = spawn(compileProgram('wake'), [String(redis.port), '', PAIR], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    atEnd(() => void service.kill('SIGKILL'));
    const byEvent = await delay('event', service.stdout, 2);
    process.stdout.write(
      `signal to fills: ${byTimer.toFixed(1)} ms by a timer of 10 ms, ${byEvent.toFixed(1)} ms by events\n`,
    );
    // Its timer interval is 4 s by then.
    expect(byEvent).toBeLessThan(1000);
  });
});
