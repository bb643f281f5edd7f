import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { EProcess, eValue } from './e_process.ts';

const FRACTIONS = [0.03, 0.08, 0.16, 0.3, 0.5, 0.7, 0.9];

/** Literal definition, value by value and process by process, with Math.exp and Math.log. */
function averageEValue(
  values: readonly (readonly [number, number])[],
  horizon: number,
  sign: number,
  mean = 0,
): number {
  const processes = Array.from({ length: horizon }, (_, k) => values.filter(([step]) => step % horizon === k));
  const scale = 1 + Math.abs(mean);
  const ofProcess = (process: typeof values): number =>
    FRACTIONS.reduce((sum, f) => {
      const factors = process.map(([, value]) => {
        const y = (sign * value - mean) / scale;
        return Math.exp(f * y - (-Math.log(1 - f) - f) * y * y);
      });
      return sum + factors.reduce((product, factor) => product * factor, 1);
    }, 0) / FRACTIONS.length;
  return processes.reduce((sum, process) => sum + ofProcess(process), 0) / horizon;
}

const stream = fc.array(fc.tuple(fc.nat(500), fc.double({ min: -1, max: 1, noNaN: true })), { maxLength: 60 });

describe('the e-process', () => {
  it('equals its definition after any values, in both directions', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 7 }), (values, horizon) => {
        const process = new EProcess(horizon);
        for (const [step, value] of values) process.add(step, value);
        expect(process.above / averageEValue(values, horizon, 1)).toBeCloseTo(1, 9);
        expect(process.below / averageEValue(values, horizon, -1)).toBeCloseTo(1, 9);
      }),
    );
  });

  it('has an expectation of at most 1 for any distribution with a mean of at most 0', () => {
    const x = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(x, x, (high, low) => {
        // Two points, −low and high, with mean 0.
        const weight = high + low === 0 ? 1 : low / (high + low);
        const expected = weight * eValue(1, high, high * high, 0) + (1 - weight) * eValue(1, -low, low * low, 0);
        expect(expected).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });

  it('has an interval that contains the mean, and outside of which the e-value is decisive', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 5 }), (values, horizon) => {
        const process = new EProcess(horizon);
        for (const [step, value] of values) process.add(step, value);
        const [low, high] = process.interval(0.05);
        expect(low).toBeLessThanOrEqual(process.mean);
        expect(high).toBeGreaterThanOrEqual(process.mean);
        if (low > -1) expect(averageEValue(values, horizon, 1, low)).toBeGreaterThan(39.9);
        if (high < 1) expect(averageEValue(values, horizon, -1, -high)).toBeGreaterThan(39.9);
      }),
      { numRuns: 50 },
    );
  });

  it('reaches 20 under the null at most once in 20, checked after every value of overlapping outcomes', () => {
    const runs = 200;
    const horizon = 20;
    let reached = 0;
    for (let run = 0; run < runs; run++) {
      const rng = createRng(`null ${run}`);
      const process = new EProcess(horizon);
      let outcome = 0;
      let most = 0;
      for (let step = 0; step < 1200; step++) {
        // An outcome is shared by all steps of a horizon: values within it are equal.
        if (step % horizon === 0) outcome = rng.uniform() < 0.5 ? -0.5 : 0.5;
        process.add(step, outcome);
        most = Math.max(most, process.above);
      }
      if (most >= 20) reached++;
    }
    expect(reached / runs).toBeLessThanOrEqual(0.05);
  });

  it('covers the mean at all times at once', () => {
    const runs = 60;
    let missed = 0;
    for (let run = 0; run < runs; run++) {
      const rng = createRng(`cover ${run}`);
      const process = new EProcess(1);
      let isOut = false;
      for (let step = 0; step < 400; step++) {
        process.add(step, rng.uniform() < 0.6 ? 0.5 : -0.5);
        if (step % 20 !== 19) continue;
        const [low, high] = process.interval(0.05);
        isOut ||= low > 0.1 || high < 0.1;
      }
      if (isOut) missed++;
    }
    expect(missed).toBeLessThanOrEqual(3 + 4);
  });

  it('finds an advantage', () => {
    const rng = createRng('advantage');
    const process = new EProcess(10);
    for (let step = 0; step < 4000; step++) process.add(step, 0.1 + 0.3 * (2 * rng.uniform() - 1));
    expect(process.above).toBeGreaterThan(1000);
    expect(process.below).toBeLessThan(1);
    expect(process.interval(0.05)[0]).toBeGreaterThan(0);
  });
});
