import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TIMEFRAMES } from '../../../../../shared/pair.ts';
import {
  directionLabels,
  DOWN,
  EVALUATION_LABEL,
  evaluationBars,
  evaluationLabel,
  RANGE,
  UP,
  type DirectionPolicy,
  type LabeledBars,
} from './direction.ts';

const HOUR = 3600;

/** Hourly bars without a gap, or at the given hours. */
function hourly(close: readonly number[], hours?: readonly number[]): LabeledBars {
  return { close, time: close.map((_, t) => HOUR * (hours?.[t] ?? t)), timeframe: HOUR };
}

/**
 * The definition implemented literally: for each following hour the newest close by then, if there is one after t; the
 * first of them beyond a barrier decides.
 */
function oracle(
  { close, time }: LabeledBars,
  policy: DirectionPolicy,
  sigma: readonly number[],
): [label: number, end: number][] {
  const closes = Array.from(close);
  const times = Array.from(time);
  return closes.map((now, t) => {
    const width = policy.threshold * sigma[t]! * Math.sqrt(policy.horizon);
    const [high, low] =
      policy.unit === 'percent'
        ? [now * (1 + policy.threshold), now * (1 - policy.threshold)]
        : [now * Math.exp(width), now * Math.exp(-width)];
    if (!(high > low)) return [-1, -1];
    let last = t;
    for (let hour = 1; hour <= policy.horizon; hour++) {
      const until = times[t]! + hour * HOUR;
      if (times.at(-1)! < until) return [-1, -1];
      last = times.findLastIndex((own) => own <= until);
      if (last > t && closes[last]! > high) return [UP, last];
      if (last > t && closes[last]! < low) return [DOWN, last];
    }
    return last > t ? [RANGE, last] : [-1, -1];
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
        const { label, end } = directionLabels(hourly(close), policy, sigma);
        expect(Array.from(label, (own, t) => [own, end[t]])).toEqual(oracle(hourly(close), policy, sigma));
      }),
    );
  });

  it('equals the slow definition where bars are missing', () => {
    const gaps = fc.array(fc.constantFrom(1, 1, 1, 1, 2, 3, 30), { minLength: 81, maxLength: 81 });
    fc.assert(
      fc.property(prices, policies, gaps, (close, policy, steps) => {
        const hours = close.map((_, t) => steps.slice(0, t).reduce((sum, step) => sum + step, 0));
        const sigma = close.map(() => 0.02);
        const bars = hourly(close, hours);
        const { label, end } = directionLabels(bars, policy, sigma);
        expect(Array.from(label, (own, t) => [own, end[t]])).toEqual(oracle(bars, policy, sigma));
      }),
    );
  });

  it('ends 24 hours later by the clock: a move after a closed weekend is not in the label of Friday', () => {
    // Hourly closes of a market that is closed from hour 22 of Friday for 48 hours, and opens 5 % higher.
    const friday = Array.from({ length: 22 }, (_, hour) => hour);
    const sunday = Array.from({ length: 40 }, (_, hour) => 70 + hour);
    const bars = hourly([...friday.map(() => 100), ...sunday.map(() => 105)], [...friday, ...sunday]);
    const { label, end } = directionLabels(bars, EVALUATION_LABEL);
    expect([label[10], end[10]]).toEqual([RANGE, 21]);
    // No close follows its last one within 24 hours.
    expect([label[21], end[21]]).toEqual([-1, -1]);
    expect([label[22], end[22]]).toEqual([RANGE, 46]);
    // With a close in between, the move counts.
    const { label: open } = directionLabels(hourly([100, 100, 105, 105], [0, 1, 20, 30]), EVALUATION_LABEL);
    expect(open[0]).toBe(UP);
  });

  it('labels a close exactly on the threshold as range; the first close beyond it decides', () => {
    const flat = (length: number): number[] => new Array<number>(length).fill(100);
    const policy = { unit: 'percent', threshold: 0.5, horizon: 3 } as const;
    for (const closes of [
      [100, 150, 50, 150],
      [100, 50, 150, 50],
    ]) {
      const { label, end } = directionLabels(hourly(closes), policy);
      expect([label[0], end[0]]).toEqual([RANGE, 3]);
    }
    expect(directionLabels(hourly([100, 151, 40, 151]), policy).label[0]).toBe(UP);
    expect([...directionLabels(hourly([100, 100, 40, 151]), policy).label]).toEqual([DOWN, DOWN, UP, -1]);
    expect(directionLabels(hourly(flat(24)), EVALUATION_LABEL).label[0]).toBe(-1);
    const { label, end } = directionLabels(hourly(flat(25)), EVALUATION_LABEL);
    expect([label[0], end[0], label[1]]).toEqual([RANGE, 24, -1]);
  });

  it('takes a threshold of several sigmas; without volatility there is no label', () => {
    const policy = { unit: 'sigmas', threshold: 2, horizon: 1 } as const;
    const { label } = directionLabels(hourly([100, 103, 103, 103]), policy, [0.01, 0.01, 0, NaN]);
    expect([...label]).toEqual([UP, RANGE, -1, -1]);
  });

  it('depends on no bar after its end', () => {
    fc.assert(
      fc.property(prices, policies, (close, policy) => {
        const sigma = close.map(() => 0.02);
        const { label, end } = directionLabels(hourly(close), policy, sigma);
        for (let t = 0; t < close.length; t++) {
          if (end[t]! < 0) continue;
          const cut = directionLabels(hourly(close.slice(0, end[t]! + 1)), policy, sigma);
          expect([cut.label[t], cut.end[t]]).toEqual([label[t], end[t]]);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('refuses a policy without a threshold, a horizon or the volatility it needs', () => {
    const label = (policy: Partial<DirectionPolicy>) => () =>
      directionLabels(hourly([1, 2]), { ...EVALUATION_LABEL, ...policy });
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
        const { policy, everySeconds } = evaluationLabel(timeframe);
        const bars = { close: fine, time: fine.map((_, t) => t * timeframe), timeframe };
        const { label, end } = directionLabels(bars, policy, null, everySeconds);
        const full = fine.filter((_, t) => t % perHour === first);
        const expected = directionLabels(hourly(full), EVALUATION_LABEL);
        full.forEach((_, hour) => {
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
    expect(evaluationLabel(14_400)).toEqual({
      policy: { unit: 'percent', threshold: 0.02, horizon: 6 },
      everySeconds: 14_400,
    });
    expect(evaluationLabel(900)).toEqual({ policy: EVALUATION_LABEL, everySeconds: HOUR });
    for (const seconds of Object.values(TIMEFRAMES)) {
      const { policy, everySeconds } = evaluationLabel(seconds);
      expect([policy.threshold, policy.horizon * everySeconds]).toEqual([0.02, 86_400]);
      expect(evaluationBars(seconds) * seconds).toBe(86_400);
    }
  });
});
