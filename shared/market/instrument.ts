import { exp, ln } from '../elementary.ts';
import { createRng } from '../rng.ts';

/**
 * A factor that moves more than one asset. `volatility_bps` is the standard deviation of a normal minute, 1 bp = 0.01
 * %.
 */
export interface Factor {
  readonly name: string;
  readonly volatility_bps: number;
  readonly hours: 'currencies' | 'exchange';
}

export const FACTORS = [
  { name: 'dollar', volatility_bps: 1.0, hours: 'currencies' },
  { name: 'europe', volatility_bps: 0.6, hours: 'currencies' },
  { name: 'commodity', volatility_bps: 0.8, hours: 'currencies' },
  { name: 'risk', volatility_bps: 1.7, hours: 'exchange' },
  { name: 'metals', volatility_bps: 1.9, hours: 'exchange' },
  { name: 'oil', volatility_bps: 1.4, hours: 'exchange' },
] as const satisfies readonly Factor[];

export type FactorName = (typeof FACTORS)[number]['name'];

/** Something with a value in dollars: a currency, a metal, an index. */
export interface Asset {
  readonly name: string;
  /** Dollars for one unit, where the simulation starts from. */
  readonly level: number;
  /** Change of the asset's log value for a change of 1 in the factor. */
  readonly loadings: Readonly<Partial<Record<FactorName, number>>>;
  /** Standard deviation of its own mean-reverting part, and the half-life of a deviation. */
  readonly noise_bps: number;
  readonly half_life_minutes: number;
  /** Standard deviation per minute of its own permanent part. */
  readonly drift_bps: number;
}

/** A symbol: the price of `base` in units of `quote`; null is the dollar. */
export interface Instrument {
  readonly symbol: string;
  readonly base: Asset | null;
  readonly quote: Asset | null;
  readonly decimals: number;
  /** Ask − bid of a calm hour, in 0.01 % of the price. */
  readonly spread_bps: number;
  /** Ticks in a normal minute. */
  readonly volume: number;
}

/*
 * The loadings make these pairs move together: gold and silver (metals), AUD and NZD (commodity, dollar), EUR, GBP and
 * CHF (dollar, europe), AUD, NZD and CAD (dollar, commodity), the two indices (risk), CAD and Brent (Brent's loadings
 * are about 3.4 times CAD's), JPY and CHF (dollar, europe). What is not in proportion drifts apart slowly, as it does
 * in life.
 */
const ASSETS: readonly Asset[] = [
  asset('EUR', 1.085, { dollar: -1.0, europe: 1.0 }, 1.6, 22, 0.08),
  asset('GBP', 1.265, { dollar: -1.05, europe: 0.92 }, 8, 7, 0.1),
  asset('CHF', 1 / 0.885, { dollar: -0.97, europe: 0.9 }, 2.3, 24, 0.1),
  asset('JPY', 1 / 149.5, { dollar: -1.05, europe: 0.85, risk: -0.06 }, 3.6, 24, 0.12),
  asset('AUD', 0.655, { dollar: -1.0, commodity: 1.0, risk: 0.05, oil: 0.08 }, 2.4, 16, 0.1),
  asset('NZD', 0.605, { dollar: -0.97, commodity: 0.97, risk: 0.04, oil: 0.06 }, 8, 7, 0.12),
  asset('CAD', 1 / 1.365, { dollar: -0.72, commodity: 0.66, oil: 0.2 }, 2.2, 26, 0.1),
  asset('XAU', 2035, { metals: 1.0, dollar: -0.45 }, 3.6, 20, 0.18),
  asset('XAG', 23.1, { metals: 1.75, dollar: -0.75 }, 13, 20, 0.35),
  asset('SPX', 5020, { risk: 1.0 }, 2.2, 12, 0.1),
  asset('NSX', 17650, { risk: 1.28 }, 11, 7, 0.15),
  asset('BCO', 82.4, { dollar: -2.4, commodity: 2.2, oil: 1.1 }, 8.5, 32, 0.4),
];

function asset(
  name: string,
  level: number,
  loadings: Asset['loadings'],
  noise_bps: number,
  half_life_minutes: number,
  drift_bps: number,
): Asset {
  return { name, level, loadings, noise_bps, half_life_minutes, drift_bps };
}

/** Spreads (those of config/minutehand.yaml) and ticks of common symbols; others are derived from their assets. */
const QUOTES: Readonly<Record<string, { decimals: number; spread_bps: number; volume: number }>> = {
  EURUSD: { decimals: 5, spread_bps: 0.2, volume: 90 },
  GBPUSD: { decimals: 5, spread_bps: 0.4, volume: 85 },
  USDCHF: { decimals: 5, spread_bps: 0.5, volume: 55 },
  USDJPY: { decimals: 3, spread_bps: 0.3, volume: 95 },
  AUDUSD: { decimals: 5, spread_bps: 0.4, volume: 60 },
  NZDUSD: { decimals: 5, spread_bps: 0.7, volume: 45 },
  USDCAD: { decimals: 5, spread_bps: 0.4, volume: 60 },
  AUDNZD: { decimals: 5, spread_bps: 0.9, volume: 40 },
  EURGBP: { decimals: 5, spread_bps: 0.5, volume: 50 },
  XAUUSD: { decimals: 2, spread_bps: 0.9, volume: 140 },
  XAGUSD: { decimals: 3, spread_bps: 6.0, volume: 70 },
  SPXUSD: { decimals: 1, spread_bps: 1.0, volume: 80 },
  NSXUSD: { decimals: 1, spread_bps: 0.9, volume: 130 },
  BCOUSD: { decimals: 3, spread_bps: 4.0, volume: 60 },
};

/**
 * Parameters of a symbol in the simulated market. Six letters of two known assets are their exchange rate, so crosses
 * agree with their legs (EURGBP = EURUSD / GBPUSD). Any other name is an asset of its own whose numbers are drawn from
 * the name.
 */
export function instrumentOf(symbol: string): Instrument {
  const known = (name: string): Asset | null => ASSETS.find((one) => one.name === name) ?? null;
  const first = symbol.slice(0, 3);
  const second = symbol.slice(3);
  const quote = QUOTES[symbol];
  const base = known(first);
  if (base !== null && second === 'USD') return { symbol, base, quote: null, ...(quote ?? quoteFor(base.level)) };
  const other = known(second);
  if (first === 'USD' && other !== null)
    return { symbol, base: null, quote: other, ...(quote ?? quoteFor(1 / other.level)) };
  if (base !== null && other !== null && base !== other)
    return { symbol, base, quote: other, ...(quote ?? quoteFor(base.level / other.level)) };
  const stranger = strangeAsset(symbol);
  return { symbol, base: stranger, quote: null, ...(quote ?? quoteFor(stranger.level)) };
}

/** About six significant digits, as brokers quote. */
function quoteFor(price: number): { decimals: number; spread_bps: number; volume: number } {
  const magnitude = Math.floor(ln(price) / ln(10) + 1e-9);
  return { decimals: Math.min(8, Math.max(0, 5 - magnitude)), spread_bps: 2, volume: 50 };
}

function strangeAsset(name: string): Asset {
  const rng = createRng(`asset ${name}`);
  const level = exp(rng.uniform() * ln(1000));
  return asset(
    name,
    level,
    { risk: 0.7 + rng.uniform(), dollar: -rng.uniform() },
    2 + 3 * rng.uniform(),
    12 + rng.integer(24),
    0.15,
  );
}
