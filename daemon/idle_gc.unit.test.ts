import { expect, it } from 'vitest';
import { IdleCollector } from './idle_gc.ts';

it('a collection follows 320 signals, 5 ms later, in an idle window, and once nothing waits', async () => {
  const timers: { ms: number; work: () => void }[] = [];
  let collections = 0;
  let isIdle = true;
  let openWindow: () => void = () => undefined;
  const collector = new IdleCollector({
    scheduler: {
      afterTurn: () => undefined,
      every: () => () => undefined,
      after: (ms, work) => {
        timers.push({ ms, work });
        return () => undefined;
      },
    },
    idleWindow: () => new Promise((resolve) => (openWindow = resolve)),
    isIdle: () => isIdle,
    collect: () => void collections++,
  });
  const collect = async (): Promise<number> => {
    timers.shift()!.work();
    openWindow();
    await new Promise((resolve) => setImmediate(resolve));
    return collections;
  };
  collector.note(319);
  expect(timers).toEqual([]);
  collector.note(1);
  // One at a time.
  collector.note(1000);
  expect(timers.map(({ ms }) => ms)).toEqual([5]);
  isIdle = false;
  expect(await collect()).toBe(0);
  // Missed: the next batch asks again, however small.
  isIdle = true;
  collector.note(1);
  expect(await collect()).toBe(1);
  collector.note(319);
  expect(timers).toEqual([]);
  collector.note(1);
  expect(await collect()).toBe(2);
});
