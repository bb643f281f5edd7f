import { describe, expect, it } from 'vitest';
import { labelSeconds, timeBlocks } from './time_blocks.ts';

describe('timeBlocks', () => {
  it('sums the rows of each period in order of time, and leaves empty periods out', () => {
    const time = [700, 10, 650, 30, 2000];
    expect(timeBlocks(time, 600, (row) => row + 1)).toEqual({
      sum: Float64Array.of(2 + 4, 1 + 3, 5),
      count: Float64Array.of(2, 2, 1),
    });
    expect(timeBlocks([], 600, () => 1)).toEqual({ sum: new Float64Array(), count: new Float64Array() });
  });
});

describe('labelSeconds', () => {
  it('is what nine labels of ten last at most, so that one over a weekend does not count', () => {
    const time = Float64Array.from({ length: 20 }, (_, i) => i);
    const labelEnd = time.map((from, i) => from + (i === 3 ? 180_000 : 3600));
    expect(labelSeconds({ time, labelEnd })).toBe(3600);
    expect(labelSeconds({ time: [], labelEnd: [] })).toBe(1);
  });
});
