import type { SwapCosts } from './swap.ts';
import { multipleAt, type SpreadProfile } from './spread_profile.ts';

/**
 * Mean spread of a minute over the one that its bar has. Which one MetaTrader keeps (first, last or least) is not
 * documented; the least of two quotes four minutes apart is 4 to 8 % below their mean in seven currency pairs, and a
 * minute has more quotes.
 */
const MEAN_OVER_QUOTED = 1.1;

/** What the prices of a bar are. At bids a buy pays the spread and a sell nothing; else each pays half of it. */
export const PRICE_KINDS = ['bid', 'mid', 'last'] as const;
export type PriceKind = (typeof PRICE_KINDS)[number];

/** What trading a symbol costs. Basis points of the traded value; a fill pays no swap. */
export interface FillCosts extends Partial<SwapCosts> {
  /** Base of the full quoted spread, ask − bid. */
  readonly spread_bps: number;
  /** Per fill. */
  readonly commission_bps: number;
  readonly slippage_bps: number;
  /** How the spread varies over the week; without one it is the base at every minute, even with a quote. */
  readonly profile?: SpreadProfile;
  /** Of the prices that fills are taken at; absent: mid. */
  readonly price?: PriceKind | undefined;
}

/** The costs of both legs of a pair. */
export interface PairFillCosts {
  readonly a: FillCosts;
  readonly b: FillCosts;
  /** Of the pair, for what it is expected to pay overnight; absent: a minute. */
  readonly barSeconds?: number;
}

/**
 * What one fill costs in the minute that opens at `time` (epoch seconds): half the spread, commission and slippage, in
 * basis points of the filled value.
 * @param quoted spread of the minute where the bar has one, in basis points; else NaN, and base × profile applies
 * @param side > 0 for a buy, < 0 for a sell, 0 for the mean of both; it matters at bids
 */
export function fillCostBps(costs: FillCosts, time: number, quoted = NaN, side = 0): number {
  const { commission_bps, slippage_bps, price } = costs;
  const share = price === 'bid' ? (1 + Math.sign(side)) / 2 : 0.5;
  return share * spreadBps(costs, time, quoted) + commission_bps + slippage_bps;
}

/** The whole spread of the minute that opens at `time`, in basis points; arguments as of `fillCostBps`. */
export function spreadBps({ spread_bps, profile }: FillCosts, time: number, quoted = NaN): number {
  if (profile === undefined) return spread_bps;
  return quoted >= 0 ? MEAN_OVER_QUOTED * quoted : spread_bps * multipleAt(profile, time);
}

/**
 * The quoted spread of a bar in basis points of its close; NaN where it has none. 0 is none: feeds write it where they
 * do not know the spread, and a free fill would be the edge of every rule.
 */
export function quotedBps({ spread, close }: { readonly spread?: number; readonly close: number }): number {
  return spread !== undefined && spread > 0 ? (1e4 * spread) / close : NaN;
}

/**
 * What filling both legs in one minute costs, in basis points of the gross notional.
 * @param side of leg A; leg B has −side · sign(beta)
 */
export function pairFillCostBps(
  costs: PairFillCosts,
  beta: number,
  time: number,
  quotedA = NaN,
  quotedB = NaN,
  side = 0,
): number {
  const hedge = Math.abs(beta);
  const sideB = beta < 0 ? side : -side;
  return (fillCostBps(costs.a, time, quotedA, side) + hedge * fillCostBps(costs.b, time, quotedB, sideB)) / (1 + hedge);
}
