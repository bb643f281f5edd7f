import { describe, expect, it } from 'vitest';
import { isOverBudget } from './budget.ts';
import { batchOf, timingOf } from './metrics.fixture.ts';
import type { BatchTiming } from '../publish/stopwatch.ts';

const isLate = (bar_to_us: Partial<BatchTiming['bar_to_us']>): boolean =>
  isOverBudget(batchOf(1), timingOf({ bar_to_us }), 200);

describe('a bar', () => {
  it.each([
    [{ websocket: 200_000, redis: 200_000, file: 200_000 }, false],
    [{ websocket: 200_001, redis: 100, file: 100 }, true],
    [{ websocket: 100, redis: 200_001, file: 100 }, true],
    [{ websocket: 100, redis: 100, file: 200_001 }, true],
    [{ websocket: 100, redis: null, file: null }, false],
    [{ websocket: null, redis: null, file: 200_001 }, true],
  ])('is over a budget of 200 ms by its slowest transport alone: %j %s', (times, isOver) => {
    expect(isLate(times)).toBe(isOver);
  });

  it('that never came has no budget', () => {
    const late = timingOf({ bar_to_us: { websocket: 1e9, redis: null, file: null } });
    for (const reason of ['SILENCE', 'SHUTDOWN'] as const)
      expect(isOverBudget(batchOf(2, { reason }), late, 200)).toBe(false);
  });
});
