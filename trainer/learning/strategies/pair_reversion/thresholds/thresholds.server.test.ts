import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../../shared/rng.ts';
import { searchThresholds, type ThresholdMeasure, type ThresholdSearch } from './thresholds.ts';

type Evaluate = (theta1: number, theta2: number) => ThresholdMeasure;

const defaults = {
  range: { theta1: [0.6, 0.85], theta2: [0.2, 0.45] },
  step: 0.01,
  initial: { theta1: 0.7, theta2: 0.3 },
  minTrades: 30,
  passRate: [0.05, 0.4],
  evaluations: 60,
} as const satisfies Omit<ThresholdSearch, 'evaluate'>;

/** A hill, and a ridge across it; fewer trades with a higher θ1 and a lower θ2. */
const smooth =
  (top1: number, top2: number): Evaluate =>
  (theta1, theta2) => {
    const x = (theta1 - top1) / 0.08;
    const y = (theta2 - top2) / 0.06;
    return {
      netSharpe: 1.5 * Math.exp(-(x * x + y * y) / 2) - 0.8 + 0.2 * Math.cos(30 * (theta1 + theta2)),
      trades: Math.round(2000 * (0.9 - theta1) * theta2),
      passRate: theta2 * theta2 * 2,
    };
  };

/** Every pair of the grid: slow and simple. */
function enumerate(evaluate: Evaluate): { theta1: number; theta2: number; netSharpe: number }[] {
  const pairs = [];
  for (let i = 0; i <= 25; i++) {
    for (let j = 0; j <= 25; j++) {
      const theta1 = (60 + i) / 100;
      const theta2 = (20 + j) / 100;
      const { netSharpe, trades, passRate } = evaluate(theta1, theta2);
      if (trades >= 30 && passRate >= 0.05 && passRate <= 0.4) pairs.push({ theta1, theta2, netSharpe });
    }
  }
  return pairs.sort((a, b) => b.netSharpe - a.netSharpe);
}

describe('searchThresholds', () => {
  it.each([
    ['inside', 0.72, 0.31],
    ['in a corner', 0.85, 0.45],
    ['on the border of the pass rate', 0.65, 0.5],
    ['where trades are few', 0.86, 0.22],
  ])('finds the result of enumeration, with a tenth of the evaluations, with the top %s', (_, top1, top2) => {
    const evaluate = smooth(top1, top2);
    const { best, tried } = searchThresholds({ ...defaults, evaluate });
    const all = enumerate(evaluate);
    expect(tried.length).toBeLessThanOrEqual(60);
    expect(best!.netSharpe).toBeGreaterThanOrEqual(all[1]!.netSharpe - 1e-12);
  });

  it('is among the best twentieth of the grid on a rough surface', () => {
    for (let seed = 0; seed < 4; seed++) {
      const rng = createRng(seed);
      const rough = new Map<string, number>();
      const hill = smooth(0.66 + 0.04 * seed, 0.27 + 0.04 * seed);
      const evaluate: Evaluate = (theta1, theta2) => {
        const key = `${theta1}/${theta2}`;
        if (!rough.has(key)) rough.set(key, 0.15 * rng.normal());
        const measure = hill(theta1, theta2);
        return { ...measure, netSharpe: measure.netSharpe + rough.get(key)! };
      };
      const { best } = searchThresholds({ ...defaults, evaluate });
      const all = enumerate(evaluate);
      expect(best!.netSharpe).toBeGreaterThan(all[Math.floor(all.length / 20)]!.netSharpe);
    }
  });

  it('equals enumeration when it may measure every pair and all are equal', () => {
    const { best, tried } = searchThresholds({
      ...defaults,
      range: { theta1: [0.6, 0.64], theta2: [0.3, 0.33] },
      initial: { theta1: 0.6, theta2: 0.3 },
      evaluations: 100,
      evaluate: (theta1, theta2) => ({
        netSharpe: (Math.round(theta1 * 7919 + theta2 * 104_729) % 17) / 10,
        trades: 100,
        passRate: 0.2,
      }),
    });
    expect(tried.length).toBe(20);
    expect(new Set(tried.map(({ theta1, theta2 }) => `${theta1}/${theta2}`)).size).toBe(20);
    expect(best!.netSharpe).toBe(Math.max(...tried.map(({ netSharpe }) => netSharpe)));
  });

  it('tries the current thresholds first, and only pairs of the grid', () => {
    const { tried } = searchThresholds({ ...defaults, evaluate: smooth(0.7, 0.3) });
    expect(tried[0]).toMatchObject({ theta1: 0.7, theta2: 0.3 });
    for (const { theta1, theta2 } of tried) {
      expect(theta1).toBe(Number(theta1.toFixed(2)));
      expect(theta2).toBe(Number(theta2.toFixed(2)));
    }
  });

  it('selects no pair with too few trades or a pass rate out of range, however good its Sharpe ratio', () => {
    const evaluate: Evaluate = (theta1, theta2) => ({
      netSharpe: theta1 > 0.75 ? 9 : theta2 > 0.4 ? 5 : theta1,
      trades: theta1 > 0.75 ? 3 : 100,
      passRate: theta2 > 0.4 ? 0.41 : 0.2,
    });
    const { best } = searchThresholds({ ...defaults, evaluate });
    expect(best!.theta1).toBe(0.75);
    expect(best!.theta2).toBeLessThanOrEqual(0.4);
  });

  it('finds the small part of the grid that is allowed', () => {
    const evaluate: Evaluate = (theta1, theta2) => ({
      netSharpe: theta1,
      trades: Math.round(400 * (0.85 - theta1) + 10),
      passRate: Math.max(0, (theta2 - 0.42) * 4),
    });
    const { best } = searchThresholds({ ...defaults, evaluate });
    expect(best!.theta1).toBe(0.8);
    expect(best!.theta2).toBeGreaterThanOrEqual(0.44);
  });

  it('is null when nothing is allowed, and never selects a missing ratio', () => {
    const nothing: Evaluate = () => ({ netSharpe: NaN, trades: 0, passRate: 0 });
    expect(searchThresholds({ ...defaults, evaluations: 20, evaluate: nothing }).best).toBeNull();
    const noRatio: Evaluate = () => ({ netSharpe: NaN, trades: 100, passRate: 0.2 });
    const { best, tried } = searchThresholds({ ...defaults, evaluations: 20, evaluate: noRatio });
    expect(best).toBeNull();
    expect(tried.length).toBe(20);
  });

  it('gives the same pairs in the same order every time, and reports each', () => {
    const seen: (number | null)[] = [];
    const search = {
      ...defaults,
      evaluations: 25,
      evaluate: smooth(0.72, 0.31),
      onProgress: (done: number, total: number, best: { netSharpe: number } | null): void => {
        expect(total).toBe(25);
        expect(done).toBe(seen.length + 1);
        seen.push(best?.netSharpe ?? null);
      },
    };
    const first = searchThresholds(search);
    expect(seen.length).toBe(first.tried.length);
    expect(seen.at(-1)).toBe(first.best!.netSharpe);
    seen.length = 0;
    expect(searchThresholds(search)).toEqual(first);
  });

  it('refuses an invalid range or step', () => {
    expect(() => searchThresholds({ ...defaults, step: 0, evaluate: smooth(0.7, 0.3) })).toThrow(RangeError);
  });
});
