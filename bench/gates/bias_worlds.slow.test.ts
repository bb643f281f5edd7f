import { expect, it } from 'vitest';
import { DELIVERED_BIAS_LIMITS } from '../../trainer/learning/strategies/direction/gates/bias_limits.fixture.ts';
import { BIAS_PLANS, biasedOf, type BiasPlan } from './bias_rates.ts';

/** What the delivered limits refuse the model of mirror images of the first market of a kind for. */
function biasedFirst(market: BiasPlan['market']): Promise<readonly string[]> {
  const plan = BIAS_PLANS.find((own) => own.market === market && own.balance === 'mirror')!;
  return biasedOf(plan, 0, DELIVERED_BIAS_LIMITS);
}

// How often, in 20 markets of each kind, and as delivered: bias_rates.chain.test.ts.
it(
  'the delivered limits pass a model of mirror images of an even market, and refuse that of a bull market',
  { timeout: 300_000 },
  async () => {
    expect(await biasedFirst('strong_swings')).toEqual([]);
    expect(await biasedFirst('bull')).toEqual(expect.arrayContaining(['buy ratio', 'bull market']));
  },
);
