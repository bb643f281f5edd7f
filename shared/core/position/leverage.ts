import { SECONDS_PER_BAR } from '../../bar.ts';
import { exp } from '../../elementary.ts';
import type { Pair } from '../../pair.ts';
import { fillCostBps, type FillCosts } from '../cost/fill_cost.ts';
import { pairReturn } from './pair_return.ts';
import { frozenSpreadMove, type Market, type Position, type VirtualAccount } from './position.ts';

/** From `from` on, inclusive, the size is multiplied by `rate`, 0 < rate ≤ 1. */
export type RateStep = readonly [from: number, rate: number];

/** `leverage_reduction_rate` of core_policy.yaml, with what the virtual account has to pay. */
export interface LeveragePolicy {
  /** By the drawdown of the pair's virtual account, a fraction of its capital; ascending. */
  readonly drawdown: readonly RateStep[];
  /** By risk_score; ascending. */
  readonly risk_score: readonly RateStep[];
  /** By symbol. */
  readonly costs: Readonly<Record<string, FillCosts>>;
  /** The account has logarithmic returns, as in the first version. */
  readonly logReturns?: true;
}

export const NEW_ACCOUNT: VirtualAccount = { settled: 0, value: 0, peak: 0, scale: 0 };

const BPS = 1e4;

export interface Reduced {
  /** Factor of position_scale at this bar. */
  readonly rate: number;
  /** The position after the bar, with the account. */
  readonly position: Position;
}

/**
 * The rate at a bar, and the position after it with its account. The same live, in replay and in backtest.
 * @param policy absent: nothing is reduced
 * @param market null where no bar is decided on: the account stays as it was
 * @param fullScale null where nothing was scored
 * @param time open of the bar
 */
export function applyLeverage(
  policy: LeveragePolicy | undefined,
  pair: Pair,
  market: Market | null,
  riskScore: number | null,
  fullScale: number | null,
  before: Position,
  after: Position,
  time: number,
): Reduced {
  if (policy === undefined) return { rate: 1, position: after };
  if (market === null) return { rate: standingRate(policy, after, riskScore), position: after };
  return reduceLeverage(policy, pair, market, riskScore, fullScale ?? 0, before, after, time);
}

/**
 * Marks the virtual account at the close of a bar and gives the rate that applies there.
 * @param fullScale position_scale before the reduction, 0 to 1
 * @param before the position before the bar, with its account
 * @param after the position after the bar, as `step` gives it
 * @param time open of the bar
 */
export function reduceLeverage(
  policy: LeveragePolicy,
  pair: Pair,
  market: Market,
  riskScore: number | null,
  fullScale: number,
  before: Position,
  after: Position,
  time: number,
): Reduced {
  const { settled, peak: lastPeak, scale, lnA, lnB } = before.account ?? NEW_ACCOUNT;
  const value = before.side === 0 ? settled : settled + scale * liquidationReturn(policy, pair, market, before, time);
  const peak = Math.max(lastPeak, value);
  const rate = leverageRate(policy, peak - value, riskScore);
  const isOpen = after.side !== 0;
  const wasOpen = before.side !== 0;
  const account = {
    settled: isOpen ? settled : value,
    value,
    peak,
    scale: !isOpen ? 0 : wasOpen ? scale : rate * fullScale,
  };
  if (isOpen && !wasOpen && policy.logReturns === undefined)
    return { rate, position: { ...after, account: { ...account, lnA: market.lnA, lnB: market.lnB } } };
  if (isOpen && lnA !== undefined && lnB !== undefined)
    return { rate, position: { ...after, account: { ...account, lnA, lnB } } };
  return { rate, position: { ...after, account } };
}

/** The rate where no bar is decided on: the account stays as it was at the last one. */
export function standingRate(policy: LeveragePolicy, { account }: Position, riskScore: number | null): number {
  return leverageRate(policy, account === undefined ? 0 : account.peak - account.value, riskScore);
}

/**
 * The product of both reductions; 1 where no step is reached.
 * @param drawdown fraction of the capital, ≥ 0
 * @param riskScore null where there is none: it reduces nothing
 */
export function leverageRate(
  { drawdown: byDrawdown, risk_score: byRisk }: LeveragePolicy,
  drawdown: number,
  riskScore: number | null,
): number {
  return rateAt(byDrawdown, drawdown) * (riskScore === null ? 1 : rateAt(byRisk, riskScore));
}

function rateAt(steps: readonly RateStep[], value: number): number {
  let rate = 1;
  for (let i = 0; i < steps.length && value >= steps[i]![0]; i++) rate = steps[i]![1];
  return rate;
}

/** Return of an open position at full size, closed at this bar's prices, after the costs of both fills. */
function liquidationReturn(
  { costs }: LeveragePolicy,
  { a, b }: Pair,
  { lnA, lnB }: Market,
  position: Position,
  time: number,
): number {
  const hedge = Math.abs(position.beta);
  const entry = position.entryTime + SECONDS_PER_BAR;
  const exit = time + SECONDS_PER_BAR;
  const roundTrip = (of: FillCosts): number => fillCostBps(of, entry) + fillCostBps(of, exit);
  const costBps = roundTrip(costs[a]!) + hedge * roundTrip(costs[b]!);
  const { lnA: entryA, lnB: entryB } = position.account ?? NEW_ACCOUNT;
  // An open position of the first version has no prices of its entry; this is its arithmetic to the bit.
  if (entryA === undefined || entryB === undefined)
    return (position.side * frozenSpreadMove(position, lnA, lnB) - costBps / BPS) / (1 + hedge);
  return pairReturn(position.side, position.beta, exp(lnA - entryA), exp(lnB - entryB)) - costBps / BPS / (1 + hedge);
}
