/** What holding a symbol over one night costs, in basis points of its notional. Positive is paid, negative is received. */
export interface SwapCosts {
  readonly swap_long_bps_per_night: number;
  readonly swap_short_bps_per_night: number;
}

/** Symbols without costs of their own: both sides pay, as with brokers that publish no rates. */
export const OTHER_SWAP: SwapCosts = swap(0.8, 0.8);

/**
 * First values, an estimate for a retail account: the difference of the two currencies' yearly rates over 360, with 0.9 % a year against
 * the holder on either side; metals, indices and oil are financed in dollars. Put in what your broker takes.
 */
export const DEFAULT_SWAPS: Readonly<Record<string, SwapCosts>> = {
  XAUUSD: swap(1.53, -0.42),
  XAGUSD: swap(1.6, -0.3),
  AUDUSD: swap(0.36, 0.14),
  NZDUSD: swap(0.67, -0.17),
  EURUSD: swap(0.81, -0.31),
  GBPUSD: swap(0.25, 0.25),
  USDCHF: swap(-0.86, 1.36),
  USDCAD: swap(-0.17, 0.67),
  USDJPY: swap(-0.72, 1.22),
  AUDNZD: swap(-0.06, 0.56),
  EURGBP: swap(0.81, -0.31),
  SPXUSD: swap(1.8, -0.42),
  NSXUSD: swap(1.8, -0.42),
  BCOUSD: swap(1.0, 1.0),
};

export function swapOf(swaps: Readonly<Record<string, SwapCosts>>, symbol: string): SwapCosts {
  return swaps[symbol] ?? OTHER_SWAP;
}

function swap(long: number, short: number): SwapCosts {
  return { swap_long_bps_per_night: long, swap_short_bps_per_night: short };
}

/**
 * What one night costs a position in both legs, in basis points of its gross notional. Leg A has the side `side` and the share
 * 1 / (1 + |beta|), leg B the side −side · sign(beta) and the rest.
 */
export function nightBps(side: number, beta: number, a: SwapCosts, b: SwapCosts): number {
  const hedge = Math.abs(beta);
  const legB = beta < 0 ? side : -side;
  return (sideBps(side, a) + hedge * sideBps(legB, b)) / (1 + hedge);
}

function sideBps(side: number, { swap_long_bps_per_night: long, swap_short_bps_per_night: short }: SwapCosts): number {
  return side > 0 ? long : short;
}
