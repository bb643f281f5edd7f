import type { SymbolCosts } from '../../shared/policy/policy.ts';

/** Cost of holding a symbol overnight, in basis points of its notional. Positive: paid; negative: received. */
export type SwapCosts = Pick<SymbolCosts, 'swap_long_bps_per_night' | 'swap_short_bps_per_night'>;

/**
 * Overnight cost of a position in both legs, in basis points of its gross notional. Leg A has the side `side` and the
 * share 1 / (1 + |beta|); leg B has the side −side · sign(beta) and the rest.
 */
export function swapBpsPerNight(side: number, beta: number, a: SwapCosts, b: SwapCosts): number {
  const hedge = Math.abs(beta);
  const legB = beta < 0 ? side : -side;
  return (sideBps(side, a) + hedge * sideBps(legB, b)) / (1 + hedge);
}

function sideBps(side: number, { swap_long_bps_per_night: long, swap_short_bps_per_night: short }: SwapCosts): number {
  return side > 0 ? long : short;
}
