/**
 * Lowest and highest price of each year, rounded outward. The annual means of the Federal Reserve's release H.10 lie
 * inside (compared: euro, Australian, New Zealand and Canadian dollar, 1999 to 2016), as do the bars of 2019
 * that the tests have. They tell a quote from its inverse where the prices of all years cannot: EUR/USD has been on
 * both sides of 1. A year that is not listed tells nothing.
 */
const TABLE = `
year EURUSD GBPUSD AUDUSD NZDUSD USDCHF USDCAD
1999 1.00-1.19 1.54-1.69 0.60-0.69 0.49-0.57 1.34-1.61 1.44-1.56
2000 0.82-1.04 1.39-1.66 0.50-0.68 0.38-0.54 1.53-1.83 1.43-1.57
2001 0.83-0.96 1.36-1.52 0.47-0.58 0.38-0.46 1.56-1.83 1.48-1.61
2002 0.85-1.05 1.40-1.62 0.50-0.59 0.41-0.54 1.38-1.73 1.50-1.62
2003 1.03-1.27 1.54-1.80 0.56-0.76 0.52-0.67 1.23-1.43 1.28-1.59
2004 1.17-1.37 1.73-1.96 0.67-0.81 0.58-0.74 1.13-1.33 1.17-1.41
2005 1.16-1.36 1.70-1.94 0.72-0.81 0.66-0.76 1.13-1.33 1.14-1.28
2006 1.18-1.34 1.71-1.99 0.70-0.80 0.58-0.71 1.18-1.33 1.09-1.18
2007 1.28-1.50 1.91-2.13 0.76-0.95 0.66-0.83 1.08-1.26 0.90-1.19
2008 1.23-1.61 1.43-2.05 0.60-0.99 0.51-0.83 0.96-1.23 0.97-1.31
2009 1.24-1.52 1.35-1.71 0.62-0.95 0.48-0.77 0.99-1.20 1.02-1.31
2010 1.18-1.46 1.42-1.65 0.80-1.03 0.65-0.80 0.93-1.18 0.99-1.09
2011 1.28-1.50 1.52-1.68 0.93-1.12 0.71-0.89 0.70-0.98 0.94-1.07
2012 1.20-1.35 1.52-1.64 0.95-1.09 0.74-0.85 0.89-1.00 0.96-1.05
2013 1.27-1.39 1.48-1.66 0.88-1.07 0.76-0.88 0.88-0.99 0.98-1.08
2014 1.20-1.40 1.54-1.72 0.80-0.96 0.76-0.89 0.86-1.00 1.05-1.18
2015 1.04-1.22 1.45-1.60 0.68-0.83 0.61-0.79 0.73-1.04 1.15-1.41
2016 1.03-1.17 1.14-1.51 0.68-0.79 0.63-0.75 0.94-1.04 1.24-1.47
2017 1.03-1.21 1.19-1.37 0.71-0.82 0.67-0.77 0.94-1.04 1.20-1.38
2018 1.12-1.26 1.24-1.44 0.70-0.82 0.64-0.75 0.91-1.01 1.22-1.37
2019 1.08-1.16 1.19-1.36 0.66-0.74 0.62-0.70 0.96-1.03 1.29-1.37
2020 1.06-1.24 1.14-1.37 0.55-0.78 0.54-0.73 0.87-1.00 1.26-1.47
2021 1.11-1.24 1.31-1.43 0.69-0.81 0.66-0.75 0.87-0.96 1.20-1.30
2022 0.95-1.15 1.03-1.38 0.61-0.77 0.55-0.71 0.90-1.02 1.24-1.40
2023 1.04-1.13 1.18-1.32 0.62-0.72 0.57-0.66 0.83-0.95 1.30-1.40
2024 1.03-1.13 1.22-1.35 0.61-0.70 0.55-0.65 0.83-0.93 1.31-1.45
2025 1.01-1.20 1.20-1.39 0.59-0.69 0.54-0.63 0.78-0.93 1.34-1.48
`;

/**
 * The same in dollars of metals, coins, Brent crude oil and two indices, rounded outward by a few percent. The bars of
 * 2019 (metals, oil, indices) and of 2020 to June 2025 (coins) that the tests have lie inside. A cell without a number
 * is not known.
 */
const DOLLAR_TABLE = `
year XAUUSD XAGUSD BCOUSD SPXUSD NSXUSD BTCUSD ETHUSD SOLUSD
2010 1030-1450 14-32 65-97 990-1280 1650-2280 ? ? ?
2011 1290-1940 25-51 90-130 1050-1390 2000-2480 ? ? ?
2012 1500-1820 25-39 86-131 1240-1500 2230-2930 ? ? ?
2013 1160-1720 17.5-33.5 94-122 1410-1870 2600-3640 ? ? ?
2014 1110-1410 14-23 53-119 1710-2120 3370-4400 ? ? ?
2015 1030-1330 13-19 34-72 1820-2160 3700-4800 ? ? ?
2016 1040-1400 13.4-22 26-60 1780-2310 3830-5060 ? ? ?
2017 1120-1380 14-19.2 43-69 2220-2730 4800-6600 730-20500 7-900 ?
2018 1140-1390 13.5-18.3 48-89 2310-2980 5780-7800 3000-17800 78-1480 ?
2019 1250-1580 14-20.2 49-78 2400-3290 6000-8920 3300-14300 98-380 ?
2020 1420-2110 11-31 15-74 2100-3820 6400-13100 3600-29700 80-780 0.4-5.2
2021 1650-1990 21-31 48-89 3600-4880 12000-17000 27000-71000 690-5000 1.1-270
2022 1590-2110 17-28 73-143 3420-4890 10200-16800 15000-49500 850-4000 7.5-185
2023 1770-2180 19.4-27 68-101 3720-4860 10500-17200 16000-46000 1150-2520 7.5-131
2024 1940-2850 21-36 66-96 4600-6200 15800-22600 37500-111000 2000-4240 76-273
2025 ? ? ? ? ? 72000-130000 1340-5100 91-305
`;

type Range = readonly [low: number, high: number];

/** By quote, and year. */
const CURRENCY_YEARS = readTable(TABLE);
const YEARS = new Map([...CURRENCY_YEARS, ...readTable(DOLLAR_TABLE)]);
const CURRENCIES: ReadonlySet<string> = new Set([...CURRENCY_YEARS.keys()].map((quote) => quote.replace('USD', '')));

function readTable(text: string): ReadonlyMap<string, ReadonlyMap<number, Range>> {
  const [header = '', ...rows] = text.trim().split('\n');
  const [, ...quotes] = header.split(' ');
  const cells = rows.map((row) => row.split(' '));
  const rangesOf = (column: number) => {
    const known = cells.filter((row) => row[column] !== '?');
    return new Map(known.map((row) => [Number(row[0]), row[column]!.split('-').map(Number) as unknown as Range]));
  };
  return new Map(quotes.map((quote, i) => [quote, rangesOf(i + 1)]));
}

/** What sources differ by, and the shortest of spikes. */
const ROOM = 0.02;

/** Quote currencies that count as dollars: these stablecoins left the room of one dollar for some hours only. */
const DOLLARS: ReadonlySet<string> = new Set(['USD', 'USDT', 'USDC']);

/** Dollar prices of a unit of a currency, metal, coin or index in a year; null where they are not known. */
function dollarsOf(currency: string, year: number): Range | null {
  if (DOLLARS.has(currency)) return [1, 1];
  const own = YEARS.get(`${currency}USD`)?.get(year);
  if (own !== undefined) return own;
  const inverse = YEARS.get(`USD${currency}`)?.get(year);
  return inverse === undefined ? null : [1 / inverse[1], 1 / inverse[0]];
}

/**
 * Between which prices a symbol was in a year, with room: two of the listed currencies, metals, coins and indices, such
 * as EURGBP, XAUUSD or BTCUSDT. Null where that is not known.
 */
export function pricesInYear(symbol: string, year: number): Range | null {
  const baseName = symbol.slice(0, 3);
  const quoteName = symbol.slice(3);
  const base = dollarsOf(baseName, year);
  const quote = dollarsOf(quoteName, year);
  if (base === null || quote === null || baseName === quoteName) return null;
  return [(base[0] / quote[1]) * (1 - ROOM), (base[1] / quote[0]) * (1 + ROOM)];
}

/** Least number of bars for a verdict. */
const MIN_BARS = 20;
/** Share of the bars that must be outside the prices of their year. */
const SHOWN_SHARE = 0.1;
/** Share of the bars outside their year that are of another symbol, or in another unit. */
const OTHER_SHARE = 0.5;
/**
 * So far outside, with room for contracts that differ between sources and for years that are not listed to the last
 * spike. Currencies need no more room than `ROOM`: their lowest and highest prices are known to the cent, and those of
 * euro and pound are only 3 % apart in 2019.
 */
const OTHER_ROOM = 0.05;
/** Share of the bars that must fit their year when the quote is inverted. */
const FITTING_SHARE = 0.95;

export interface YearQuote {
  readonly year: number;
  /** Mean close of the bars of that year. */
  readonly price: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Powers of ten by which a price is in another unit. A metal, coin, oil or index that is outside its year by another
 * factor is not remarked on: its contracts differ between sources by more than a currency's.
 */
const UNITS = [1, -1, 2, -2];

/** The power of ten that brings a price into a range; null where none does. */
export function powerInto(price: number, [low, high]: Range): number | null {
  return UNITS.find((power) => price / 10 ** power >= low && price / 10 ** power <= high) ?? null;
}

/** Returns whether both sides of a symbol are currencies of the Federal Reserve's release. */
export function isPairOfCurrencies(symbol: string): boolean {
  const isCurrency = (name: string): boolean => name === 'USD' || CURRENCIES.has(name);
  return isCurrency(symbol.slice(0, 3)) && isCurrency(symbol.slice(3));
}

/** Finds quotes of a symbol that do not fit their years, or do so only when they are inverted. */
export function createYearWatch(symbol: string): {
  add(time: number, close: number): void;
  /** Of the year with the most bars outside its prices; null where the quotes fit, or neither way does. */
  inverse(): YearQuote | null;
  /** Of the year with the most bars outside its prices; null where at least half of the quotes fit. */
  outside(): YearQuote | null;
} {
  let begin = Infinity;
  let end = -Infinity;
  let year = NaN;
  let range: Range | null = null;
  let bars = 0;
  let fitting = 0;
  let farOff = 0;
  const outside = new Map<number, { count: number; sum: number }>();
  const otherRoom = isPairOfCurrencies(symbol.toUpperCase()) ? 0 : OTHER_ROOM;
  const enter = (time: number): void => {
    year = new Date(time * 1000).getUTCFullYear();
    begin = Date.UTC(year, 0) / 1000;
    end = Date.UTC(year + 1, 0) / 1000;
    range = pricesInYear(symbol, year);
  };
  const allOutside = (): number => [...outside.values()].reduce((sum, { count }) => sum + count, 0);
  const isShown = (count: number, share: number): boolean => bars >= MIN_BARS && count >= share * bars;
  const mostOutside = (): YearQuote | null => {
    const [most] = [...outside].sort((a, b) => b[1].count - a[1].count);
    if (most === undefined) return null;
    const [low, high] = pricesInYear(symbol, most[0])!;
    return { year: most[0], price: most[1].sum / most[1].count, low, high };
  };
  return {
    add(time, close) {
      if (time < begin || time >= end) enter(time);
      if (range === null) return;
      bars++;
      if (1 / close >= range[0] && 1 / close <= range[1]) fitting++;
      if (close >= range[0] && close <= range[1]) return;
      if (close < range[0] * (1 - otherRoom) || close > range[1] * (1 + otherRoom)) farOff++;
      const own = outside.get(year) ?? { count: 0, sum: 0 };
      own.count++;
      own.sum += close;
      outside.set(year, own);
    },
    inverse: () => (isShown(allOutside(), SHOWN_SHARE) && fitting >= FITTING_SHARE * bars ? mostOutside() : null),
    outside: () => (isShown(farOff, OTHER_SHARE) ? mostOutside() : null),
  };
}

/** Returns whether the quotes of a year may be of the pair or of its inverse: its prices are around 1. */
export function mayBeInverse(symbol: string, year: number, close: number): boolean {
  const range = pricesInYear(symbol, year);
  return range !== null && [close, 1 / close].every((price) => price >= range[0] && price <= range[1]);
}
