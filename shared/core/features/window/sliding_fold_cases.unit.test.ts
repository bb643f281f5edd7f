import { describe, expect, it } from 'vitest';
import { FoldPlanner } from './fold_plan.ts';

/** Bars that are quick to evaluate; sliding_fold.test.ts has random ones. */
const BARS = 120;
const WINDOWS = [2, 3, 8, 25];
const MINUTES: Readonly<Record<string, (bar: number) => number>> = {
  'of every minute': (bar) => 1001 + bar,
  'an hour apart': (bar) => 1001 + 60 * bar,
  'in runs between holes': (bar) => 1001 + bar + 5 * Math.floor(bar / 3) + 40 * Math.floor(bar / 17),
};
const CASES = Object.keys(MINUTES).flatMap((pace) => WINDOWS.map((window) => ({ pace, window })));

const xOf = (bar: number): number => ((7 * bar * bar + 3 * bar) % 11) - 5;
const yOf = (bar: number): number => ((5 * bar + (bar >> 2)) % 13) - 4;

/** Two series of each kind, with other windows before and after them; the second of three owners. */
function createFolds(window: number) {
  const planner = new FoldPlanner();
  const other = planner.comoments(0, 5);
  const moments = [planner.moments(0, window), planner.moments(0, window)];
  const comoments = [planner.comoments(0, window), planner.comoments(0, window)];
  const means = [planner.mean(0, window), planner.mean(0, window)];
  const last = planner.mean(0, 6);
  const plan = planner.plan();
  const { input, result } = plan;
  const states = plan.createStates(3);
  const state = states[1]!;
  let index = 0;
  return {
    state,
    /** Series 0 takes x and y, series 1 takes y and −3 x; means take distances from −20. */
    push(minute: number, x: number, y: number): number[] {
      const pairs = [
        [x, y],
        [y, -3 * x],
      ] as const;
      pairs.forEach(([a, b], i) => {
        input[moments[i]!.input] = a;
        input[comoments[i]!.input] = a;
        input[comoments[i]!.input + 1] = b;
        input[means[i]!.input] = a + 20;
      });
      input[other.input] = input[last.input] = x;
      input[other.input + 1] = y;
      plan.push(0, state, index, minute);
      const found = pairs.flatMap((_, i) => [
        ...result.subarray(moments[i]!.result, moments[i]!.result + 2),
        ...result.subarray(comoments[i]!.result, comoments[i]!.result + 7),
        result[means[i]!.result]!,
      ]);
      input.fill(1e9);
      plan.push(0, states[0]!, index, minute);
      input.fill(NaN);
      plan.push(0, states[2]!, index, minute);
      index++;
      return found;
    },
    reset(): void {
      plan.reset(state);
      for (const each of [states[0]!, states[2]!]) plan.reset(each);
      index = 0;
    },
  };
}

/** The same from sums of whole numbers, which are exact. */
function expected(xs: readonly number[], ys: readonly number[]): number[] {
  const n = xs.length;
  const total = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
  const ones = xs.map(() => 1);
  const centered = (a: readonly number[], b: readonly number[]): number =>
    (n * total(a, b) - total(a, ones) * total(b, ones)) / n;
  return [
    [xs, ys],
    [ys, xs.map((x) => -3 * x)],
  ].flatMap(([a, b]) => [
    total(a!, ones) / n,
    centered(a!, a!),
    a![0]!,
    b![0]!,
    total(a!, ones) / n - a![0]!,
    total(b!, ones) / n - b![0]!,
    centered(a!, a!),
    centered(b!, b!),
    centered(a!, b!),
    total(a!, ones) / n + 20,
  ]);
}

describe('sliding folds of small windows', () => {
  it.each(CASES)('equal sums over the last $window bars $pace', ({ pace, window }) => {
    const folds = createFolds(window);
    for (let bar = 0; bar < BARS; bar++) {
      const found = folds.push(MINUTES[pace]!(bar), xOf(bar), yOf(bar));
      if (bar < window - 1) {
        expect(found.every(Number.isNaN)).toBe(true);
        continue;
      }
      const bars = Array.from({ length: window }, (_, i) => bar - window + 1 + i);
      const wanted = expected(bars.map(xOf), bars.map(yOf));
      const worst = Math.max(...wanted.map((value, i) => Math.abs(found[i]! - value)));
      expect(worst, `bar ${bar}`).toBeLessThan(1e-10);
      expect([2, 3, 12, 13].map((i) => found[i])).toEqual([2, 3, 12, 13].map((i) => wanted[i]));
    }
  });

  it.each(CASES)('are the same to the bit wherever the bars $pace began, with $window of them', ({ pace, window }) => {
    const minute = MINUTES[pace]!;
    const noise = (bar: number): number => Math.sin(bar * bar);
    const whole = createFolds(window);
    const all = Array.from({ length: BARS }, (_, bar) => whole.push(minute(bar), noise(bar), noise(-7 * bar - 1)));
    const late = createFolds(window);
    for (const from of [1, 4, 11, 30]) {
      late.reset();
      const found: number[][] = [];
      for (let bar = from; bar < BARS; bar++) found.push(late.push(minute(bar), noise(bar), noise(-7 * bar - 1)));
      expect(found.slice(window - 1)).toEqual(all.slice(from + window - 1));
    }
  });

  it.each(CASES)('forget a missing value after $window bars $pace', ({ pace, window }) => {
    const folds = createFolds(window);
    const clean = createFolds(window);
    for (let bar = 0; bar < BARS; bar++) {
      const found = folds.push(MINUTES[pace]!(bar), bar === 50 ? NaN : xOf(bar), yOf(bar));
      const wanted = clean.push(MINUTES[pace]!(bar), xOf(bar), yOf(bar));
      if (bar < 50 || bar >= 50 + window) expect(found).toEqual(wanted);
      else expect([0, 4, 8, 9, 15, 17, 18].map((i) => found[i])).toEqual(Array<number>(7).fill(NaN));
    }
  });

  it('keep room for eight finished blocks, and for more where bars are rare', () => {
    const roomFor = (pace: string): number => {
      const folds = createFolds(25);
      for (let bar = 0; bar < BARS; bar++) folds.push(MINUTES[pace]!(bar), 1, 2);
      return folds.state.capacity;
    };
    expect([roomFor('of every minute'), roomFor('an hour apart')]).toEqual([8, 32]);
  });

  it.each(CASES)('are missing after a reset until there are $window bars $pace again', ({ pace, window }) => {
    const folds = createFolds(window);
    const push = (bar: number): number[] => folds.push(MINUTES[pace]!(bar), xOf(bar), yOf(bar));
    for (let bar = 0; bar < BARS; bar++) push(bar);
    folds.reset();
    const found = Array.from({ length: window }, (_, bar) => push(BARS + bar));
    expect(found.map((values) => values.every(Number.isNaN))).toEqual(found.map((_, i) => i < window - 1));
    expect(found.at(-1)!.some(Number.isNaN)).toBe(false);
  });
});
