import { currenciesOf, symbolsOf, type Pair } from '../../pair.ts';

/** Currencies of states (ISO 4217) that calendars have events of. */
const STATE_CURRENCIES: ReadonlySet<string> = new Set(
  'USD EUR GBP JPY CHF CAD AUD NZD CNY SEK NOK DKK SGD HKD INR KRW BRL MXN ZAR TRY PLN HUF CZK ILS'.split(' '),
);
/** What is bought and sold as another currency. */
const SAME_AS: Readonly<Record<string, string>> = { USDT: 'USD', USDC: 'USD', BUSD: 'USD', CNH: 'CNY' };

/**
 * The currencies whose news concern a subject: those of states among the base and the quote of its symbols. A dollar
 * coin counts as USD and CNH as CNY. A metal, a coin, an index or a commodity has no scheduled news: what it is quoted
 * in counts (XAUUSD and BTCUSDT: USD), and USD where that is no currency of a state either (ETHBTC).
 * @returns ascending, each once
 */
export function newsCurrencies(subject: Pair): readonly string[] {
  return [...new Set(symbolsOf([subject]).flatMap(currenciesOfSymbol))].sort();
}

function currenciesOfSymbol(symbol: string): readonly string[] {
  const halves = [symbol.slice(0, 3), symbol.slice(3)];
  const parts = symbol.length === 6 && halves.every(isOfState) ? halves : currenciesOf(symbol);
  const found = parts.filter((part) => part !== null && isOfState(part)).map((part) => SAME_AS[part!] ?? part!);
  return found.length === 0 ? ['USD'] : found;
}

function isOfState(part: string): boolean {
  return STATE_CURRENCIES.has(SAME_AS[part] ?? part);
}
