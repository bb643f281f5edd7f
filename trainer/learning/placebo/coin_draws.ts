/** Trading days of all draws together, and limits of the number of draws, odd. */
const DRAWN_DAYS = 100;
const FEWEST_DRAWS = 7;
const MOST_DRAWS = 13;

/**
 * Draws of the coins for a holdout: few days need many, since the spread of the draws is then the error. Odd, so that
 * their degrees of freedom are even.
 */
export function coinDraws(tradingDays: number): number {
  const wanted = Math.ceil(DRAWN_DAYS / Math.max(1, tradingDays));
  return Math.min(MOST_DRAWS, Math.max(FEWEST_DRAWS, wanted + ((wanted + 1) % 2)));
}
