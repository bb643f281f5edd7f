import { expect, it } from 'vitest';
import type { Scheduler } from '../shared/ports.ts';
import { Turns } from './turns.ts';
import { waitAtMost } from './threads/wait.ts';

/** A scheduler whose timers never fire on their own. */
function createScheduler() {
  const turns: (() => void)[] = [];
  const timers = new Map<number, () => void>();
  const scheduler: Scheduler = {
    afterTurn: (work) => void turns.push(work),
    every: () => () => undefined,
    after(ms, work) {
      timers.set(ms, work);
      return () => void timers.delete(ms);
    },
  };
  return { scheduler, turns, timers };
}

async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await new Promise((resolve) => setImmediate(resolve));
  return done;
}

it('a turn ends when the scheduler ends it', async () => {
  const { scheduler, turns } = createScheduler();
  const end = new Turns({ scheduler, restMs: 0 }).end();
  expect(await isDone(end)).toBe(false);
  turns[0]!();
  expect(await isDone(end)).toBe(true);
});

it('there is a pause only on a machine that needs one', async () => {
  const { scheduler, timers } = createScheduler();
  expect(new Turns({ scheduler, restMs: 0 }).rest()).toBeNull();
  expect(timers.size).toBe(0);
  const rest = new Turns({ scheduler, restMs: 3 }).rest()!;
  expect(await isDone(rest)).toBe(false);
  timers.get(3)!();
  expect(await isDone(rest)).toBe(true);
});

it('a rest ends with the loop turn in which something is to be answered', async () => {
  const { scheduler, turns, timers } = createScheduler();
  const schedule = new Turns({ scheduler, restMs: 3 });
  schedule.interrupt();
  const rest = schedule.rest()!;
  expect(await isDone(rest)).toBe(false);
  schedule.interrupt();
  schedule.interrupt();
  expect([await isDone(rest), timers.size]).toEqual([false, 0]);
  expect(turns).toHaveLength(1);
  turns[0]!();
  expect(await isDone(rest)).toBe(true);
});

it('a wait ends when it is released, without its timer, or by its timer', async () => {
  const { scheduler, timers } = createScheduler();
  let release: () => void = () => undefined;
  const released = waitAtMost(scheduler, 5, (given) => (release = given));
  expect([await isDone(released), timers.size]).toEqual([false, 1]);
  release();
  expect([await isDone(released), timers.size]).toEqual([true, 0]);
  const late = waitAtMost(scheduler, 7, () => undefined);
  timers.get(7)!();
  expect(await isDone(late)).toBe(true);
});
