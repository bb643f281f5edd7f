import { expect, it } from 'vitest';
import { DELIVERED_BIAS_LIMITS } from '../../trainer/learning/strategies/direction/gates/bias_limits.fixture.ts';
import { IS_WEEKLY } from '../../test/weekly.ts';
import { BIAS_PLANS, biasRate } from './bias_rates.ts';

/** As docs/reference/MODELS.md states them, and of the first of these worlds. */
const { worlds: WORLDS, refused: REFUSED } = IS_WEEKLY
  ? {
      worlds: 20,
      refused: {
        class_weights: { bull: 20, even: 19, swings: 18, strong_swings: 18 },
        mirror: { bull: 17, even: 15, swings: 16, strong_swings: 11 },
      },
    }
  : {
      worlds: 3,
      refused: {
        class_weights: { bull: 3, even: 3, swings: 3, strong_swings: 3 },
        mirror: { bull: 3, even: 2, swings: 2, strong_swings: 1 },
      },
    };

it.each(BIAS_PLANS)(
  'the delivered limits of bias refuse models of $market markets with $balance as stated',
  { timeout: 3_600_000 },
  async (plan) => {
    const { refused, reasons } = await biasRate(plan, WORLDS, DELIVERED_BIAS_LIMITS);
    const stated = REFUSED[plan.balance][plan.market];
    expect([refused, reasons]).toEqual([stated, expect.any(Object)]);
  },
);
