import { entrySwapBps, expectedNetBps, type Expectation } from '../core/cost/expected_net.ts';
import { pairFillCostBps, quotedBps, type PairFillCosts } from '../core/cost/fill_cost.ts';
import type { DecisionPolicy } from '../strategies/pair_reversion/pair_input.ts';
import { isCandidate } from '../strategies/pair_reversion/scores.ts';
import type { Frame } from '../core/features/feature.ts';
import type { ExplainedCosts } from './explanation.ts';

const BISECTIONS = 40;

export interface CostQuestion {
  readonly frame: Readonly<Frame>;
  readonly returnProb: number;
  /** Answer of the model of the result, in standard deviations of the spread; NaN where the bundle has none. */
  readonly resultSigmas: number;
  readonly policy: DecisionPolicy;
  readonly expectation: Expectation | null;
  readonly costs: PairFillCosts;
  /** Epoch seconds. */
  readonly fillTime: number;
}

/**
 * What an entry at this bar would have cost and promised. A bar that is no candidate is taken at z_entry, and by its
 * barriers: the model of the result knows candidates alone.
 */
export function explainCosts({
  frame,
  returnProb,
  resultSigmas,
  policy,
  expectation,
  costs,
  fillTime,
}: CostQuestion): ExplainedCosts {
  const quotedA = quotedBps(frame.a);
  const quotedB = quotedBps(frame.b);
  const isTaken = isCandidate(frame, policy);
  const market = isTaken ? frame : { ...frame, z: policy.z_entry };
  const sigmas = isTaken ? resultSigmas : NaN;
  const netAt = (probability: number): number =>
    expectedNetBps(market, probability, policy, expectation, costs, fillTime, quotedA, quotedB, sigmas);
  const net = netAt(returnProb);
  const roundTrip = 2 * pairFillCostBps(costs, frame.beta, fillTime, quotedA, quotedB);
  const swap = entrySwapBps(market, policy, expectation, costs, fillTime);
  const least = policy.min_expected_net_bps;
  return {
    round_trip_bps: roundTrip,
    expected_swap_bps: swap,
    expected_net_bps: net,
    expected_gross_bps: net + roundTrip + swap,
    min_expected_net_bps: least,
    // A model of the result answers whatever the probability is.
    break_even_prob: Number.isNaN(sigmas) ? smallestAbove(netAt, least) : null,
  };
}

/** Smallest probability whose result is above `least`, for results that do not fall; null when none is. */
function smallestAbove(resultAt: (probability: number) => number, least: number): number | null {
  if (!(resultAt(1) > least)) return null;
  let low = 0;
  let high = 1;
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (low + high) / 2;
    if (resultAt(middle) > least) high = middle;
    else low = middle;
  }
  return high;
}
