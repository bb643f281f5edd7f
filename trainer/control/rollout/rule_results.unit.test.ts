import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../shared/rng.ts';
import type { InstrumentBody } from '../../../shared/signal/instrument_signal.ts';
import { barResults } from '../../jobs/comparison/rule_results.ts';
import { closedResults } from '../../jobs/comparison/closed_results.ts';
import { resultAdvantageOf } from '../../jobs/comparison/result_advantage.ts';
import { EProcess } from './e_process.ts';

const COST_BPS = 12;

/** Answers of a rule that is flat, long or short: an arm never turns at once. */
function bodiesOf(steps: readonly { readonly wanted: number; readonly move: number }[]): InstrumentBody[] {
  let held = 0;
  let price = 100;
  return steps.map(({ wanted, move }) => {
    price *= 1 + move;
    const target = held === 0 ? wanted : wanted === held ? held : 0;
    const action = held === 0 && target !== 0 ? 'ENTER' : held !== 0 && target === 0 ? 'EXIT' : 'HOLD';
    held = target;
    return { pair_id: 'BTCUSDT@1h', action, price, target } as unknown as InstrumentBody;
  });
}

const steps = fc.array(
  fc.record({ wanted: fc.constantFrom(-1, 0, 1), move: fc.double({ min: -0.05, max: 0.05, noNaN: true }) }),
  { minLength: 2, maxLength: 80 },
);

describe('results of bars', () => {
  it('add up to the results of the trades that they belong to', () => {
    fc.assert(
      fc.property(steps, (own) => {
        const bodies = bodiesOf([...own, { wanted: 0, move: 0.01 }]);
        const ofBars = bodies.map(barResults(COST_BPS)).reduce((sum, bps) => sum + bps, 0);
        const ofTrades = bodies.map(closedResults(COST_BPS)).reduce<number>((sum, bps) => sum + (bps ?? 0), 0);
        expect(ofBars).toBeCloseTo(ofTrades, 6);
      }),
    );
  });

  it('of a position whose entry is not known are none', () => {
    const exit = { pair_id: 'BTCUSDT@1h', action: 'EXIT', price: 90, target: 0 } as unknown as InstrumentBody;
    expect([exit, exit].map(barResults(COST_BPS))).toEqual([0, 0]);
  });

  it('count at most 200 bps of a bar in the e-values, and wholly in the mean', () => {
    expect(resultAdvantageOf(50)).toMatchObject({ logLoss: 0.25, brier: 0.25, logLossSum: 50, labels: 1 });
    expect(resultAdvantageOf(-900)).toMatchObject({ logLoss: -1, logLossSum: -900 });
  });

  it('of two rules without any difference reach the e-value of 20 at a chosen look in at most 5 % of rollouts', () => {
    const rng = createRng('equal rules');
    let reached = 0;
    const rollouts = 400;
    for (let rollout = 0; rollout < rollouts; rollout++) {
      const evidence = new EProcess(1);
      for (let hour = 0; hour < 28 * 24; hour++) {
        // One holds, the other does not; volatility clusters, and tails are heavy.
        const volatility = 40 * (1 + (hour % 48 < 12 ? 2 : 0));
        const bps = rng.uniform() < 0.5 ? 0 : volatility * rng.normal() * (rng.uniform() < 0.02 ? 4 : 1);
        evidence.add(hour, resultAdvantageOf(bps).logLoss);
      }
      if (evidence.above >= 20) reached++;
    }
    expect(reached).toBeLessThanOrEqual(0.05 * rollouts);
  });
});
