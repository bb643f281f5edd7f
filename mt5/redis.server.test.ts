import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi, type TestContext } from 'vitest';
import { enterBody, exitBody, idOf, textOf } from '../shared/signal/signal.fixture.ts';
import { quietProxyTo } from '../test/quiet_proxy.ts';
import { requireRedis } from '../test/redis_server.ts';
import { compileProgram, compilerNote, hasCompiler } from './test/compile.ts';
import { startCrashingRedis } from './test/crashing_redis.ts';
import { startProgram, type LineProgram } from './test/program.ts';

const PAIR = 'XAUUSD_XAGUSD';

/** Cleans up after each test; they run concurrently, since most of the time they wait. */
type AtEnd = TestContext['onTestFinished'];

describe.skipIf(!hasCompiler()).concurrent(`the expert advisor and Redis${compilerNote()}`, () => {
  let root: string;
  let path: string;
  let homes = 0;
  beforeAll(() => {
    path = compileProgram('agent');
    root = mkdtempSync(join(tmpdir(), 'minutehand-ea-redis-'));
  }, 120_000);
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  let seq = 0;
  const signal = (body: Parameters<typeof textOf>[0]): string =>
    textOf(body, { boot_id: 'B', seq: ++seq, generated_at_ms: Date.now() - 1500, market: 'simulated' });

  async function startAgent(
    atEnd: AtEnd,
    ...inputs: string[]
  ): Promise<{ program: LineProgram; folder: string; fills: () => string[]; panel: () => Promise<string> }> {
    const folder = join(root, String(++homes));
    mkdirSync(join(folder, 'home', 'signals', PAIR), { recursive: true });
    const program = startProgram(path, [
      `common=${folder}`,
      'InpFolder=home',
      `InpPairs=${PAIR}`,
      'InpStopPercent=0',
      ...inputs,
    ]);
    atEnd(() => void program.process.kill('SIGKILL'));
    expect(await program.next()).toBe('started');
    const result = join(folder, 'home', 'ea', '1_paper', 'result.json');
    return {
      program,
      folder,
      fills: () =>
        existsSync(result)
          ? readFileSync(result, 'utf8')
              .trim()
              .split('\n')
              .map((line) => (JSON.parse(line) as { kind: string }).kind)
          : [],
      panel() {
        program.process.kill('SIGUSR1');
        return program.next();
      },
    };
  }

  it('logs in, selects its database, gets signals published before and after it connects, and sends its fills', async ({
    onTestFinished: atEnd,
    skip,
  }) => {
    const redis = await requireRedis({ skip }, ['--requirepass', 'sésame "1"']);
    atEnd(() => redis.stop());
    const client = new Redis(redis.url, { password: 'sésame "1"', db: 3 });
    atEnd(() => client.disconnect());
    await client.set(`minutehand:signal:${PAIR}`, signal(enterBody(idOf(1))), 'PX', 150_000);
    const agent = await startAgent(
      atEnd,
      'InpWay=1',
      `InpRedisPort=${redis.port}`,
      'InpRedisPassword=sésame "1"',
      'InpRedisDatabase=3',
      'InpFillsToRedis=true',
    );
    await vi.waitFor(() => expect(agent.fills()).toEqual(['open', 'open']), 20_000);
    await client.publish(`minutehand:signals:${PAIR}`, signal(exitBody(idOf(1))));
    await vi.waitFor(() => expect(agent.fills()).toEqual(['open', 'open', 'close', 'close']), 20_000);
    await vi.waitFor(async () => expect(await client.xlen('minutehand:fills')).toBe(4), 20_000);
    const [, fields] = (await client.xrange('minutehand:fills', '-', '+'))[0]!;
    expect(JSON.parse(fields[1]!)).toMatchObject({
      schema: 'minutehand.fill/1',
      kind: 'open',
      signal_id: idOf(1),
      leg: 'A',
      side: 'SELL',
    });
  });

  it('keeps its connection through a proxy that cuts silence, with a sixth of the usual minute', async ({
    onTestFinished: atEnd,
    skip,
  }) => {
    const redis = await requireRedis({ skip });
    atEnd(() => redis.stop());
    const ends: (() => Promise<unknown> | void)[] = [];
    const proxy = await quietProxyTo(redis.port, 10_000, ends);
    atEnd(() => ends.forEach((end) => void end()));
    const agent = await startAgent(atEnd, 'InpWay=1', `InpRedisPort=${proxy.port}`);
    await vi.waitFor(async () => expect(await agent.panel()).toContain('Redis up'), 20_000);
    const { served } = proxy;
    for (let second = 0; second < 25; second++) {
      await setTimeout(1000);
      proxy.pass(1000);
    }
    expect([proxy.cut, proxy.served]).toEqual([0, served]);
    expect(await agent.panel()).toContain('Redis up');
  });

  it('renames a full result.json when Redis has all of it, and sends the lines of the new one', async ({
    onTestFinished: atEnd,
    skip,
  }) => {
    const redis = await requireRedis({ skip });
    atEnd(() => redis.stop());
    const client = new Redis(redis.url);
    atEnd(() => client.disconnect());
    const own = join(root, String(homes + 1), 'home', 'ea', '1_paper');
    mkdirSync(own, { recursive: true });
    const result = join(own, 'result.json');
    const line = (padding: number): string => `${JSON.stringify({ padding: 'x'.repeat(padding) })}\n`;
    // Shorter than the limit by less than a fill.
    const others = line(8000).repeat(2000);
    writeFileSync(result, others + line((1 << 24) - 100 - others.length - line(0).length));
    const begun = statSync(result).size;
    writeFileSync(join(own, 'fills.sent'), `${begun}\n`);
    const confirmed = (): number => Number(readFileSync(join(own, 'fills.sent'), 'utf8'));
    const agent = await startAgent(atEnd, 'InpWay=1', `InpRedisPort=${redis.port}`, 'InpFillsToRedis=true');
    expect(own).toContain(agent.folder);
    // The last lines are sent again after each connection.
    await vi.waitFor(async () => expect(await agent.panel()).toContain('Redis up'), 20_000);
    await client.publish(`minutehand:signals:${PAIR}`, signal(enterBody(idOf(1))));
    await vi.waitFor(() => expect(confirmed()).toBe(statSync(result).size), 20_000);
    await client.publish(`minutehand:signals:${PAIR}`, signal(exitBody(idOf(1))));
    await vi.waitFor(() => expect(existsSync(`${result}.1`)).toBe(true), 20_000);
    expect(statSync(`${result}.1`).size).toBeGreaterThanOrEqual(begun);
    const kinds = async (): Promise<string[]> => {
      const fills = (await client.xrange('minutehand:fills', '-', '+')).map(([, fields]) => fields[1]!);
      return fills.flatMap((text) => (JSON.parse(text) as { kind?: string }).kind ?? []);
    };
    await vi.waitFor(async () => expect(await kinds()).toEqual(['open', 'open', 'close', 'close']), 20_000);
    await vi.waitFor(() => expect(confirmed()).toBe(statSync(result).size), 20_000);
  });

  it('reports a wrong password, and retries with pauses', async ({ onTestFinished: atEnd, skip }) => {
    const redis = await requireRedis({ skip }, ['--requirepass', 'right']);
    atEnd(() => redis.stop());
    const agent = await startAgent(atEnd, 'InpWay=1', `InpRedisPort=${redis.port}`, 'InpRedisPassword=wrong');
    await vi.waitFor(async () => expect(await agent.panel()).toContain('Redis down: WRONGPASS'), 20_000);
    const client = new Redis(redis.url, { password: 'right' });
    atEnd(() => client.disconnect());
    const connections = Number(/total_connections_received:(\d+)/.exec(await client.info('stats'))![1]);
    expect(connections).toBeLessThan(20);
  });

  /** Less than it would take to give up a Redis that hangs. */
  const WITHOUT_WAITING_MS = 4000;

  it('continues by file while Redis hangs, without waiting for it', async ({ onTestFinished: atEnd, skip }) => {
    const redis = await requireRedis({ skip });
    atEnd(() => redis.stop());
    const agent = await startAgent(atEnd, 'InpWay=2', `InpRedisPort=${redis.port}`);
    await vi.waitFor(async () => expect(await agent.panel()).toContain('Redis up'), 20_000);
    redis.pause();
    writeFileSync(join(agent.folder, 'home', 'signals', PAIR, 'signal.json'), `${signal(enterBody(idOf(1)))}\n`);
    await vi.waitFor(() => expect(agent.fills()).toEqual(['open', 'open']), WITHOUT_WAITING_MS);
    await vi.waitFor(async () => expect(await agent.panel()).toContain('Redis down'), 20_000);
    redis.resume();
    await vi.waitFor(async () => expect(await agent.panel()).toContain('Redis up'), 20_000);
  }, 40_000);

  it.for([1, 2, 3])(
    'counts no fill as confirmed without an answer of Redis, wherever Redis crashes, and sends them all (seed %i)',
    async (seed, { onTestFinished: atEnd }) => {
      const folder = join(root, String(++homes));
      const own = join(folder, 'home', 'ea', '1_paper');
      mkdirSync(own, { recursive: true });
      const all = Array.from({ length: 500 }, (_, line) => JSON.stringify({ line, padding: 'é'.repeat(300) }));
      writeFileSync(join(own, 'result.json'), all.map((line) => `${line}\n`).join(''));
      const content = readFileSync(join(own, 'result.json'));
      /** Lines before the mark that Redis does not have. */
      const lost = (): string[] => {
        const mark = existsSync(join(own, 'fills.sent')) ? Number(readFileSync(join(own, 'fills.sent'), 'utf8')) : 0;
        return content
          .toString('utf8', 0, mark)
          .split('\n')
          .filter((line) => line !== '' && !redis.kept.has(line));
      };
      const lostAtCrashes: string[] = [];
      const redis = await startCrashingRedis(seed, 4, () => lostAtCrashes.push(...lost()));
      atEnd(() => redis.close());
      const program = startProgram(path, [
        `common=${folder}`,
        'InpFolder=home',
        `InpPairs=${PAIR}`,
        `InpRedisPort=${redis.port}`,
        'InpFillsToRedis=true',
      ]);
      atEnd(() => void program.process.kill('SIGKILL'));
      await vi.waitFor(() => expect(redis.kept.size).toBe(all.length), { timeout: 20_000, interval: 50 });
      expect(redis.crashes).toBe(4);
      expect(lostAtCrashes).toEqual([]);
      expect(lost()).toEqual([]);
    },
  );

  it('sends all fills over a connection that accepts 200 bytes at a time', async ({ onTestFinished: atEnd, skip }) => {
    const redis = await requireRedis({ skip });
    atEnd(() => redis.stop());
    const folder = join(root, String(++homes));
    const own = join(folder, 'home', 'ea', '1_paper');
    mkdirSync(own, { recursive: true });
    const all = Array.from({ length: 120 }, (_, line) => JSON.stringify({ line, padding: 'é'.repeat(150) }));
    writeFileSync(join(own, 'result.json'), all.map((line) => `${line}\n`).join(''));
    const inputs = ['InpFolder=home', `InpPairs=${PAIR}`, `InpRedisPort=${redis.port}`, 'InpFillsToRedis=true'];
    const program = startProgram(path, [`common=${folder}`, 'send=200', ...inputs]);
    atEnd(() => void program.process.kill('SIGKILL'));
    const client = new Redis(redis.url);
    atEnd(() => client.disconnect());
    await vi.waitFor(async () => expect(await client.xlen('minutehand:fills')).toBe(all.length), {
      timeout: 20_000,
      interval: 50,
    });
    const entries = await client.xrange('minutehand:fills', '-', '+');
    expect(entries.map(([, fields]) => fields[1])).toEqual(all);
  });

  it('closes a connection that speaks another protocol', async ({ onTestFinished: atEnd }) => {
    const { createServer } = await import('node:http');
    const server = createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(() => void server.close());
    const agent = await startAgent(atEnd, 'InpWay=1', `InpRedisPort=${(server.address() as { port: number }).port}`);
    await vi.waitFor(async () => expect(await agent.panel()).toContain('what came is not RESP2'), 20_000);
  });
});
