import { SECONDS_PER_BAR, type OpenTime } from '../../bar.ts';
import { expectedNetBps, type Expectation, type ExpectationPolicy } from '../../core/cost/expected_net.ts';
import type { PairFillCosts } from '../../core/cost/fill_cost.ts';
import type { Market } from '../../core/position/position.ts';
import type { Scores } from './pair_input.ts';

/** Whether the spread is far enough out for an entry. */
export function isCandidate({ z }: Market, { z_entry }: Pick<ExpectationPolicy, 'z_entry'>): boolean {
  return Math.abs(z) >= z_entry;
}

/**
 * What `decide` reads of the models' answers to a bar; the fill is expected in the next minute. The same live, in
 * replay and in backtest.
 * @param expectation null: the result at the barriers, uncalibrated
 * @param time open of the bar that is decided on
 * @param quotedA spread of leg A in that bar, in basis points; NaN where it has none
 * @param resultSigmas answer of the model of the result, in standard deviations of the spread; NaN without one
 * @param novelty share of AI1's training rows that are farther out; NaN where the bundle does not describe them
 */
export function scoresOf(
  market: Market,
  returnProb: number,
  riskScore: number,
  policy: ExpectationPolicy,
  expectation: Expectation | null,
  costs: PairFillCosts,
  time: OpenTime,
  quotedA: number,
  quotedB: number,
  resultSigmas: number,
  novelty = NaN,
): Scores {
  const fillTime = time + SECONDS_PER_BAR;
  return {
    return_prob: returnProb,
    risk_score: riskScore,
    // AI1 learned from candidates alone: any other bar would be novel.
    novelty: isCandidate(market, policy) ? novelty : NaN,
    expected_net_bps: expectedNetBps(
      market,
      returnProb,
      policy,
      expectation,
      costs,
      fillTime,
      quotedA,
      quotedB,
      resultSigmas,
    ),
  };
}
