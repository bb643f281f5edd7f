import { describe, expect, it } from 'vitest';
import { exp32 } from './gbdt.oracle.ts';

describe('exp32, as the kernel computes it', () => {
  it('is e^t within 2e-7 of it, and almost 0 from −87 down', () => {
    for (let t = -87; t <= 0; t += 0.00137) {
      const x = Math.fround(t);
      expect(Math.abs(exp32(x) / Math.exp(x) - 1)).toBeLessThan(2e-7);
    }
    expect(exp32(0)).toBe(1);
    expect(exp32(-1000)).toBe(exp32(-87));
  });
});
