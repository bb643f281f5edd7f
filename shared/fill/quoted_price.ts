/** Of a symbol: the full quoted spread, in basis points; half of it is paid at each side. */
export interface Spread {
  readonly spread_bps: number;
}

/** The price at which a side is taken at once: the close of the bar, and half the spread. */
export function quotedPrice(middle: number, side: 1 | -1, { spread_bps }: Spread): number {
  return middle * (1 + (side * spread_bps) / 20_000);
}
