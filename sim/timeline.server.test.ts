import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { Killed, startProcess, type SimulatedProcess } from './process.ts';
import { createTimeline, type Timeline } from './timeline.ts';

const nothing = (): void => undefined;

function start(timeline: Timeline, defects: unknown[] = [], turnMs = 0): SimulatedProcess {
  return startProcess({
    name: 'test',
    timeline,
    rng: createRng(3),
    wallMs: () => 1000.7 + timeline.nowMs,
    turnMs,
    onDefect: (error) => defects.push(error),
  });
}

describe('the timeline', () => {
  it('runs work in order of time, independent of the order of requests', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 50 }), { maxLength: 60 }), fc.integer(), async (times, seed) => {
        const timeline = createTimeline(createRng(seed));
        const done: number[] = [];
        for (const time of times)
          timeline.at(time, () => {
            expect(timeline.nowMs).toBe(time);
            done.push(time);
          });
        await timeline.run(100);
        expect(done).toEqual([...times].sort((x, y) => x - y));
        expect(timeline.nowMs).toBe(100);
      }),
    );
  });

  it('orders simultaneous work by the seed, and `inOrder` work by its order of request', async () => {
    const orderOf = async (seed: number, inOrder: boolean): Promise<string> => {
      const timeline = createTimeline(createRng(seed));
      let done = '';
      for (const name of 'abcdef') timeline.at(5, () => void (done += name), inOrder);
      await timeline.run(5);
      return done;
    };
    expect(await orderOf(1, false)).toBe(await orderOf(1, false));
    expect(await orderOf(1, false)).not.toBe(await orderOf(2, false));
    expect(await orderOf(1, true)).toBe('abcdef');
  });

  it('lets every promise continue before the next piece of work', async () => {
    const timeline = createTimeline(createRng(1));
    const done: string[] = [];
    const chain = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) await Promise.resolve();
      await Promise.all([Promise.resolve(), Promise.resolve().then(nothing)]);
      done.push('chain');
    };
    timeline.at(1, () => void chain());
    timeline.at(1, () => void done.push('same time'));
    timeline.at(2, () => void done.push('later'));
    await timeline.run(2);
    expect(done.indexOf('chain')).toBeLessThan(2);
    expect(done[2]).toBe('later');
  });

  it('stands still until real work has its result, and hands results over in the order of the requests', async () => {
    const timeline = createTimeline(createRng(1));
    const seen: string[] = [];
    const after = (ms: number, name: string): void => {
      const work = new Promise<string>((resolve) => setTimeout(resolve, ms, name));
      void timeline.real(work).then((result) => seen.push(`${result} at ${timeline.nowMs}`));
    };
    after(2, 'begun before');
    timeline.at(1, () => {
      after(4, 'slow');
      after(0, 'quick');
    });
    timeline.at(1, () => {
      timeline.real(Promise.reject(new Error('fails'))).catch((error: unknown) => seen.push(String(error)));
    });
    timeline.at(2, () => seen.push('later'));
    await timeline.run(2);
    expect(seen.filter((name) => name !== 'Error: fails')).toEqual([
      'begun before at 0',
      'slow at 1',
      'quick at 1',
      'later',
    ]);
    expect(seen).toHaveLength(5);
  });

  it('delays work behind work that takes time, and drops canceled work', async () => {
    const timeline = createTimeline(createRng(1));
    const seen: number[] = [];
    timeline.at(1, () => timeline.spend(10));
    timeline.at(5, () => seen.push(timeline.nowMs));
    timeline.at(6, () => seen.push(-1))();
    await timeline.run(20);
    expect(seen).toEqual([11]);
  });
});

describe('a simulated process', () => {
  it('has timers that end with it, and its ports fail after it was killed', async () => {
    const timeline = createTimeline(createRng(1));
    const process = start(timeline);
    const ticks: number[] = [];
    let deaths = 0;
    process.onDeath(() => deaths++);
    const stop = process.scheduler.every(10, () => ticks.push(timeline.nowMs));
    process.scheduler.every(10, nothing)();
    process.scheduler.after(1000, () => ticks.push(-1));
    await timeline.run(35);
    expect([ticks, process.clock.nowMs(), process.clock.monotonicUs()]).toEqual([[10, 20, 30], 1035, 35_000]);
    process.kill();
    process.kill();
    await timeline.run(2000);
    expect([ticks.length, deaths, process.alive]).toEqual([3, 1, false]);
    for (const use of [
      () => process.clock.nowMs(),
      () => process.clock.monotonicUs(),
      () => process.scheduler.afterTurn(nothing),
      () => process.call(nothing),
    ])
      expect(use).toThrow(Killed);
    stop();
  });

  it('runs work deferred to the end of the turn in order', async () => {
    const timeline = createTimeline(createRng(1));
    const process = start(timeline, [], 3);
    const done: number[] = [];
    for (let i = 0; i < 20; i++) process.scheduler.afterTurn(() => done.push(i));
    await timeline.run(100);
    expect(done).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('is killed at the n-th call: the effect has happened, has not, or is partial', () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const process = startProcess({
        name: 'test',
        timeline: createTimeline(createRng(seed)),
        rng: createRng(seed),
        wallMs: () => 0,
        turnMs: 0,
        onDefect: nothing,
      });
      process.killAtCall(2);
      let effects = '';
      const call = (): void =>
        process.call(
          () => void (effects += 'x'),
          () => void (effects += '/'),
        );
      call();
      call();
      expect(call).toThrow(Killed);
      expect(call).toThrow(Killed);
      seen.add(effects);
    }
    expect(seen).toEqual(new Set(['xx', 'xxx', 'xx/']));
  });

  it('reports an uncaught error, but not its kill', async () => {
    const timeline = createTimeline(createRng(1));
    const defects: unknown[] = [];
    const process = start(timeline, defects);
    process.at(1, () => {
      throw new RangeError('a defect');
    });
    process.at(2, () => {
      process.kill();
      process.clock.nowMs();
    });
    await timeline.run(5);
    expect(defects).toEqual([new RangeError('a defect')]);
  });
});
