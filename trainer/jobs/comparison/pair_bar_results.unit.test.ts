import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { closedPairResults, pairBarResults } from './pair_bar_results.ts';

const LEG_A = { spread_bps: 2, commission_bps: 0.5, slippage_bps: 0.25 };
const LEG_B = { spread_bps: 6, commission_bps: 1, slippage_bps: 0.5 };
const COSTS = { a: LEG_A, b: LEG_B };

type Body = Pick<SignalBody, 'action' | 'target' | 'beta' | 'price_a' | 'price_b'>;

const bars = fc.array(
  fc.record({
    wanted: fc.constantFrom(-1, 0, 1),
    a: fc.double({ min: 50, max: 200, noNaN: true }),
    b: fc.double({ min: 50, max: 200, noNaN: true }),
    beta: fc.double({ min: -2, max: 2, noNaN: true }),
  }),
  { minLength: 2, maxLength: 60 },
);

/** Answers that are flat, long or short, and flat at the end. */
function bodiesOf(steps: readonly { wanted: number; a: number; b: number; beta: number }[]): Body[] {
  let held = 0;
  return steps.map(({ wanted, a, b, beta }, i) => {
    const isLast = i === steps.length - 1;
    const target = isLast || (held !== 0 && wanted !== held) ? 0 : held === 0 ? wanted : held;
    const action = held === 0 && target !== 0 ? 'ENTER' : held !== 0 && target === 0 ? 'EXIT' : 'HOLD';
    held = target;
    return { action, target, beta, price_a: a, price_b: b } as Body;
  });
}

/** Trade by trade: each leg by its simple return, and a fill of both legs at each end. */
function netOfTrades(bodies: readonly Body[]): number[] {
  const nets: number[] = [];
  let entry: Body | null = null;
  for (const body of bodies) {
    if (body.action === 'ENTER') entry = body;
    if (body.action !== 'EXIT' || entry === null) continue;
    const hedge = Math.abs(entry.beta!);
    const shareA = 1 / (1 + hedge);
    const ofA = entry.target * (body.price_a! / entry.price_a! - 1);
    const ofB = -entry.target * Math.sign(entry.beta!) * (body.price_b! / entry.price_b! - 1);
    const fill = shareA * 1.75 + (1 - shareA) * 4.5;
    nets.push(1e4 * (shareA * ofA + (1 - shareA) * ofB) - 2 * fill);
  }
  return nets;
}

/** At bids a leg pays its whole spread where it is bought: once in a round trip, as at mids. */
const AT_BIDS = { a: { ...LEG_A, price: 'bid' as const }, b: { ...LEG_B, price: 'bid' as const } };

describe('results of the bars of a pair', () => {
  it.each([
    ['mids', COSTS],
    ['bids', AT_BIDS],
  ])(
    'add up to the results of its trades, by the hedge ratio of the entry and the costs of both legs, at %s',
    (_, costs) => {
      fc.assert(
        fc.property(bars, (steps) => {
          const bodies = bodiesOf(steps);
          const expected = netOfTrades(bodies);
          const closed = bodies.map(closedPairResults(costs)).filter((result) => result !== null);
          expect(closed.length).toBe(expected.length);
          closed.forEach((net, i) => expect(net).toBeCloseTo(expected[i]!, 6));
          const ofBars = bodies.map(pairBarResults(costs)).reduce((sum, net) => sum + net, 0);
          expect(ofBars).toBeCloseTo(
            expected.reduce((sum, net) => sum + net, 0),
            6,
          );
        }),
      );
    },
  );

  it('at bids pay the spread of what is bought, at the bar that buys it', () => {
    const enter: Body = { action: 'ENTER', target: 1, beta: 1, price_a: 100, price_b: 100 };
    const exit: Body = { action: 'EXIT', target: 0, beta: 1, price_a: 100, price_b: 100 };
    const short: Body = { ...enter, target: -1 };
    // Commissions and slippage of both legs, half of the notional each, and the spread of the bought one.
    const buysA = (0.75 + 1.5 + 2) / 2;
    const buysB = (0.75 + 1.5 + 6) / 2;
    expect([enter, exit].map(pairBarResults(AT_BIDS))).toEqual([-buysA, -buysB]);
    expect([short, exit].map(pairBarResults(AT_BIDS))).toEqual([-buysB, -buysA]);
    // With a hedge ratio below 0 both legs are bought, or both sold.
    const both = [{ ...enter, beta: -1 }, exit].map(pairBarResults(AT_BIDS));
    expect(both).toEqual([-(0.75 + 1.5 + 2 + 6) / 2, -(0.75 + 1.5) / 2]);
  });

  it('of a position whose entry is not known are none', () => {
    const exit: Body = { action: 'EXIT', target: 0, beta: 1, price_a: 90, price_b: 80 };
    expect([exit, exit].map(pairBarResults(COSTS))).toEqual([0, 0]);
    expect([exit, exit].map(closedPairResults(COSTS))).toEqual([null, null]);
  });
});
