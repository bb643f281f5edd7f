import { describe, expect, it } from 'vitest';
import { openPaper, type PaperRules } from './paper.ts';

const COSTS = { spread_bps: 0, slippage_bps: 0, commission_bps: 0 };
const RULES = {
  equity: 200,
  risk: 1,
  maxOpenPairs: 1,
  maxHedgeError: 0.2,
  costs: { A: COSTS, B: COSTS },
  currency: 'USD',
} as unknown as PaperRules;

describe('the sizes of a paper position', () => {
  /** What one lot of A at 100 and as much of B at this price become; lots have steps of 0.01. */
  function opened(priceB: number): { readonly lots: readonly number[]; readonly refusal: string } {
    const prices = [100, priceB] as const;
    const { fills } = openPaper(
      { held: null, prices, realised: 0, ticket: 1 },
      {
        order: {
          order: 'open',
          positionId: 'p',
          maxAgeBars: 10,
          scale: 1,
          legs: [
            { symbol: 'A', side: 'BUY', weight: 1 },
            { symbol: 'B', side: 'SELL', weight: 1 },
          ],
        } as never,
        signal: {
          pair_id: 'A_B',
          price_a: prices[0],
          price_b: prices[1],
          generated_at_ms: 0,
          valid_until_ms: 1,
        } as never,
        refusal: '',
        equity: 200,
        rules: RULES,
        moment: { market: 'live', pairId: 'A_B', nowMs: 0 } as never,
      },
    );
    return { lots: fills.map(({ lots }) => lots), refusal: fills[0]!.error };
  }

  it('are refused where the steps of lots make leg B too small, or too large, for leg A', () => {
    expect(opened(100 / 0.0105)).toEqual({ lots: [1, 0.01], refusal: '' });
    expect(opened(100 / 0.0149).refusal).toBe('SIZE_HEDGE_ERROR -0.329');
    expect(opened(100 / 0.006).refusal).toBe('SIZE_HEDGE_ERROR 0.667');
  });
});
