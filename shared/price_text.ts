/** Enough for every tick, without what a computed price carries behind it: 1.1463700000000001. */
const PRICE_DIGITS = 9;

/** A price as a person reads it: its digits, at most nine of them. */
export function priceText(price: number | null): string {
  return price === null ? '–' : String(Number(price.toPrecision(PRICE_DIGITS)));
}
