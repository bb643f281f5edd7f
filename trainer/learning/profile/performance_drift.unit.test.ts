import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import { compareAuc, compareWinRate, isWin, passRate } from './performance_drift.ts';

const holdout = (auc: number | null, rows = 20_000): Parameters<typeof compareAuc>[2] =>
  ({ auc, rows, label_mean: 0.5 }) as Parameters<typeof compareAuc>[2];

/** So many trades of which this share wins, evenly spread over the days. */
function tradesOf(count: number, share: number): { scale: number; netBps: number }[] {
  return Array.from({ length: count }, (_, i) => ({
    scale: 0.5,
    netBps: Math.floor((i + 1) * share) > Math.floor(i * share) ? 3 : -3,
  }));
}

describe('compareAuc', () => {
  it('treats a much lower AUC on many independent labels as more than chance, on few as chance', () => {
    const many = compareAuc(0.5, { rows: 20_000, positives: 2000, negatives: 2000 }, holdout(0.62));
    expect(many.gap).toBeCloseTo(-0.194, 3);
    expect(Math.abs(many.gap!)).toBeGreaterThan(many.gap_noise);
    const few = compareAuc(0.5, { rows: 20_000, positives: 60, negatives: 60 }, holdout(0.62));
    expect(few.gap).toBe(many.gap);
    expect(few.gap_noise).toBeGreaterThan(0.19);
  });

  it('treats a handful of labels in a perfect order, or in a perfectly wrong one, as chance', () => {
    for (const live of [0, 1]) {
      const few = compareAuc(live, { rows: 40, positives: 40, negatives: 40 }, holdout(0.66));
      expect(few.gap_noise).toBeGreaterThan(0.3);
      expect(compareAuc(live, { rows: 9, positives: 2, negatives: 7 }, holdout(0.66)).gap_noise).toBe(Infinity);
    }
  });

  it('compares nothing where one of the two does not exist', () => {
    const counts = { rows: 0, positives: 0, negatives: 0 };
    expect(compareAuc(null, counts, holdout(0.6))).toMatchObject({ gap: null, gap_noise: Infinity });
    expect(compareAuc(0.6, { rows: 10, positives: 5, negatives: 5 }, holdout(null))).toMatchObject({ gap: null });
    const many = { rows: 20_000, positives: 2000, negatives: 2000 };
    expect(compareAuc(0.6, many, null)).toMatchObject({ live: 0.6, bundle: null, gap: null, gap_noise: Infinity });
  });
});

describe('compareWinRate', () => {
  const days = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i % 17);

  it('treats a win rate that fell by half in many trades as more than chance, in a few as chance', () => {
    const bundle = { trades: 400, wins: 240 };
    const many = compareWinRate(tradesOf(300, 0.3), days(300), 20, bundle);
    expect(many.gap).toBeCloseTo(-0.5, 1);
    expect(Math.abs(many.gap!)).toBeGreaterThan(many.gap_noise);
    const few = compareWinRate(tradesOf(24, 0.3), days(24), 20, bundle);
    expect(few.gap_noise).toBeGreaterThan(0.4);
    expect(compareWinRate(tradesOf(10, 0.3), days(10), 20, bundle).gap_noise).toBe(Infinity);
  });

  it('is less certain where the trades of a day win or lose together', () => {
    const bundle = { trades: 400, wins: 240 };
    const rng = createRng('win rate/days');
    const won = Array.from({ length: 20 }, () => rng.uniform() < 0.5);
    const together = Array.from({ length: 300 }, (_, i) => ({ scale: 1, netBps: won[i % 17]! ? 1 : -1 }));
    const apart = Array.from({ length: 300 }, () => ({ scale: 1, netBps: rng.uniform() < 0.5 ? 1 : -1 }));
    const noise = (trades: typeof apart): number => compareWinRate(trades, days(300), 20, bundle).gap_noise;
    expect(noise(together)).toBeGreaterThan(2 * noise(apart));
  });

  it('compares nothing without a backtest of the bundle or without trades, and a trade of size 0 is no win', () => {
    expect(compareWinRate(tradesOf(50, 0.5), days(50), 20, null)).toMatchObject({ bundle: null, gap: null });
    expect(compareWinRate([], [], 0, { trades: 9, wins: 4 })).toMatchObject({ live: null, gap: null });
    expect(tradesOf(4, 0.5).filter(isWin)).toHaveLength(2);
    expect(isWin({ scale: 0, netBps: 5 })).toBe(false);
  });
});

describe('passRate', () => {
  it('is more certain with more time blocks', () => {
    const of = (blocks: number): number => {
      const passed = Array.from({ length: 600 }, (_, i) => (Math.floor((i * blocks) / 600) % 2 === 0 ? 1 : 0));
      const rate = passRate(
        passed,
        passed.map((_, i) => Math.floor((i * blocks) / 600)),
        blocks,
      );
      expect(rate).toMatchObject({ live: 0.5, candidates: 600 });
      return rate.noise;
    };
    expect(of(10)).toBeGreaterThan(2 * of(60));
    expect(passRate([], [], 0)).toEqual({ live: null, noise: Infinity, candidates: 0 });
  });
});
