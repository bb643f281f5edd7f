import { multipleAt, type SpreadProfile } from './spread_profile.ts';

/** What trading a symbol costs, without overnight swaps. Basis points of the traded value. */
export interface FillCosts {
  /** Base of the full quoted spread, ask − bid. */
  readonly spread_bps: number;
  /** Per fill. */
  readonly commission_bps: number;
  readonly slippage_bps: number;
  /** How the spread varies over the week; without one it is the base at every minute. */
  readonly profile?: SpreadProfile;
}

/** The costs of both legs of a pair. */
export interface PairFillCosts {
  readonly a: FillCosts;
  readonly b: FillCosts;
}

/**
 * What one fill costs in the minute that opens at `time` (epoch seconds): half the spread, commission and slippage, in
 * basis points of the filled value.
 * @param quoted spread of the minute where the bar has one, in basis points; else NaN, and base × profile applies
 */
export function fillCostBps(costs: FillCosts, time: number, quoted = NaN): number {
  const { spread_bps, commission_bps, slippage_bps, profile } = costs;
  const usual = profile === undefined ? spread_bps : spread_bps * multipleAt(profile, time);
  const spread = quoted >= 0 ? quoted : usual;
  return spread / 2 + commission_bps + slippage_bps;
}

/** What filling both legs in one minute costs, in basis points of the gross notional. */
export function pairFillCostBps(
  costs: PairFillCosts,
  beta: number,
  time: number,
  quotedA = NaN,
  quotedB = NaN,
): number {
  const hedge = Math.abs(beta);
  return (fillCostBps(costs.a, time, quotedA) + hedge * fillCostBps(costs.b, time, quotedB)) / (1 + hedge);
}
