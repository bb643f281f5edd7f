import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, expect, it, vi } from 'vitest';
import { readAddress } from '../shared/address.ts';
import { homePaths } from '../shared/home.ts';
import { CLAIM_MS } from '../shared/owner/owner.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { requireRedis } from './redis_server.ts';

vi.setConfig({ testTimeout: 180_000 });

const toClose: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

function place(enabled: 'auto' | 'off'): Workplace {
  const created = createWorkplace({ minutehand: { transports: { redis: { enabled } } } });
  toClose.push(() => created.remove());
  return created;
}

/** @returns the port of the daemon of a home that listens */
async function listens({ home }: Workplace): Promise<number> {
  const path = homePaths({ MINUTEHAND_HOME: home }).address('daemon_main');
  return (await eventually(`the daemon of ${home}`, () => readAddress(path))).port;
}

it('a second home does not start on the exchange folder of another, and does when that has ended', async () => {
  const first = place('off');
  const second = place('off');
  const env = { MINUTEHAND_EXCHANGE: join(first.folder, 'exchange') };
  const running = first.start(['daemon'], env);
  await listens(first);
  const refused = await second.run(['daemon'], { env, killAfterMs: 60_000 });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('EXCHANGE_TAKEN');
  expect(refused.stderr).toContain(`home ${first.home} on host`);
  // A restart of the first, also after it was killed, is no other home.
  running.kill('SIGKILL');
  await running.ended;
  const again = first.start(['daemon'], env);
  await eventually('the restarted daemon', () => again.stdout().includes('listens'));
  again.kill('SIGTERM');
  await again.ended;
  second.start(['daemon'], env);
  await listens(second);
  const owner = JSON.parse(readFileSync(join(env.MINUTEHAND_EXCHANGE, 'signals', 'owner.json'), 'utf8')) as object;
  expect(owner).toMatchObject({ where: expect.stringContaining(second.home) as string });
});

it('a daemon that was suspended until another has its exchange folder writes no file there, and says so', async () => {
  const first = place('off');
  const second = place('off');
  const env = { MINUTEHAND_EXCHANGE: join(first.folder, 'exchange') };
  const signals = join(env.MINUTEHAND_EXCHANGE, 'signals');
  const paused = first.start(['daemon'], env);
  const port = await listens(first);
  const pair = first.settings.minutehand.pairs[0]!;
  const bootOf = (): string =>
    (JSON.parse(readFileSync(join(signals, pair, 'signal.json'), 'utf8')) as { boot_id: string }).boot_id;
  const old = await eventually('a signal of the first', () => {
    try {
      return bootOf();
    } catch {
      return null;
    }
  });
  paused.kill('SIGSTOP');
  // As of another host, where nobody sees that the process is still there; its claim ends by its age.
  const owner = join(signals, 'owner.json');
  const claim = JSON.parse(readFileSync(owner, 'utf8')) as object;
  const { mtime } = statSync(owner);
  writeFileSync(owner, JSON.stringify({ ...claim, host: 'elsewhere' }));
  utimesSync(owner, mtime, mtime);
  await eventually('the end of the claim', () => Date.now() - mtime.getTime() > CLAIM_MS, 2);
  second.start(['daemon'], env);
  await listens(second);
  await eventually('a signal of the second', () => bootOf() !== old);
  paused.kill('SIGCONT');
  const health = async (): Promise<{ dependencies: { code: string }[] }> =>
    (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as { dependencies: { code: string }[] };
  await eventually('the refusal', async () => {
    expect(bootOf()).not.toBe(old);
    return (await health()).dependencies.some(({ code }) => code === 'EXCHANGE_TAKEN');
  });
  const boots = new Set<string>();
  for (let look = 0; look < 100; look++) {
    boots.add(bootOf());
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  expect(boots.size).toBe(1);
  expect(boots).not.toContain(old);
});

it('a second installation on one Redis publishes nothing there and says so, and its keys are of one boot', async (context) => {
  const server = await requireRedis(context);
  toClose.push(() => server.stop());
  const redis = new Redis(server.url);
  toClose.push(() => redis.disconnect());
  const env = { MINUTEHAND_REDIS_URL: server.url };
  const first = place('auto');
  const second = place('auto');
  first.start(['daemon'], env);
  const healthOf = async (port: number): Promise<Record<string, unknown>> =>
    (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as Record<string, unknown>;
  const firstPort = await listens(first);
  await eventually('its Redis', async () => (await healthOf(firstPort))['redis'] === 'up');
  second.start(['daemon'], env);
  const secondPort = await listens(second);
  const seen = await eventually('the refusal', async () => {
    const health = await healthOf(secondPort);
    const faults = health['dependencies'] as { code: string; message: string }[];
    return faults.find(({ code }) => code === 'REDIS_TAKEN');
  });
  expect(seen.message).toContain(`home ${first.home} on host`);
  const { boot_id } = await healthOf(firstPort);
  const pair = first.settings.minutehand.pairs[0]!;
  await eventually('signals in Redis', () => redis.exists(`minutehand:signal:${pair}`));
  const boots = new Set<string>();
  for (let look = 0; look < 40; look++) {
    const text = await redis.get(`minutehand:signal:${pair}`);
    if (text !== null) boots.add((JSON.parse(text) as { boot_id: string }).boot_id);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect([...boots]).toEqual([boot_id]);
  const { code, stdout } = await second.run(['status'], { env });
  expect(code).toBe(1);
  expect(stdout).toContain('REDIS_TAKEN');
});
