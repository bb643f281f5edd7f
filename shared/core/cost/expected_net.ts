import type { Market } from '../position/position.ts';
import { pairFillCostBps, type PairFillCosts } from './fill_cost.ts';

const BPS = 1e4;

/**
 * What candidates earned before costs, in standard deviations of the spread, by what their barriers promised: means of
 * bins, ascending in both. Linear between bins, constant outside.
 */
export interface Expectation {
  readonly promised: readonly number[];
  readonly earned: readonly number[];
}

/** The barriers of a position. */
export interface ExpectationPolicy {
  readonly z_entry: number;
  readonly z_exit: number;
  readonly stop: number;
}

/**
 * What the barriers promise a candidate, in standard deviations of the spread: the way to `z_exit` with probability
 * `returnProb`, else the way to the stop.
 */
export function promisedSigmas(z: number, returnProb: number, { z_exit, stop }: ExpectationPolicy): number {
  return returnProb * (Math.abs(z) - z_exit) - (1 - returnProb) * stop;
}

/** One standard deviation of the spread, in basis points of the gross notional. */
export function sigmaBps({ zStd, beta }: Pick<Market, 'zStd' | 'beta'>): number {
  return (BPS * zStd) / (1 + Math.abs(beta));
}

/**
 * Expected result of entering at the close of a bar, in basis points of the gross notional at full size, after the
 * costs of two fills at the current spreads. NaN for a bar that is no candidate.
 * @param expectation null: what the barriers promise, uncalibrated
 * @param time epoch seconds of the fill
 * @param quotedA spread of leg A in the bar that is decided on, in basis points; NaN where it has none
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
): number {
  if (!(Math.abs(market.z) >= policy.z_entry)) return NaN;
  const promised = promisedSigmas(market.z, returnProb, policy);
  const sigmas = expectation === null ? promised : earnedSigmas(expectation, promised);
  return sigmas * sigmaBps(market) - 2 * pairFillCostBps(costs, market.beta, time, quotedA, quotedB);
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
