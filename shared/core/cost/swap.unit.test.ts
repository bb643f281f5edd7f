import { describe, expect, it } from 'vitest';
import { swapBpsPerNight, type SwapCosts } from './swap.ts';

const swap = (long: number, short: number): SwapCosts => ({
  swap_long_bps_per_night: long,
  swap_short_bps_per_night: short,
});

describe('swapBpsPerNight', () => {
  it('sums what each leg pays on its side, by its share of the notional', () => {
    const a = swap(0.8, -0.3);
    const b = swap(0.1, 0.5);
    // beta 3: a quarter of the capital in A, three quarters in B.
    expect(swapBpsPerNight(1, 3, a, b)).toBeCloseTo(0.25 * 0.8 + 0.75 * 0.5, 12);
    expect(swapBpsPerNight(-1, 3, a, b)).toBeCloseTo(0.25 * -0.3 + 0.75 * 0.1, 12);
  });

  it('has both legs on the same side when beta is negative', () => {
    const a = swap(0.8, -0.3);
    const b = swap(0.1, 0.5);
    expect(swapBpsPerNight(1, -1, a, b)).toBeCloseTo(0.5 * 0.8 + 0.5 * 0.1, 12);
    expect(swapBpsPerNight(-1, -1, a, b)).toBeCloseTo(0.5 * -0.3 + 0.5 * 0.5, 12);
  });
});
