import { pairFillCostBps, type PairFillCosts } from '../../../shared/core/cost/fill_cost.ts';
import { pairReturn } from '../../../shared/core/position/pair_return.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';

type Answered = Pick<SignalBody, 'action' | 'target' | 'beta' | 'price_a' | 'price_b'>;

interface Held {
  readonly side: number;
  readonly beta: number;
  readonly a: number;
  readonly b: number;
  /** Result at the bar before, before costs, basis points. */
  value: number;
}

/** Costs without a profile are the same at every minute. */
const ANY_TIME = 0;

/**
 * As `barResults`, of a pair: by the simple returns of both legs, with the hedge ratio of the entry.
 * @param costs without profiles
 * @returns net, basis points of the gross notional: those of the bars of a trade add up to its result
 */
export function pairBarResults(costs: PairFillCosts): (body: Answered) => number {
  let held: Held | null = null;
  return ({ action, target, beta, price_a: a, price_b: b }) => {
    const earned = held === null || a === null || b === null ? 0 : movedOf(held, a, b);
    if (action === 'EXIT') {
      const closed = held;
      held = null;
      return closed === null ? 0 : earned - fillOf(costs, closed.beta, -closed.side);
    }
    if (action !== 'ENTER' || a === null || b === null || beta === null) return earned;
    held = { side: target, beta, a, b, value: 0 };
    return earned - fillOf(costs, beta, target);
  };
}

/** As `closedResults`, of a pair. */
export function closedPairResults(costs: PairFillCosts): (body: Answered) => number | null {
  const resultOf = pairBarResults(costs);
  let sum: number | null = null;
  return (body) => {
    const result = resultOf(body);
    if (body.action === 'ENTER') sum = result;
    else if (sum !== null) sum += result;
    if (body.action !== 'EXIT') return null;
    const closed = sum;
    sum = null;
    return closed;
  };
}

function movedOf(held: Held, a: number, b: number): number {
  const value = 1e4 * pairReturn(held.side, held.beta, a / held.a, b / held.b);
  const moved = value - held.value;
  held.value = value;
  return moved;
}

function fillOf(costs: PairFillCosts, beta: number, side: number): number {
  return pairFillCostBps(costs, beta, ANY_TIME, NaN, NaN, side);
}
