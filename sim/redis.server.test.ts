import { describe, expect, it } from 'vitest';
import type { Bus } from '../shared/ports.ts';
import { createRng } from '../shared/rng.ts';
import { startProcess, type SimulatedProcess } from './process.ts';
import { createRedis, type SimulatedRedis } from './redis.ts';
import { createTimeline, type Timeline } from './timeline.ts';

interface Bench {
  readonly timeline: Timeline;
  readonly process: SimulatedProcess;
  readonly redis: SimulatedRedis;
  readonly bus: Bus;
  readonly states: string[];
  readonly received: string[];
  readonly answers: (string | null)[];
  send(text: string): void;
  /** Advances the simulated time. */
  pass(ms: number): Promise<void>;
}

async function openBench(seed = 1): Promise<Bench> {
  const timeline = createTimeline(createRng(seed));
  const process = startProcess({
    name: 'daemon',
    timeline,
    rng: createRng(seed),
    wallMs: () => 0,
    turnMs: 0,
    onDefect: (error) => {
      throw error;
    },
  });
  const redis = createRedis({
    timeline,
    rng: createRng(seed),
    weather: { latencyMs: 1, spreadMs: 5 },
    keyTtlMs: 1000,
    connectTimeoutMs: 500,
    onBatch: () => undefined,
    onResent: () => undefined,
  });
  const bus = redis.connect(process);
  const bench: Bench = {
    timeline,
    process,
    redis,
    bus,
    states: [],
    received: [],
    answers: [],
    send(text) {
      bus.send([{ pairId: 'A_B', text }]).then(
        (refusal) => bench.answers.push(refusal?.words ?? null),
        (error: Error) => bench.answers.push(error.message),
      );
    },
    pass: (ms) => timeline.run(timeline.nowMs + ms),
  };
  bus.onState((state) => bench.states.push(state));
  redis.subscribe(
    (text) => bench.received.push(text),
    () => bench.received.push('(end)'),
  );
  await bench.pass(100);
  return bench;
}

describe('the simulated Redis', () => {
  it('takes batches in order, notifies subscribers, keeps the last signal until it expires', async () => {
    const bench = await openBench();
    expect([bench.bus.ready, bench.states]).toEqual([true, ['up']]);
    for (let i = 0; i < 20; i++) bench.send(`signal ${i}`);
    await bench.pass(100);
    expect(bench.received).toEqual(Array.from({ length: 20 }, (_, i) => `signal ${i}`));
    expect(bench.answers).toEqual(Array(20).fill(null));
    expect([bench.redis.get('A_B'), bench.redis.entries]).toEqual(['signal 19', 20]);
    await bench.pass(1000);
    expect(bench.redis.get('A_B')).toBeNull();
  });

  it('executes late what it had received before it stalled, and does not answer closed connections', async () => {
    const bench = await openBench();
    bench.redis.stall();
    bench.send('one');
    await bench.pass(50);
    expect([bench.received, bench.answers, bench.redis.waiting]).toEqual([[], [], 1]);
    bench.bus.reset();
    await bench.pass(5000);
    expect([bench.answers, bench.states.at(-1), bench.bus.ready]).toEqual([['Connection is closed.'], 'down', false]);
    bench.send('two');
    bench.redis.resume();
    await bench.pass(10_000);
    expect(bench.received).toEqual(['one']);
    expect(bench.answers).toEqual(['Connection is closed.', 'not connected']);
    expect(bench.states).toEqual(['up', 'down', 'up']);
  });

  it('refuses to keep when it is full, and still notifies subscribers', async () => {
    const bench = await openBench();
    bench.redis.isFull = true;
    bench.send('one');
    await bench.pass(50);
    expect([bench.received, bench.redis.get('A_B')]).toEqual([['one'], null]);
    expect(bench.answers[0]).toMatch(/^OOM/);
  });

  it('loses all data when it ends; connections are restored once it is back and has loaded', async () => {
    const bench = await openBench();
    bench.send('one');
    await bench.pass(50);
    bench.redis.shutDown();
    await bench.pass(2000);
    expect([bench.received, bench.states, bench.redis.get('A_B')]).toEqual([['one', '(end)'], ['up', 'down'], null]);
    expect(
      bench.redis.subscribe(
        () => undefined,
        () => undefined,
      ),
    ).toBeNull();
    bench.redis.start(1000);
    await bench.pass(500);
    expect(bench.bus.ready).toBe(false);
    await bench.pass(10_000);
    expect([bench.bus.ready, bench.states]).toEqual([true, ['up', 'down', 'up']]);
  });

  it('executes the commands of a killed process, and does not answer it', async () => {
    const bench = await openBench();
    bench.send('one');
    bench.process.kill();
    await bench.pass(100);
    expect([bench.received, bench.answers]).toEqual([['one'], []]);
  });

  it('keeps the order within each connection after a stall, but not between two of them', async () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const bench = await openBench(seed);
      bench.redis.stall();
      bench.send('a1');
      bench.send('a2');
      await bench.pass(50);
      bench.redis.resume();
      bench.bus.reset();
      bench.redis.stall();
      bench.redis.resume();
      await bench.pass(500);
      bench.redis.stall();
      bench.send('a3');
      await bench.pass(50);
      bench.redis.resume();
      await bench.pass(500);
      orders.add(bench.received.join(' '));
    }
    expect(orders).toEqual(new Set(['a1 a2 a3']));
  });
});
