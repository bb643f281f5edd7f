import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlidingComoments } from './comoments.ts';
import { Lag } from './lag.ts';
import { SlidingMoments } from './moments.ts';

const mean = (values: number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const centredProduct = (x: number[], y: number[]): number => {
  const mx = mean(x);
  const my = mean(y);
  return x.reduce((sum, v, i) => sum + (v - mx) * (y[i]! - my), 0);
};

/** Minutes with gaps and a value each: a market with holes. */
const series = fc.array(
  fc.record({
    gap: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 200 })),
    x: fc.double({ min: -10, max: 10, noNaN: true }),
    y: fc.double({ min: -10, max: 10, noNaN: true }),
  }),
  { minLength: 1, maxLength: 400 },
);
const withMinutes = (
  steps: { gap: number; x: number; y: number }[],
  origin: number,
): { minute: number; x: number; y: number }[] => {
  let minute = origin;
  return steps.map(({ gap, x, y }) => ({ minute: (minute += gap), x, y }));
};

describe('sliding windows', () => {
  it('equal a two-pass recomputation of the window', () => {
    fc.assert(
      fc.property(
        series,
        fc.integer({ min: 1, max: 150 }),
        fc.integer({ min: 0, max: 1e7 }),
        (steps, window, origin) => {
          const moments = new SlidingMoments(window);
          const comoments = new SlidingComoments(window, 1e-12);
          const seen: { x: number; y: number }[] = [];
          for (const { minute, x, y } of withMinutes(steps, origin)) {
            moments.push(minute, x);
            comoments.push(minute, x, y);
            seen.push({ x, y });
            expect(moments.full).toBe(seen.length >= window);
            if (!moments.full) continue;
            const xs = seen.slice(-window).map((point) => point.x);
            const ys = seen.slice(-window).map((point) => point.y);
            expect(moments.mean).toBeCloseTo(mean(xs), 9);
            expect(moments.std).toBeCloseTo(window > 1 ? Math.sqrt(centredProduct(xs, xs) / (window - 1)) : 0, 9);
            expect(comoments.meanX).toBeCloseTo(mean(xs), 9);
            expect(comoments.meanY).toBeCloseTo(mean(ys), 9);
            if (centredProduct(xs, xs) > 1e-6)
              expect(comoments.slope * centredProduct(xs, xs)).toBeCloseTo(centredProduct(xs, ys), 8);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('are a pure function of their last observations, to the bit', () => {
    fc.assert(
      fc.property(
        series,
        fc.integer({ min: 1, max: 150 }),
        fc.integer({ min: 0, max: 1e7 }),
        (steps, window, origin) => {
          const all = withMinutes(steps, origin);
          const long = new SlidingComoments(window, 1e-12);
          for (const { minute, x, y } of all) long.push(minute, x, y);
          if (!long.full) return;
          const short = new SlidingComoments(window, 1e-12);
          for (const { minute, x, y } of all.slice(-window)) short.push(minute, x, y);
          expect(short.full).toBe(true);
          expect([short.meanX, short.meanY, short.slope, short.correlation]).toEqual([
            long.meanX,
            long.meanY,
            long.slope,
            long.correlation,
          ]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('do not accumulate rounding over a million updates of prices far from zero', () => {
    const window = 240;
    const comoments = new SlidingComoments(window, 1e-12);
    const xs: number[] = [];
    const ys: number[] = [];
    let x = 7.17;
    let state = 1;
    for (let minute = 0; minute < 1_000_000; minute++) {
      state = (state * 1103515245 + 12345) % 2147483648;
      x += (state / 2147483648 - 0.5) * 1e-4;
      const y = 0.8 * x + (((state * 7) % 1000) / 1000 - 0.5) * 1e-4;
      comoments.push(minute, x, y);
      if (minute >= 1_000_000 - window) {
        xs.push(x);
        ys.push(y);
      }
    }
    const exact = centredProduct(xs, ys) / centredProduct(xs, xs);
    expect(Math.abs(comoments.slope - exact)).toBeLessThan(1e-9 * Math.abs(exact));
  });

  it('give exactly zero for a constant series', () => {
    const moments = new SlidingMoments(100);
    const comoments = new SlidingComoments(100, 1e-12);
    for (let minute = 0; minute < 500; minute++) {
      moments.push(minute, 0.1);
      comoments.push(minute, 0.1, minute);
    }
    expect(moments.std).toBe(0);
    expect(comoments.slope).toBe(0);
    expect(comoments.correlation).toBe(0);
  });

  it('refuse a window that is not a positive integer', () => {
    expect(() => new SlidingMoments(0)).toThrow(RangeError);
    expect(() => new SlidingMoments(1.5)).toThrow(RangeError);
    expect(() => new Lag(0)).toThrow(RangeError);
  });
});

describe('Lag', () => {
  it('gives the value of lag bars ago and NaN before there is one', () => {
    const lag = new Lag(3);
    expect([1, 2, 3, 4, 5].map((value) => lag.push(value))).toEqual([NaN, NaN, NaN, 1, 2]);
  });
});
