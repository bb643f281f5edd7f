import type { Pair } from '../../pair.ts';
import { frozenSpreadMove, type Market, type Position, type VirtualAccount } from './position.ts';

/** From `from` on, inclusive, the size is multiplied by `rate`, 0 < rate ≤ 1. */
export type RateStep = readonly [from: number, rate: number];

/** `leverage_reduction_rate` of core_policy.yaml, with what the virtual account has to pay. */
export interface LeveragePolicy {
  /** By the drawdown of the pair's virtual account, a fraction of its capital; ascending. */
  readonly drawdown: readonly RateStep[];
  /** By risk_score; ascending. */
  readonly risk_score: readonly RateStep[];
  /** Spread, commission and slippage of a round trip by symbol, in basis points of its notional. */
  readonly round_trip_bps: Readonly<Record<string, number>>;
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
 * Marks the virtual account at the close of a bar and gives the rate that applies there. The same live, in replay and
 * in backtest.
 * @param fullScale position_scale before the reduction, 0 to 1
 * @param before the position before the bar, with its account
 * @param after the position after the bar, as `step` gives it
 */
export function reduceLeverage(
  policy: LeveragePolicy,
  pair: Pair,
  market: Market,
  riskScore: number | null,
  fullScale: number,
  before: Position,
  after: Position,
): Reduced {
  const { settled, peak: lastPeak, scale } = before.account ?? NEW_ACCOUNT;
  const value = before.side === 0 ? settled : settled + scale * liquidationReturn(policy, pair, market, before);
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

/** Return of an open position at full size, closed at this bar's prices, after the costs of a round trip. */
function liquidationReturn(
  { round_trip_bps }: LeveragePolicy,
  { a, b }: Pair,
  { lnA, lnB }: Market,
  position: Position,
): number {
  const hedge = Math.abs(position.beta);
  const costBps = round_trip_bps[a]! + hedge * round_trip_bps[b]!;
  return (position.side * frozenSpreadMove(position, lnA, lnB) - costBps / BPS) / (1 + hedge);
}
