import { expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { CacheWarmer } from './cache_warmer.ts';
import { JumpingClock } from './jumping_clock.fixture.ts';

/** A warmer of three subjects of a market of minutes. */
function openWarmer({ feedIntervalMs = 60_000 } = {}) {
  const time = new JumpingClock();
  let isIdle = true;
  const warmedAt: number[] = [];
  const expected: (readonly [isExpected: boolean, atMs: number])[] = [];
  const warmer = new CacheWarmer({
    clock: time.clock,
    scheduler: time.scheduler,
    feedIntervalMs,
    subjects: 3,
    isIdle: () => isIdle,
    warm: () => void warmedAt.push(time.nowMs),
    onExpected: (isExpected) => expected.push([isExpected, time.nowMs]),
  });
  return {
    warmer,
    answer: (minute: number, count = 1, outcome = 'COMPLETE') =>
      warmer.note(Array.from({ length: count }, () => ({ minute: { time: minute as OpenTime, outcome } }))),
    beBusy: (busy: boolean) => (isIdle = !busy),
    /** @returns when it warmed the caches until then, in ms since that time began */
    pass(ms: number): number[] {
      const startMs = time.nowMs;
      time.pass(ms);
      return warmedAt.splice(0).map((atMs) => atMs - startMs);
    },
    isWaiting: () => time.isWaiting,
    /** @returns since when bars were expected, or no longer, by the time of the clock, which begins with 1,000 ms */
    takeExpected: () => expected.splice(0),
  };
}

const every = (step: number, from: number, to: number): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);

it('warms every 1 ms for 20 ms after a bar, every 4 ms until the minute is 2 s old, and not before the first bar', () => {
  const { answer, pass, isWaiting } = openWarmer();
  expect(pass(5000)).toEqual([]);
  answer(60);
  expect(pass(500)).toEqual([...every(1, 1, 20), ...every(4, 24, 500)]);
  answer(60);
  expect(pass(1500)).toEqual([...every(1, 1, 20), ...every(4, 24, 1500)]);
  expect(pass(50_000)).toEqual([]);
  expect(isWaiting()).toBe(true);
});

it('ends when all subjects of the minute are answered, and begins 50 ms before the next minute is due', () => {
  const { answer, pass, isWaiting } = openWarmer();
  answer(60, 2);
  expect(pass(3)).toEqual([1, 2, 3]);
  answer(60);
  expect(pass(59_946)).toEqual([]);
  // Due after 60,000 ms; it does not come.
  expect(pass(2060)).toEqual(every(4, 1, 2053));
  expect(pass(100_000)).toEqual([]);
  expect(isWaiting()).toBe(false);
  answer(120);
  expect(pass(1)).toEqual([1]);
});

it('says when bars are expected: until a minute is complete, 2 s old, or 2 s overdue', () => {
  const { warmer, answer, pass, takeExpected } = openWarmer();
  answer(60);
  pass(500);
  answer(60, 2);
  pass(59_800);
  answer(120);
  pass(5000);
  expect(takeExpected()).toEqual([
    [true, 1000],
    [false, 1500],
    [true, 60_950],
    [false, 63_300],
  ]);
  pass(200_000);
  answer(180);
  warmer.stop();
  expect(takeExpected().slice(-2)).toEqual([
    [true, 266_300],
    [false, 266_300],
  ]);
});

it('expects the next minute after the distance of the last two, at most that of the feed', () => {
  const { answer, pass } = openWarmer();
  answer(60, 3);
  pass(1000);
  answer(120, 3);
  expect(pass(949)).toEqual([]);
  expect(pass(1)).toEqual([1]);
  // As long again: one second, not two.
  expect(pass(2000).at(-1)).toBe(1052);
  pass(1_000_000);
  answer(180, 3);
  expect(pass(59_949)).toEqual([]);
  expect(pass(1)).toEqual([1]);
});

it('knows whether bars of the minute are missing, for 2 s', () => {
  const { warmer, answer, pass } = openWarmer();
  const isOpen: boolean[] = [];
  const look = (): void => void isOpen.push(warmer.isMinuteOpen);
  look();
  answer(60);
  look();
  answer(60, 2);
  look();
  pass(60_000);
  answer(120);
  pass(1999);
  look();
  pass(1);
  look();
  expect(isOpen).toEqual([false, true, false, true, false]);
});

it('does nothing while a bar is answered, and goes on afterward', () => {
  const { answer, pass, beBusy } = openWarmer();
  answer(60);
  beBusy(true);
  expect(pass(10)).toEqual([]);
  beBusy(false);
  expect(pass(2)).toEqual([1, 2]);
});

it('does not count what is not an answer to a bar of the newest minute', () => {
  const { answer, pass } = openWarmer();
  answer(120, 2, 'SILENT');
  expect(pass(100)).toEqual([]);
  answer(120);
  answer(60, 3);
  answer(120, 1, 'LEG_MISSING');
  answer(120);
  expect(pass(4)).toEqual([1, 2, 3, 4]);
  answer(120);
  expect(pass(4)).toEqual([]);
});

it('is stopped for good', () => {
  const { warmer, answer, pass, isWaiting } = openWarmer();
  answer(60);
  warmer.stop();
  expect(pass(100)).toEqual([]);
  answer(120);
  expect([pass(100), isWaiting()]).toEqual([[], false]);
});
