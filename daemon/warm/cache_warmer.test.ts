import { expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { CacheWarmer } from './cache_warmer.ts';

/** Of the event loop. */
const TURN_MS = 0.0625;
/** Five turns are the first to last 0.3 ms. */
const CYCLE_MS = 5 * TURN_MS;

interface Timer {
  readonly atMs: number;
  readonly work: () => void;
}

/** A warmer of three subjects of a market of minutes, with a clock that jumps from timer to timer. */
function openWarmer({ feedIntervalMs = 60_000, polls = false } = {}) {
  let [nowMs, isIdle] = [1000, true];
  let due: Timer | null = null;
  /** The next one, behind one that was canceled. */
  const turns: Timer[] = [];
  let [yielded, polled, lossEvery, lossMs] = [0, 0, 0, 0];
  const paused: number[] = [];
  const warmedAt: number[] = [];
  const expected: (readonly [isExpected: boolean, atMs: number])[] = [];
  const warmer = new CacheWarmer({
    clock: { monotonicUs: () => nowMs * 1000 },
    scheduler: {
      after(ms, work) {
        expect(due).toBeNull();
        const timer = { atMs: nowMs + ms, work };
        due = timer;
        return () => (due = due === timer ? null : due);
      },
      afterTurn(work) {
        expect([turns.length < 2, polls]).toEqual([true, true]);
        turns.push({ atMs: nowMs + TURN_MS + (++polled % lossEvery === 0 ? lossMs : 0), work });
      },
    },
    yieldProcessor: polls ? () => void yielded++ : null,
    ...{ feedIntervalMs, subjects: 3, isIdle: () => isIdle },
    warm: () => void warmedAt.push(nowMs),
    onExpected: (isExpected) => expected.push([isExpected, nowMs]),
    onPaused: (lost) => paused.push(lost),
  });
  return {
    warmer,
    answer: (time: number, count = 1, outcome = 'COMPLETE') =>
      warmer.note(Array.from({ length: count }, () => ({ minute: { time: time as OpenTime, outcome } }))),
    paused,
    /** So many ms in one turn of so many. */
    loseEvery: (every: number, ms: number) => ([lossEvery, lossMs] = [every, ms]),
    beBusy: (busy: boolean) => (isIdle = !busy),
    /** @returns when it warmed the caches until then, in ms since that time began */
    pass(ms: number): number[] {
      const startMs = nowMs;
      for (;;) {
        const next: Timer | null = turns[0] ?? due;
        if (next === null || next.atMs > startMs + ms) break;
        if (next === due) due = null;
        else turns.shift();
        nowMs = next.atMs;
        next.work();
      }
      nowMs = startMs + ms;
      return warmedAt.splice(0).map((atMs) => atMs - startMs);
    },
    /** @returns how often others had the processor since the last call */
    takeYielded: () => [yielded, (yielded = 0)][0],
    isPolling: () => turns.length > 0,
    isWaiting: () => due !== null,
    /** @returns since when bars were expected, or no longer, by the time of the clock, which begins with 1,000 ms */
    takeExpected: () => expected.splice(0),
  };
}

const nearly = (value: number): unknown => expect.closeTo(value, 6);
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

it('polls while bars are expected and none is being answered, and warms every 0.3 ms', () => {
  const { answer, beBusy, pass, takeYielded, isPolling, isWaiting } = openWarmer({ polls: true });
  beBusy(true);
  answer(60);
  expect([pass(2.9), isPolling(), isWaiting(), takeYielded()]).toEqual([[], false, true, 0]);
  beBusy(false);
  expect(pass(0.1 + 3 * CYCLE_MS)).toEqual([0.1, 0.1 + CYCLE_MS, 0.1 + 2 * CYCLE_MS, 0.1 + 3 * CYCLE_MS].map(nearly));
  expect([isPolling(), isWaiting(), takeYielded()]).toEqual([true, false, 4]);
  answer(60);
  expect(pass(300)).toHaveLength(960);
  answer(60);
  expect([pass(59_000), isPolling(), isWaiting()]).toEqual([[], false, true]);
});

it('sleeps from the turn in which a bar has arrived until its answer is stored', () => {
  const { answer, beBusy, pass, isPolling, isWaiting } = openWarmer({ polls: true });
  answer(60);
  pass(10);
  beBusy(true);
  pass(TURN_MS);
  expect([isPolling(), isWaiting()]).toEqual([false, true]);
  expect([pass(2), isPolling()]).toEqual([[], false]);
  beBusy(false);
  answer(60);
  expect([isPolling(), isWaiting()]).toEqual([true, false]);
  expect(pass(1)).toEqual([CYCLE_MS, 2 * CYCLE_MS, 3 * CYCLE_MS].map(nearly));
});

it('polls from 50 ms before a minute is due, for at most 2 s after that', () => {
  const { answer, pass, isPolling, isWaiting } = openWarmer({ polls: true });
  answer(60, 3);
  expect([pass(59_949), isPolling()]).toEqual([[], false]);
  expect(pass(1.5)).toEqual([1, 1 + CYCLE_MS].map(nearly));
  expect(pass(2050).length).toBeGreaterThan(6500);
  expect([isPolling(), isWaiting()]).toEqual([false, false]);
});

it('does not poll for 30 minutes after one in which others had the processor', () => {
  const { answer, loseEvery, pass, isPolling, paused } = openWarmer({ polls: true });
  /** @returns how often it warmed the caches in a minute with one bar missing */
  const minute = (time: number): number => {
    answer(time, 2);
    const runs = pass(2500).length;
    expect(isPolling()).toBe(false);
    pass(57_500);
    return runs;
  };
  expect(minute(60)).toBe(6400);
  // Of ten cycles, one takes 3 ms more.
  loseEvery(50, 3);
  expect(minute(120)).toBeLessThan(4000);
  loseEvery(0, 0);
  expect(paused).toEqual([]);
  const sleeping = minute(180);
  expect(paused).toEqual([expect.closeTo((CYCLE_MS + 3) / (10 * CYCLE_MS + 3), 2)]);
  for (let i = 1; i < 30; i++) expect(minute(180 + 60 * i)).toBe(sleeping);
  expect(sleeping).toBe(20 + 495);
  expect([minute(1980), paused.length]).toEqual([6400, 1]);
});

it('stops polling for good', () => {
  const { warmer, answer, pass, isPolling, isWaiting } = openWarmer({ polls: true });
  answer(60);
  pass(2);
  expect(isPolling()).toBe(true);
  warmer.stop();
  expect([pass(100), isPolling(), isWaiting()]).toEqual([[], false, false]);
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
