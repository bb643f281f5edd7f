import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TIMEFRAMES } from '../../shared/pair.ts';
import {
  directionLabels,
  DOWN,
  EVALUATION_LABEL,
  evaluationBars,
  evaluationLabel,
  RANGE,
  UP,
  type DirectionPolicy,
} from './direction.ts';

/** The definition implemented literally: finds each side's first close, then compares. */
function oracle(close: readonly number[], policy: DirectionPolicy, sigma: readonly number[]): [number, number][] {
  return close.map((now, t) => {
    const width = policy.threshold * sigma[t]! * Math.sqrt(policy.horizon);
    const [high, low] =
      policy.unit === 'percent'
        ? [now * (1 + policy.threshold), now * (1 - policy.threshold)]
        : [now * Math.exp(width), now * Math.exp(-width)];
    if (!(high > low)) return [-1, -1];
    const ahead = close.slice(t + 1, t + 1 + policy.horizon);
    const [up, down] = [ahead.findIndex((c) => c > high), ahead.findIndex((c) => c < low)];
    if (up >= 0 && (down < 0 || up < down)) return [UP, t + 1 + up];
    if (down >= 0) return [DOWN, t + 1 + down];
    return ahead.length === policy.horizon ? [RANGE, t + policy.horizon] : [-1, -1];
  });
}

const prices = fc
  .array(fc.double({ min: -0.04, max: 0.04, noNaN: true }), { maxLength: 80 })
  .map((steps) => steps.reduce<number[]>((all, step) => [...all, all.at(-1)! * (1 + step)], [100]));
const policies = fc.record({
  unit: fc.constantFrom('percent' as const, 'sigmas' as const),
  threshold: fc.double({ min: 0.005, max: 0.9, noNaN: true }),
  horizon: fc.integer({ min: 1, max: 30 }),
});

describe('directionLabels', () => {
  it('equals the slow definition on random prices, thresholds and horizons', () => {
    fc.assert(
      fc.property(prices, policies, fc.integer({ min: 0, max: 5 }), (close, policy, missing) => {
        const sigma = close.map((_, t) => (t < missing ? NaN : 0.02 + 0.001 * (t % 7)));
        const { label, end } = directionLabels(close, policy, sigma);
        expect(Array.from(label, (own, t) => [own, end[t]])).toEqual(oracle(close, policy, sigma));
      }),
    );
  });

  it('labels a close exactly on the threshold as range; the first close beyond it decides', () => {
    const flat = (length: number): number[] => new Array<number>(length).fill(100);
    const policy = { unit: 'percent', threshold: 0.5, horizon: 3 } as const;
    for (const closes of [
      [100, 150, 50, 150],
      [100, 50, 150, 50],
    ]) {
      const { label, end } = directionLabels(closes, policy);
      expect([label[0], end[0]]).toEqual([RANGE, 3]);
    }
    expect(directionLabels([100, 151, 40, 151], policy).label[0]).toBe(UP);
    expect([...directionLabels([100, 100, 40, 151], policy).label]).toEqual([DOWN, DOWN, UP, -1]);
    expect(directionLabels(flat(24), EVALUATION_LABEL).label[0]).toBe(-1);
    const { label, end } = directionLabels(flat(25), EVALUATION_LABEL);
    expect([label[0], end[0], label[1]]).toEqual([RANGE, 24, -1]);
  });

  it('takes a threshold of several sigmas; without volatility there is no label', () => {
    const policy = { unit: 'sigmas', threshold: 2, horizon: 1 } as const;
    const { label } = directionLabels([100, 103, 103, 103], policy, [0.01, 0.01, 0, NaN]);
    expect([...label]).toEqual([UP, RANGE, -1, -1]);
  });

  it('depends on no bar after its end', () => {
    fc.assert(
      fc.property(prices, policies, (close, policy) => {
        const sigma = close.map(() => 0.02);
        const { label, end } = directionLabels(close, policy, sigma);
        for (let t = 0; t < close.length; t++) {
          if (end[t]! < 0) continue;
          const cut = directionLabels(close.slice(0, end[t]! + 1), policy, sigma);
          expect([cut.label[t], cut.end[t]]).toEqual([label[t], end[t]]);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('refuses a policy without a threshold, a horizon or the volatility it needs', () => {
    const label = (policy: Partial<DirectionPolicy>) => () =>
      directionLabels([1, 2], { ...EVALUATION_LABEL, ...policy });
    expect(label({ threshold: 0 })).toThrow(/threshold is 0/);
    expect(label({ threshold: 1 })).toThrow(/below 1/);
    expect(label({ horizon: 0 })).toThrow(/horizon is 0/);
    expect(label({ unit: 'sigmas' })).toThrow(/needs the volatility/);
  });
});

describe('evaluationLabel', () => {
  it('is the same at full hours for hourly and shorter bars', () => {
    const steps = fc.array(fc.double({ min: -0.01, max: 0.01, noNaN: true }), { minLength: 300, maxLength: 400 });
    fc.assert(
      fc.property(steps, fc.constantFrom(60, 300, 900), fc.nat(1000), (all, timeframe, shift) => {
        const perHour = 3600 / timeframe;
        const first = shift % perHour;
        const closes = all.reduce<number[]>((to, step) => [...to, to.at(-1)! * (1 + step)], [100]);
        const fine = closes.flatMap((close) => new Array<number>(Math.min(perHour, 4)).fill(close));
        const { policy, everyBars } = evaluationLabel(timeframe);
        const { label, end } = directionLabels(fine, policy, null, everyBars);
        const hourly = fine.filter((_, t) => t % perHour === first);
        const expected = directionLabels(hourly, EVALUATION_LABEL);
        hourly.forEach((_, hour) => {
          const t = first + hour * perHour;
          expect([label[t], end[t]]).toEqual([
            expected.label[hour],
            expected.end[hour]! < 0 ? -1 : first + expected.end[hour]! * perHour,
          ]);
        });
      }),
      { numRuns: 20 },
    );
  });

  it('covers 24 hours at every timeframe', () => {
    expect(evaluationLabel(14_400)).toEqual({ policy: { unit: 'percent', threshold: 0.02, horizon: 6 }, everyBars: 1 });
    expect(evaluationLabel(900)).toEqual({ policy: EVALUATION_LABEL, everyBars: 4 });
    for (const seconds of Object.values(TIMEFRAMES)) {
      const { policy, everyBars } = evaluationLabel(seconds);
      expect([policy.threshold, policy.horizon * everyBars * seconds]).toEqual([0.02, 86_400]);
      expect(evaluationBars(seconds) * seconds).toBe(86_400);
    }
  });
});
