/** Cost of holding a symbol overnight, in basis points of its notional. Positive: paid; negative: received. */
export interface SwapCosts {
  readonly swap_long_bps_per_night: number;
  readonly swap_short_bps_per_night: number;
}

/**
 * Overnight cost of a position in both legs, in basis points of its gross notional. Leg A has the side `side` and the
 * share 1 / (1 + |beta|); leg B has the side −side · sign(beta) and the rest. A symbol without swaps pays nothing.
 */
export function swapBpsPerNight(side: number, beta: number, a: Partial<SwapCosts>, b: Partial<SwapCosts>): number {
  const hedge = Math.abs(beta);
  const legB = beta < 0 ? side : -side;
  return (sideBps(side, a) + hedge * sideBps(legB, b)) / (1 + hedge);
}

function sideBps(side: number, costs: Partial<SwapCosts>): number {
  return (side > 0 ? costs.swap_long_bps_per_night : costs.swap_short_bps_per_night) ?? 0;
}
