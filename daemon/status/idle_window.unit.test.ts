import { expect, it } from 'vitest';
import type { EpochMs } from '../../shared/bar.ts';
import type { Scheduler } from '../../shared/ports.ts';
import { IdleWindow } from './idle_window.ts';

/** A window whose clock and timers are ours. */
function open(feedIntervalMs: number) {
  let nowMs = 0;
  const timers: { ms: number; work: () => void }[] = [];
  const scheduler: Scheduler = {
    afterTurn: () => undefined,
    every: () => () => undefined,
    after(ms, work) {
      const timer = { ms, work };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  };
  const clock = { nowMs: () => 0 as EpochMs, monotonicUs: () => nowMs * 1000 };
  const window = new IdleWindow(clock, scheduler, feedIntervalMs);
  /** Returns whether work that begins so long after a bar is let through at once. */
  const isOpenAt = async (ms: number): Promise<boolean> => {
    nowMs = ms;
    let isOpen = false;
    void window.wait().then(() => (isOpen = true));
    await new Promise((resolve) => setImmediate(resolve));
    return isOpen;
  };
  return { window, timers, isOpenAt };
}

it('work runs in the middle of an interval and waits while a bar is due', async () => {
  const { window, isOpenAt } = open(60_000);
  expect(await isOpenAt(60_000)).toBe(true);
  window.noteBar(0);
  const isOpen = await Promise.all([0, 59_749].map(isOpenAt));
  expect(isOpen).toEqual([true, true]);
  for (const [ms, expected] of [
    [59_750, false],
    [60_000, false],
    [60_250, false],
    [60_251, true],
    [200_000, true],
  ] as const)
    expect(await isOpenAt(ms), `${ms} ms after the bar`).toBe(expected);
});

it('the guard is a quarter of a short interval', async () => {
  const { window, isOpenAt } = open(20);
  window.noteBar(5000);
  const seen: boolean[] = [];
  for (const ms of [19, 20, 30, 31]) seen.push(await isOpenAt(ms));
  expect(seen).toEqual([true, false, false, true]);
});

it('all waiting work continues after the bar was answered, or when the bar does not arrive', async () => {
  const { window, timers, isOpenAt } = open(60_000);
  window.noteBar(0);
  expect([await isOpenAt(60_000), await isOpenAt(60_000)]).toEqual([false, false]);
  expect(timers.map(({ ms }) => ms)).toEqual([500, 500]);
  const waiting = [window.wait()];
  window.open();
  await Promise.all(waiting);
  expect(timers).toEqual([]);
  const late = window.wait();
  timers[0]!.work();
  await late;
});
