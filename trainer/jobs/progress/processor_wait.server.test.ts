import { afterEach, expect, it, vi } from 'vitest';
import { watchProcessorWait } from './processor_wait.ts';

afterEach(() => vi.useRealTimers());

it('a job that is ready to run and gets no processor is told apart from one that runs, sleeps or ends', () => {
  vi.useFakeTimers();
  const ms = 1e6;
  // Of each second: what it ran and what it waited for a processor.
  const looks = [
    [900, 50],
    [10, 980],
    [0, 1000],
    [700, 300],
    [0, 0],
    [100, 1900],
  ];
  let ran_ns = 0;
  let waited_ns = 0;
  let look = 0;
  const told: [number, boolean][] = [];
  const spentOf = (): { ran_ns: number; waited_ns: number } | null =>
    look > looks.length ? null : { ran_ns, waited_ns };
  const stop = watchProcessorWait(1, (isWaiting) => told.push([look, isWaiting]), { lookMs: 1000, spentOf });
  for (const [ran, waited] of looks) {
    look++;
    ran_ns += ran! * ms;
    waited_ns += waited! * ms;
    vi.advanceTimersByTime(1000);
  }
  expect(told).toEqual([
    [2, true],
    [4, false],
    [6, true],
  ]);
  stop();
  look++;
  vi.advanceTimersByTime(5000);
  expect(told).toHaveLength(3);
});
