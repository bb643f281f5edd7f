/** Digits that a float may show behind the price itself are not its tick. */
const MOST_DIGITS = 8;
/** Significant digits of a price without a known tick: 2034.12, 150.123, 1.08345. */
const SIGNIFICANT = 6;

/** Prices that are looked at, of a longer list. */
const SAMPLE = 1000;

/** Decimals of a price axis: those of the prices themselves, at most what their magnitude deserves. */
export function priceDigits(prices: readonly (number | null | undefined)[]): number {
  let own = 0;
  let least = Infinity;
  const step = Math.max(1, Math.floor(prices.length / SAMPLE));
  for (let i = prices.length - 1; i >= 0; i -= step) {
    const price = prices[i];
    if (price === null || price === undefined || !Number.isFinite(price) || price === 0) continue;
    least = Math.min(least, Math.abs(price));
    own = Math.max(own, decimalsOf(price));
  }
  return least === Infinity ? 2 : Math.min(own, magnitudeDigits(least));
}

/** As for one price, where no others are known. */
export function magnitudeDigits(price: number): number {
  const whole = Math.floor(Math.log10(Math.abs(price))) + 1;
  // A currency below 1 has the decimals of one above it.
  const digits = SIGNIFICANT - (price < 0.1 ? whole : Math.max(1, whole));
  return Math.max(0, Math.min(MOST_DIGITS, digits));
}

/** Decimals that show three significant digits of the greatest of these values, 2 to 8. */
export function rangeDigits(values: readonly (number | null)[]): number {
  let greatest = 0;
  for (const value of values)
    if (value !== null && Number.isFinite(value)) greatest = Math.max(greatest, Math.abs(value));
  if (greatest === 0) return 2;
  return Math.max(2, Math.min(MOST_DIGITS, 2 - Math.floor(Math.log10(greatest))));
}

/** At most 8. */
export function decimalsOf(price: number): number {
  for (let digits = 0; digits < MOST_DIGITS; digits++) if (Number(price.toFixed(digits)) === price) return digits;
  return MOST_DIGITS;
}
