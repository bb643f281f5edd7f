import { expect, it } from 'vitest';
import { PollingGuard } from './polling_guard.ts';

function noteAll(guard: PollingGuard, cycles: number, ms: number): void {
  for (let i = 0; i < cycles; i++) guard.note(ms);
}

it('pauses for 30 minutes if cycles above 1 ms were more than a tenth of 200 ms', () => {
  const guard = new PollingGuard();
  noteAll(guard, 360, 0.5);
  noteAll(guard, 10, 2);
  expect([guard.beginMinute(), guard.isPaused]).toEqual([null, false]);
  noteAll(guard, 179, 1);
  noteAll(guard, 7, 3);
  expect([guard.beginMinute(), guard.isPaused]).toEqual([0.105, true]);
  const pausedFor = Array.from({ length: 30 }, () => [guard.beginMinute(), guard.isPaused]);
  expect(pausedFor).toEqual([...Array<unknown>(29).fill([null, true]), [null, false]]);
});

it('judges no less than 200 ms, and each of them once', () => {
  const guard = new PollingGuard();
  noteAll(guard, 66, 3);
  expect(guard.beginMinute()).toBeNull();
  guard.note(2);
  expect(guard.beginMinute()).toBe(1);
  expect(guard.beginMinute()).toBeNull();
  noteAll(guard, 200, 1);
  expect(guard.beginMinute()).toBeNull();
});
