import { describe, expect, it } from 'vitest';
import { Throttle } from './throttle.ts';

const MINUTE_MS = 60_000;

describe('the throttle of wrong credentials', () => {
  it('asks a key for 1, 2, 4 … s after its fifth failure, up to its longest wait', () => {
    const throttle = new Throttle();
    const waits = Array.from({ length: 13 }, () => {
      throttle.fail('a', 0);
      return throttle.waitMs('a', 0);
    });
    expect(waits).toEqual([0, 0, 0, 0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect([throttle.waitMs('a', 59_999), throttle.waitMs('a', 60_000)]).toEqual([1, 0]);
    expect(throttle.waitMs('b', 0)).toBe(0);
    const short = new Throttle(1500);
    for (let i = 0; i < 9; i++) short.fail('a', 0);
    expect(short.waitMs('a', 0)).toBe(1500);
  });

  it('remembers failures for ten minutes after the last one, and no longer', () => {
    const throttle = new Throttle();
    for (let i = 0; i < 8; i++) throttle.fail('a', 0);
    // A guess every ten minutes is never free again.
    throttle.fail('a', 10 * MINUTE_MS);
    expect(throttle.waitMs('a', 10 * MINUTE_MS)).toBe(16_000);
    throttle.fail('a', 20 * MINUTE_MS + 1);
    expect(throttle.waitMs('a', 20 * MINUTE_MS + 1)).toBe(0);
  });

  it('knows ten thousand keys: of more, the one whose last failure is the oldest is forgotten', () => {
    const throttle = new Throttle();
    const fail = (key: string): void => {
      for (let i = 0; i < 5; i++) throttle.fail(key, 0);
    };
    for (let i = 0; i < 10_000; i++) fail(`${i}`);
    throttle.fail('0', 0);
    fail('one more');
    expect(['0', '1', '2', 'one more'].map((key) => throttle.waitMs(key, 0))).toEqual([2000, 0, 1000, 1000]);
  });
});
