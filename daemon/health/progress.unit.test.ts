import { setImmediate as loopTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { tinySettings } from '../../test/tiny_models.ts';
import { openBench, START_MS, type Bench } from '../pipeline.fixture.ts';
import { watchProgress } from './progress.ts';
import { barInput } from '../queue/input.ts';

const settings = tinySettings({ minutehand: { pairs: ['XAUUSD_XAGUSD'] } });
const { feed } = settings.minutehand;

function take({ pipeline }: Bench, minute: number): void {
  for (const symbol of ['XAUUSD', 'XAGUSD']) {
    const time = (START_MS / 1000 + minute * 60) as OpenTime;
    pipeline.inputs.take(barInput({ symbol, time, open: 1, high: 1, low: 1, close: 1, volume: 1 }, false));
  }
}

/** A pipeline whose thread reaches a loop turn only when `let` is called. */
function openStuck(): { bench: Bench; let(): void } {
  const waiting: (() => void)[] = [];
  const scheduler = {
    afterTurn: (work: () => void) => void waiting.push(work),
    after: () => () => undefined,
    every: () => () => undefined,
  };
  return { bench: openBench(settings, { scheduler }), let: () => waiting.splice(0).forEach((work) => work()) };
}

describe('a pipeline that is watched', () => {
  it('is moving while it has nothing to do, as at a weekend', () => {
    const isMoving = watchProgress(openBench(settings).pipeline.queue);
    expect([isMoving(), isMoving(), isMoving()]).toEqual([true, true, true]);
  });

  it('is moving while it answers bars, and heartbeats of silence when no bars come', async () => {
    const bench = openBench(settings);
    const isMoving = watchProgress(bench.pipeline.queue);
    take(bench, 0);
    await bench.pipeline.settled();
    expect(isMoving()).toBe(true);
    const before = bench.pipeline.queue.done;
    bench.passMs(feed.interval_ms * feed.silence_degraded_intervals);
    bench.pipeline.inputs.checkSilence();
    await bench.pipeline.settled();
    expect(bench.inputs.at(-1)!.kind).toBe('silence');
    expect(bench.pipeline.queue.done).toBe(before + 1);
  });

  it('is not moving while a bar is not answered, whatever else arrives, and is moving again after the answer', async () => {
    const { bench, ...stuck } = openStuck();
    const isMoving = watchProgress(bench.pipeline.queue);
    take(bench, 0);
    await loopTurn();
    expect([isMoving(), isMoving()]).toEqual([false, false]);
    take(bench, 1);
    await loopTurn();
    expect(isMoving()).toBe(false);
    for (let turn = 0; turn < 10; turn++) {
      stuck.let();
      await loopTurn();
    }
    expect([isMoving(), isMoving()]).toEqual([true, true]);
    expect(bench.signals).toHaveLength(2);
  });
});

it('a queue that is never idle is moving while its count grows, and hangs when it does not', () => {
  const queue = { isIdle: false, done: 4 };
  const isMoving = watchProgress(queue);
  queue.done = 5;
  expect(isMoving()).toBe(true);
  expect(isMoving()).toBe(false);
  queue.done = 6;
  expect(isMoving()).toBe(true);
  queue.isIdle = true;
  expect([isMoving(), isMoving()]).toEqual([true, true]);
});
