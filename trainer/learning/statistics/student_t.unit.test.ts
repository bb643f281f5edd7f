import { describe, expect, it } from 'vitest';
import { studentTail, studentUpper } from './student_t.ts';

describe('Student’s t distribution with even degrees of freedom', () => {
  it('has the tail probabilities of scipy.stats.t.sf', () => {
    for (const [t, degrees, p] of [
      [2, 8, 0.04025811897863131],
      [12, 20, 6.797779e-11],
      [0.5, 2, 0.3333333333333333],
      [-1.3, 6, 0.8793474126886069],
      [3, 128, 0.0016228184755939474],
    ] as const)
      expect(studentTail(t, degrees)).toBeCloseTo(p, 14);
    expect([Infinity, -Infinity].map((t) => studentTail(t, 4))).toEqual([0, 1]);
    expect(studentTail(NaN, 4)).toBeNaN();
  });

  it('has quantiles that invert the tail', () => {
    for (const degrees of [2, 4, 8, 22, 128])
      for (const level of [1e-6, 0.005, 0.05, 0.5, 0.8])
        expect(studentTail(studentUpper(level, degrees), degrees)).toBeCloseTo(level, 12);
  });

  it('takes even degrees and levels within (0, 1) alone', () => {
    for (const degrees of [0, 1, 7, NaN]) expect(() => studentTail(1, degrees)).toThrow(RangeError);
    for (const level of [0, 1, -1, NaN]) expect(() => studentUpper(level, 8)).toThrow(RangeError);
  });
});
