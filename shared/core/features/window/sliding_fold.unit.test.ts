import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FoldPlanner } from './fold_plan.ts';
import { LagRing } from './lag_ring.ts';
import type { FoldState } from './sliding_fold.ts';

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const centeredProduct = (x: readonly number[], y: readonly number[]): number => {
  const mx = mean(x);
  const my = mean(y);
  return x.reduce((sum, v, i) => sum + (v - mx) * (y[i]! - my), 0);
};

interface Point {
  readonly minute: number;
  readonly x: number;
  readonly y: number;
}
interface Windows {
  readonly moments: number;
  readonly comoments: number;
  readonly mean: number;
}

/** One series of each kind; equal windows share a fold. */
function createFolds(windows: Windows) {
  const planner = new FoldPlanner();
  const moments = planner.moments(0, windows.moments);
  const comoments = planner.comoments(0, windows.comoments);
  const size = planner.mean(0, windows.mean);
  const plan = planner.plan();
  const state = plan.createState();
  let index = 0;
  return {
    push({ minute, x, y }: Point): number[] {
      plan.input[moments.input] = x;
      plan.input[comoments.input] = x;
      plan.input[comoments.input + 1] = y;
      plan.input[size.input] = Math.abs(x);
      plan.push(0, state, index++, minute);
      const { result } = plan;
      return [
        ...result.subarray(moments.result, moments.result + 2),
        result[comoments.result]! + result[comoments.result + 2]!,
        result[comoments.result + 1]! + result[comoments.result + 3]!,
        ...result.subarray(comoments.result + 4, comoments.result + 7),
        result[size.result]!,
      ];
    },
    reset(): void {
      plan.reset(state);
      index = 0;
    },
  };
}

/** The same from the whole window, in two passes; NaN where it is not full. */
function naive(points: readonly Point[], windows: Windows): number[] {
  const last = (window: number, of: (point: Point) => number): number[] =>
    points.length < window ? [NaN] : points.slice(-window).map(of);
  const x = last(windows.moments, (p) => p.x);
  const cx = last(windows.comoments, (p) => p.x);
  const cy = last(windows.comoments, (p) => p.y);
  return [
    mean(x),
    centeredProduct(x, x),
    mean(cx),
    mean(cy),
    centeredProduct(cx, cx),
    centeredProduct(cy, cy),
    centeredProduct(cx, cy),
    mean(last(windows.mean, (p) => Math.abs(p.x))),
  ];
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expected.forEach((value, i) => {
    if (Number.isNaN(value)) expect(found[i], `result ${i}`).toBeNaN();
    else expect(Math.abs(found[i]! - value), `result ${i}: ${found[i]} instead of ${value}`).toBeLessThan(1e-9);
  });
}

/** Evenly spread over the range; fast-check's own doubles are nearly all tiny. */
const evenly = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: 1_000_000 }).map((share) => min + ((max - min) * share) / 1_000_001);

/** Minutes with holes from none to years: dense, sparse and mixed markets. */
const points = fc
  .record({
    origin: fc.integer({ min: 0, max: 3e7 }),
    longest: fc.constantFrom(1, 3, 200, 5_000),
    holes: fc.oneof(fc.constant(1), evenly(0, 1)),
    steps: fc.array(
      fc.record({
        gap: evenly(0, 1),
        hole: evenly(0, 1),
        x: evenly(-10, 10),
        y: evenly(-10, 10),
      }),
      { minLength: 1, maxLength: 500, size: 'max' },
    ),
  })
  .map(({ origin, longest, holes, steps }): Point[] => {
    let minute = origin;
    return steps.map(({ gap, hole, x, y }) => ({
      minute: (minute += hole < holes ? 1 + Math.floor(gap * longest) : 1),
      x,
      y,
    }));
  });
const window = fc.integer({ min: 2, max: 150 });
const windows = fc.oneof(
  fc.record({ moments: window, comoments: window, mean: window }),
  window.map((each) => ({ moments: each, comoments: each, mean: each })),
);

// Code that is instrumented for mutation testing is slow: fewer runs, and no million updates.
const isMutated = process.env['MUTATION_TESTS'] !== undefined;
const runs = (count: number): { numRuns: number } => ({ numRuns: isMutated ? Math.ceil(count / 10) : count });

describe('sliding folds', () => {
  it('equal a two-pass recomputation of the window, in dense and in sparse markets', () => {
    fc.assert(
      fc.property(points, windows, (all, wanted) => {
        const folds = createFolds(wanted);
        all.forEach((point, t) => expectClose(folds.push(point), naive(all.slice(0, t + 1), wanted)));
      }),
      runs(60),
    );
  });

  it('keep several series of each kind apart in one window', () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 2, max: 40 }), (all, wanted) => {
        const planner = new FoldPlanner();
        const scales = [1, -3, 0.5];
        const moments = scales.map(() => planner.moments(0, wanted));
        const comoments = scales.map(() => planner.comoments(0, wanted));
        const means = scales.map(() => planner.mean(0, wanted));
        const plan = planner.plan();
        const { input, result } = plan;
        const state = plan.createState();
        all.forEach(({ minute, x, y }, t) => {
          scales.forEach((scale, i) => {
            input[moments[i]!.input] = scale * x;
            input[comoments[i]!.input] = scale * x;
            input[comoments[i]!.input + 1] = y - scale * x;
            input[means[i]!.input] = Math.abs(scale * x);
          });
          plan.push(0, state, t, minute);
          const soFar = all.slice(0, t + 1);
          scales.forEach((scale, i) => {
            const own = soFar.map((point) => ({ minute, x: scale * point.x, y: point.y - scale * point.x }));
            const of = comoments[i]!.result;
            expectClose(
              [
                ...result.subarray(moments[i]!.result, moments[i]!.result + 2),
                result[of]! + result[of + 2]!,
                result[of + 1]! + result[of + 3]!,
                ...result.subarray(of + 4, of + 7),
                result[means[i]!.result]!,
              ],
              naive(own, { moments: wanted, comoments: wanted, mean: wanted }),
            );
          });
        });
      }),
      runs(10),
    );
  });

  it('are a pure function of their last observations, to the bit, wherever they began', () => {
    fc.assert(
      fc.property(points, windows, fc.nat(), (all, wanted, cut) => {
        const longest = Math.max(wanted.moments, wanted.comoments, wanted.mean);
        const from = cut % all.length;
        const whole = createFolds(wanted);
        const late = createFolds(wanted);
        all.forEach((point, t) => {
          const found = whole.push(point);
          if (t < from) return;
          const again = late.push(point);
          if (t >= from + longest - 1) expect(again).toEqual(found);
        });
      }),
      runs(300),
    );
  });

  it('make a state that was reset as good as new', () => {
    fc.assert(
      fc.property(points, points, windows, (before, after, wanted) => {
        const used = createFolds(wanted);
        for (const point of before) used.push(point);
        used.reset();
        const fresh = createFolds(wanted);
        for (const point of after) expect(used.push(point)).toEqual(fresh.push(point));
      }),
      runs(100),
    );
  });

  it('are NaN while a missing value is in the window, and unaffected by it once it has left', () => {
    const wanted = { moments: 12, comoments: 12, mean: 7 };
    const folds = createFolds(wanted);
    const clean = createFolds(wanted);
    for (let t = 0; t < 60; t++) {
      const point = { minute: 100 + t, x: Math.sin(t), y: Math.cos(t) };
      const found = folds.push(t === 20 ? { ...point, x: NaN } : point);
      const expected = clean.push(point);
      if (t >= 20 && t < 20 + 7) expect(found[7]).toBeNaN();
      if (t >= 20 && t < 20 + 12) {
        expect([found[0], found[1], found[2], found[4], found[6]]).toEqual([NaN, NaN, NaN, NaN, NaN]);
        expect([found[3], found[5]]).toEqual([expected[3], expected[5]]);
      }
      if (t < 20 || t >= 20 + 12) expect(found).toEqual(expected);
    }
  });

  it.skipIf(isMutated)('do not accumulate rounding over a million updates of prices far from zero', () => {
    const wanted = { moments: 240, comoments: 240, mean: 240 };
    const folds = createFolds(wanted);
    const last: Point[] = [];
    let x = 7.17;
    let seed = 1;
    let found: number[] = [];
    for (let minute = 0; minute < 1_000_000; minute++) {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      x += (seed / 2147483648 - 0.5) * 1e-4;
      const y = 0.8 * x + (((seed * 7) % 1000) / 1000 - 0.5) * 1e-4;
      found = folds.push({ minute, x, y });
      if (minute >= 1_000_000 - 240) last.push({ minute, x, y });
    }
    const exact = naive(last, wanted);
    found.forEach((value, i) => expect(Math.abs(value - exact[i]!) / Math.abs(exact[i]!)).toBeLessThan(1e-11));
  });

  it('have exactly no variance in a constant series', () => {
    const folds = createFolds({ moments: 100, comoments: 60, mean: 30 });
    let found: number[] = [];
    for (let minute = 0; minute < 500; minute++) found = folds.push({ minute, x: 0.1, y: minute });
    expect([found[0], found[1], found[2], found[4], found[6], found[7]]).toEqual([0.1, 0, 0.1, 0, 0, 0.1]);
  });

  it('have a mean that lies within the values, however small or large they are', () => {
    const value = fc.oneof(
      fc.double({ min: 0, max: 1.7e308, noNaN: true }),
      evenly(0, 10),
      fc.constantFrom(5e-324, 1.7e308, 1e-300),
    );
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 40, maxLength: 120, size: 'max' }),
        fc.integer({ min: 2, max: 30 }),
        (xs, size) => {
          const folds = createFolds({ moments: 2, comoments: 2, mean: size });
          xs.forEach((x, t) => {
            const found = folds.push({ minute: t, x, y: 0 })[7]!;
            if (t + 1 < size) return;
            const values = xs.slice(t + 1 - size, t + 1);
            // One rounding beyond the extremes is all that a mean of means may be.
            expect(found).toBeGreaterThanOrEqual(Math.min(...values) * (1 - 1e-14));
            expect(found).toBeLessThanOrEqual(Math.max(...values) * (1 + 1e-14));
            if (Math.min(...values) > 0) expect(found).toBeGreaterThan(0);
          });
        },
      ),
      runs(200),
    );
  });

  it('make room for more than eight blocks only where bars are rare, and then for those of one window', () => {
    const capacityAfter = (minutesApart: number): number => {
      const planner = new FoldPlanner();
      const series = planner.moments(0, 100);
      const plan = planner.plan();
      const state = plan.createState();
      for (let index = 0; index < 5000; index++) {
        plan.input[series.input] = index;
        plan.push(0, state, index, 25_000_000 + index * minutesApart);
      }
      expect(plan.result[series.result]).toBeCloseTo(4949.5, 9);
      return state.capacity;
    };
    expect(capacityAfter(1)).toBe(8);
    expect(capacityAfter(60)).toBe(128);
  });

  it('keep owners that share memory apart, to the bit, and reset one of them alone', () => {
    const planner = new FoldPlanner();
    const short = planner.moments(0, 3);
    const long = planner.comoments(0, 8);
    const plan = planner.plan();
    const bars = Array.from({ length: 60 }, (_, i) => ({
      owner: (i * i + (i >> 3)) % 3,
      minute: 1000 + i,
      value: Math.sin(i),
    }));
    const run = (states: readonly FoldState[], only: readonly number[], resetAt: number): Float64Array[] => {
      const counts = states.map(() => 0);
      return bars.flatMap(({ owner, minute, value }, i) => {
        if (!only.includes(owner)) return [];
        if (i === resetAt) {
          plan.reset(states[owner]!);
          counts[owner] = 0;
        }
        plan.input[short.input] = plan.input[long.input] = value;
        plan.input[long.input + 1] = value * value;
        plan.push(0, states[owner]!, counts[owner]!++, minute);
        return [plan.result.slice()];
      });
    };
    const together = run(plan.createStates(3), [0, 1, 2], 31);
    for (const owner of [0, 1, 2]) {
      const alone = run(
        [0, 1, 2].map(() => plan.createState()),
        [owner],
        31,
      );
      expect(together.filter((_, i) => bars[i]!.owner === owner)).toEqual(alone);
    }
    expect(bars[31]!.owner).toBe(1);
  });

  it('have no position before the plan is made', () => {
    const planner = new FoldPlanner();
    const series = planner.moments(0, 2);
    expect(series).toEqual({ input: -1, result: -1 });
    planner.plan();
    expect(series).toEqual({ input: 0, result: 0 });
  });

  it('refuse a window that is not an integer above 1', () => {
    const planner = new FoldPlanner();
    expect(() => planner.moments(0, 1)).toThrow(new RangeError('window 1 is not an integer above 1'));
    expect(() => planner.comoments(0, 2.5)).toThrow(new RangeError('window 2.5 is not an integer above 1'));
    expect(() => planner.mean(0, NaN)).toThrow(new RangeError('window NaN is not an integer above 1'));
  });
});

describe('LagRing', () => {
  /** What each owner read after each of these steps of [owner, value]. */
  function readBy(lags: LagRing, owners: number, steps: readonly (readonly [number, number])[]): number[][] {
    const rows = lags.createRows(owners);
    return steps.map(([owner, value]) => {
      const at = lags.next(rows, owner);
      const before = [rows.values[at]!, rows.values[at + 1]!];
      rows.values[at] = value;
      rows.values[at + 1] = -value;
      return before;
    });
  }

  it('gives the row of so many bars ago, and NaN before there is one', () => {
    const steps = [1, 2, 3, 4, 5, 6, 7].map((value) => [0, value] as const);
    expect(readBy(new LagRing(3, 2), 1, steps)).toEqual([
      ...[1, 2, 3].map(() => [NaN, NaN]),
      ...[1, 2, 3, 4].map((value) => [value, -value]),
    ]);
  });

  it('gives the row of the bar before with a lag of 1', () => {
    const steps = [1, 2, 3].map((value) => [0, value] as const);
    expect(readBy(new LagRing(1, 2), 1, steps)).toEqual([
      [NaN, NaN],
      [1, -1],
      [2, -2],
    ]);
  });

  it('keeps the rows of owners apart, however their bars alternate', () => {
    const steps = [0, 2, 2, 1, 2, 0, 2, 0, 1, 0, 1, 0, 1].map((owner, i) => [owner, i] as const);
    const lags = new LagRing(2, 2);
    const together = readBy(lags, 3, steps);
    for (const owner of [0, 1, 2]) {
      const own = steps.filter(([of]) => of === owner).map(([, value]) => [0, value] as const);
      expect(together.filter((_, i) => steps[i]![0] === owner)).toEqual(readBy(lags, 1, own));
    }
  });

  it('refuses a lag that is not a positive integer', () => {
    expect(() => new LagRing(0, 1)).toThrow(new RangeError('lag 0 is not a positive integer'));
    expect(() => new LagRing(2.5, 1)).toThrow(new RangeError('lag 2.5 is not a positive integer'));
  });
});
