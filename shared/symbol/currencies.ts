/*
 * Currencies, metals, and coins that others are priced in or that are listed everywhere. They only tell what a name may
 * mean: a symbol need not be made of them.
 */
const QUOTES =
  'USDT USDC BUSD TUSD FDUSD USD EUR GBP JPY CHF CAD AUD NZD SEK NOK DKK PLN HUF CZK TRY ZAR MXN SGD HKD CNH CNY INR BRL ILS THB KRW RUB BTC ETH BNB'.split(
    ' ',
  );
const BASES =
  'XAU XAG XPT XPD GOLD SILVER BCO WTI SPX NSX NAS UKX GRX FRX JPX HKX AUX ETX SOL XRP ADA DOGE SHIB LTC DOT LINK AVAX MATIC BCH XLM TRX UNI ATOM ETC FIL PEPE'.split(
    ' ',
  );
const QUOTE_SET: ReadonlySet<string> = new Set(QUOTES);
const NAMED: ReadonlySet<string> = new Set([...QUOTES, ...BASES]);

/** Three letters each: currencies, metals and the coins that are quoted as they are. */
export const QUOTED: readonly string[] = [...QUOTES, 'XAU', 'XAG', 'XPT', 'XPD'].filter(({ length }) => length === 3);

/** Returns whether this is a currency, a metal or a coin that everyone knows. */
export function isCurrency(text: string): boolean {
  return NAMED.has(text);
}

/** Returns whether a name reads as base and quote: `EURUSD`, `SOLUSDT`, `1000PEPEUSDT`. */
export function isPairForm(text: string): boolean {
  const quote = QUOTES.find((one) => text.length > one.length && text.endsWith(one));
  if (quote === undefined) return false;
  const base = text.slice(0, -quote.length);
  if (NAMED.has(base)) return true;
  // Coins have many names, and are priced in dollars or their likes.
  return /^[A-Z0-9]{2,10}$/.test(base) && /^(?:USDT|USDC|BUSD|FDUSD|TUSD)$/.test(quote) && !QUOTE_SET.has(text);
}
