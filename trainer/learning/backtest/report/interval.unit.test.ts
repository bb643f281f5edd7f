import { describe, expect, it } from 'vitest';
import { createRng } from '../../../../shared/rng.ts';
import { TRADING_DAYS_PER_YEAR } from '../../../../shared/bundle/holdout_sharpe.ts';
import { sharpe } from '../performance.ts';
import { shareInterval } from '../../../../shared/bundle/share_interval.ts';
import { meanMargin, sharpeMargin } from './interval.ts';

const RUNS = 2000;

/** Share of seeded samples whose interval contains the true value. */
function coverage(seed: string, isHeld: (rng: ReturnType<typeof createRng>) => boolean): number {
  const rng = createRng(seed);
  return Array.from({ length: RUNS }, () => isHeld(rng)).filter(Boolean).length / RUNS;
}

describe('an interval of 95 %', () => {
  it('of a mean contains it in about 95 of 100 samples', () => {
    const held = coverage('mean', (rng) => {
      const values = Array.from({ length: 60 }, () => 1.5 + 4 * rng.normal());
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return Math.abs(mean - 1.5) <= meanMargin(values)!;
    });
    expect(held).toBeGreaterThan(0.93);
    expect(held).toBeLessThan(0.965);
    expect([meanMargin([]), meanMargin([3])]).toEqual([null, null]);
    // Of 1 and 3: sample variance 2.
    expect(meanMargin([1, 3])).toBeCloseTo(1.959964, 12);
  });

  it('of a share contains it in about 95 of 100 samples, and stays within 0 and 1', () => {
    const held = coverage('share', (rng) => {
      const won = Array.from({ length: 40 }, () => rng.uniform() < 0.35).filter(Boolean).length;
      const [low, high] = shareInterval(won / 40, 40);
      return low <= 0.35 && 0.35 <= high;
    });
    expect(held).toBeGreaterThan(0.92);
    expect(held).toBeLessThan(0.975);
    expect(shareInterval(0, 3)).toEqual([expect.closeTo(0, 12), expect.closeTo(0.5615, 4)]);
    expect(shareInterval(1, 3)).toEqual([expect.closeTo(0.4385, 4), 1]);
  });

  it('of a Sharpe ratio contains it in about 95 of 100 samples', () => {
    const truth = 0.1 * Math.sqrt(TRADING_DAYS_PER_YEAR);
    const held = coverage('sharpe', (rng) => {
      const days = Array.from({ length: 120 }, () => 0.001 + 0.01 * rng.normal());
      const net_sharpe = sharpe(days)!;
      return Math.abs(net_sharpe - truth) <= sharpeMargin({ net_sharpe, trading_days: days.length })!;
    });
    expect(held).toBeGreaterThan(0.93);
    expect(held).toBeLessThan(0.965);
    // A daily ratio of 2: √((1 + 2² / 2) / 100) · √252.
    const daily = 2 * Math.sqrt(TRADING_DAYS_PER_YEAR);
    expect(sharpeMargin({ net_sharpe: daily, trading_days: 100 })).toBeCloseTo(1.959964 * Math.sqrt(0.03 * 252), 10);
    expect(sharpeMargin({ net_sharpe: null, trading_days: 9 })).toBeNull();
  });
});
