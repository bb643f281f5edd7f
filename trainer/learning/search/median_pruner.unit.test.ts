import { describe, expect, it } from 'vitest';
import { isWorseThanMedian } from './study.ts';

const complete = (...reports: number[]) => ({ state: 'complete' as const, reports: new Map(reports.entries()) });
const five = [1, 2, 3, 4, 5].map((value) => complete(9, value));

describe('isWorseThanMedian', () => {
  it('compares with the median at the same step, in the direction of the search', () => {
    expect(isWorseThanMedian(five, 1, 3.1, 1)).toBe(true);
    expect(isWorseThanMedian(five, 1, 2.9, 1)).toBe(false);
    expect(isWorseThanMedian(five, 1, 2.9, -1)).toBe(true);
    expect(isWorseThanMedian(five, 1, 3.1, -1)).toBe(false);
    const six = [...five, complete(9, 6)];
    expect(isWorseThanMedian(six, 1, 3.4, 1)).toBe(false);
    expect(isWorseThanMedian(six, 1, 3.6, 1)).toBe(true);
  });

  it('continues at a tie, at the first step, and with few earlier trials', () => {
    expect(isWorseThanMedian(five, 1, 3, 1)).toBe(false);
    expect(isWorseThanMedian(five, 0, 99, 1)).toBe(false);
    expect(isWorseThanMedian(five.slice(1), 1, 99, 1)).toBe(false);
    expect(isWorseThanMedian(five, 2, 99, 1)).toBe(false);
  });

  it('uses complete trials only', () => {
    const others = [
      { ...complete(9, 1), state: 'pruned' as const },
      { ...complete(9, 1), state: 'failed' as const },
    ];
    expect(isWorseThanMedian([...five.slice(1), ...others], 1, 99, 1)).toBe(false);
  });
});
