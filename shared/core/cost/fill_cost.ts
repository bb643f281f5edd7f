import { multipleAt, type SpreadProfile } from './spread_profile.ts';

/**
 * Mean spread of a minute over the one that its bar has. Which one MetaTrader keeps (first, last or least) is not
 * documented; the least of two quotes four minutes apart is 4 to 8 % below their mean in seven currency pairs, and a
 * minute has more quotes.
 */
const MEAN_OVER_QUOTED = 1.1;

/** What trading a symbol costs, without overnight swaps. Basis points of the traded value. */
export interface FillCosts {
  /** Base of the full quoted spread, ask − bid. */
  readonly spread_bps: number;
  /** Per fill. */
  readonly commission_bps: number;
  readonly slippage_bps: number;
  /** How the spread varies over the week; without one it is the base at every minute, whatever was quoted. */
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
  return spreadAt(spread_bps, profile, time, quoted) / 2 + commission_bps + slippage_bps;
}

function spreadAt(base: number, profile: SpreadProfile | undefined, time: number, quoted: number): number {
  if (profile === undefined) return base;
  return quoted >= 0 ? MEAN_OVER_QUOTED * quoted : base * multipleAt(profile, time);
}

/** The quoted spread of a bar in basis points of its close; NaN where it has none. */
export function quotedBps({ spread, close }: { readonly spread?: number; readonly close: number }): number {
  return spread === undefined ? NaN : (1e4 * spread) / close;
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
