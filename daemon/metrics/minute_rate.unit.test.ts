import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMinuteRate } from './observed.ts';

describe('the rate of a minute', () => {
  it('is the sum of the last sixty seconds, the current one included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 40_000 }), count: fc.integer({ min: 1, max: 1000 }) })),
        fc.integer({ min: 0, max: 90_000 }),
        (events, laterMs) => {
          const rate = createMinuteRate();
          let nowMs = 1_760_000_000_000;
          const seen: { second: number; count: number }[] = [];
          for (const { afterMs, count } of events) {
            nowMs += afterMs;
            rate.add(count, nowMs);
            seen.push({ second: Math.floor(nowMs / 1000), count });
          }
          const now = Math.floor((nowMs + laterMs) / 1000);
          const sum = seen.filter(({ second }) => second > now - 60).reduce((total, { count }) => total + count, 0);
          expect(rate.perMinute(nowMs + laterMs)).toBe(sum);
        },
      ),
    );
  });

  it('drops future times after a clock steps back', () => {
    const rate = createMinuteRate();
    rate.add(5, 2_000_000);
    rate.add(7, 1_000_000);
    expect(rate.perMinute(1_000_000)).toBe(7);
  });
});
