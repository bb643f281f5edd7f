/**
 * `699.83 USD of NZDUSD`: the value of a leg on a paper account, which has no contract sizes.
 * @param lots notional over `price`
 */
export function paperSizeText(lots: number, price: number, currency: string, symbol: string): string {
  return `${(lots * price).toFixed(2)} ${currency} of ${symbol}`;
}
