import { expect, it } from 'vitest';
import { DELIVERED_BIAS_LIMITS } from '../../trainer/learning/strategies/direction/gates/bias_limits.fixture.ts';
import { BIAS_PLANS, biasRate } from './bias_rates.ts';

const WORLDS = 20;
/** As docs/reference/MODELS.md states them. */
const REFUSED = { bull: 20, even: 19, swings: 18 };

it.each(BIAS_PLANS)(
  'the delivered limits of bias refuse models of $market markets as stated',
  { timeout: 3_600_000 },
  async (plan) => {
    const { refused, reasons } = await biasRate(plan, WORLDS, DELIVERED_BIAS_LIMITS);
    expect([refused, reasons]).toEqual([REFUSED[plan.market], expect.any(Object)]);
  },
);
