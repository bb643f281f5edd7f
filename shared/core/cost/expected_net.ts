import { SECONDS_PER_BAR } from '../../bar.ts';
import type { Market } from '../position/position.ts';
import { pairFillCostBps, type PairFillCosts } from './fill_cost.ts';
import { expectedSwapBps } from './rollover.ts';
import { swapBpsPerNight } from './swap.ts';

const BPS = 1e4;

/**
 * What candidates earned before costs, in standard deviations of the spread, by what their barriers promised: means of
 * bins, ascending in both. Linear between bins, constant outside.
 */
export interface Expectation {
  readonly promised: readonly number[];
  readonly earned: readonly number[];
  /** Mean bars that they were held; absent in bundles that do not know it. */
  readonly bars_held?: number | undefined;
}

/** Results further out than this, in standard deviations of the spread, count as this: a model of them is bounded. */
export const RESULT_CLIP = 4;

/** A result in standard deviations of the spread as a share of the range that a model of it answers in. */
export function shareOfResult(sigmas: number): number {
  return (Math.min(RESULT_CLIP, Math.max(-RESULT_CLIP, sigmas)) + RESULT_CLIP) / (2 * RESULT_CLIP);
}

/** The result, in standard deviations of the spread, that an answer of the model stands for. */
export function resultOfShare(share: number): number {
  return RESULT_CLIP * (2 * share - 1);
}

/** The barriers of a position. */
export interface ExpectationPolicy {
  readonly z_entry: number;
  readonly z_exit: number;
  readonly stop: number;
  readonly max_age_bars: number;
  /** 1: the swaps that a position is expected to pay are left out, as in the first version. */
  readonly rules?: 1;
}

/**
 * What the barriers promise a candidate, in standard deviations of the spread: the way to `z_exit` with probability
 * `returnProb`, else the way to the stop.
 */
export function promisedSigmas(
  z: number,
  returnProb: number,
  { z_exit, stop }: Pick<ExpectationPolicy, 'z_exit' | 'stop'>,
): number {
  return returnProb * (Math.abs(z) - z_exit) - (1 - returnProb) * stop;
}

/** One standard deviation of the spread, in basis points of the gross notional. */
export function sigmaBps({ zStd, beta }: Pick<Market, 'zStd' | 'beta'>): number {
  return (BPS * zStd) / (1 + Math.abs(beta));
}

/**
 * Expected result of entering at the close of a bar, in basis points of the gross notional at full size, after the
 * costs of two fills at the current spreads and the expected overnight swaps. NaN for a bar that is no candidate.
 * @param expectation null: the result at the barriers, uncalibrated
 * @param time epoch seconds of the fill
 * @param quotedA spread of leg A in the bar that is decided on, in basis points; NaN where it has none
 * @param resultSigmas answer of a model of the result, before costs, in standard deviations of the spread; NaN without
 * one: the barriers and their calibration apply
 */
export function expectedNetBps(
  market: Market,
  returnProb: number,
  policy: ExpectationPolicy,
  expectation: Expectation | null,
  costs: PairFillCosts,
  time: number,
  quotedA = NaN,
  quotedB = NaN,
  resultSigmas = NaN,
): number {
  if (!(Math.abs(market.z) >= policy.z_entry)) return NaN;
  const sigmas = Number.isNaN(resultSigmas) ? barrierSigmas(market.z, returnProb, policy, expectation) : resultSigmas;
  const net = sigmas * sigmaBps(market) - 2 * pairFillCostBps(costs, market.beta, time, quotedA, quotedB);
  return net - entrySwapBps(market, policy, expectation, costs, time);
}

/**
 * Overnight swaps that an entry is expected to pay, in basis points of the gross notional at full size; below 0 when it
 * receives more. Of a position on the side that `decide` would take, held as long as candidates of the training were,
 * or, where the bundle does not know that, any time up to its maximum age.
 * @param time epoch seconds of the fill
 */
export function entrySwapBps(
  { z, beta }: Pick<Market, 'z' | 'beta'>,
  { max_age_bars, rules }: Pick<ExpectationPolicy, 'max_age_bars' | 'rules'>,
  expectation: Expectation | null,
  { a, b, barSeconds = SECONDS_PER_BAR }: PairFillCosts,
  time: number,
): number {
  if (rules === 1) return 0;
  const perNight = swapBpsPerNight(z > 0 ? -1 : 1, beta, a, b);
  const barsHeld = expectation?.bars_held ?? NaN;
  return expectedSwapBps(perNight, time, max_age_bars * barSeconds, barsHeld * barSeconds);
}

function barrierSigmas(
  z: number,
  returnProb: number,
  policy: ExpectationPolicy,
  expectation: Expectation | null,
): number {
  const promised = promisedSigmas(z, returnProb, policy);
  return expectation === null ? promised : earnedSigmas(expectation, promised);
}

export function earnedSigmas({ promised, earned }: Expectation, value: number): number {
  const last = promised.length - 1;
  if (!(value > promised[0]!)) return Number.isNaN(value) ? NaN : earned[0]!;
  if (value >= promised[last]!) return earned[last]!;
  let next = 1;
  while (promised[next]! <= value) next++;
  const share = (value - promised[next - 1]!) / (promised[next]! - promised[next - 1]!);
  return earned[next - 1]! + share * (earned[next]! - earned[next - 1]!);
}
