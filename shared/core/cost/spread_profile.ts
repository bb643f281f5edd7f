import { MINUTES_PER_WEEK, newYorkMinuteOfWeek } from './new_york_time.ts';

const MINUTES_PER_DAY = 1440;

/** Multiples of a symbol's base spread by minute of the New York week; 0 is Sunday 00:00. 10,080 elements. */
export type SpreadProfile = ArrayLike<number>;

export const ASSET_CLASSES = ['currency', 'metal', 'index', 'crypto'] as const;
export type AssetClass = (typeof ASSET_CLASSES)[number];

/** Minute of the New York day (1440 and more: the next day), and the multiple there. Linear in between. */
type Knot = readonly [time: number, multiple: number];

interface Shape {
  /** Monday to Thursday, and the rest of Sunday and Friday. */
  readonly daily: readonly Knot[];
  /** From the week's open on Sunday until `daily` applies again. */
  readonly open: readonly Knot[];
  /** The last hour of Friday. */
  readonly close: readonly Knot[];
  /** While the market is closed: Friday's close to Sunday's open. */
  readonly closed: number;
}

const at = (hour: number, minute = 0): number => hour * 60 + minute;

/*
 * Medians of quoted spreads over the median of their trading day. Currencies: eleven pairs, five-minute bid and ask
 * candles, 14 sessions of August and September 2024; the median of the pairs. Metals: gold and silver, minute quotes of
 * 2014 and ticks of 2017 and 2018; a broker that quotes gold after 17:00 shows 6, most stop until 18:00. Indices:
 * MetaTrader bars of 2025 and 2026, which have no quotes from 16:50 to 18:05: the value in between is an assumption,
 * that of metals. Crypto: an assumption; its venues have no daily pause, and fewer participants on weekends.
 */
const SHAPES: Readonly<Record<AssetClass, Shape>> = {
  currency: {
    daily: [
      [at(0), 1],
      [at(16, 45), 1],
      [at(16, 54), 1.1],
      [at(16, 59), 1.35],
      [at(17), 5.3],
      [at(17, 10), 5.3],
      [at(17, 15), 4.1],
      [at(17, 30), 3.3],
      [at(17, 40), 2.45],
      [at(18), 2.5],
      [at(18, 4), 1.3],
      [at(18, 15), 1.15],
      [at(18, 45), 1.06],
      [at(19, 30), 1.04],
      [at(20, 30), 1],
      [at(24), 1],
    ],
    open: [
      [at(17), 7.9],
      [at(17, 10), 6.3],
      [at(17, 22), 5.2],
      [at(17, 45), 3.3],
      [at(18, 30), 1.25],
      [at(20), 1.04],
      [at(24), 1],
    ],
    close: [
      [at(16), 1.02],
      [at(16, 30), 1.1],
      [at(16, 45), 1.27],
      [at(16, 59), 1.9],
      [at(17), 7.9],
    ],
    closed: 7.9,
  },
  metal: {
    daily: [
      [at(0), 1],
      [at(16), 1],
      [at(16, 30), 1.15],
      [at(16, 50), 1.28],
      [at(16, 59), 1.42],
      [at(17), 6],
      [at(17, 59), 6],
      [at(18), 1.55],
      [at(18, 15), 1.4],
      [at(18, 45), 1.3],
      [at(19, 15), 1.15],
      [at(20, 30), 1.05],
      [at(22), 1],
      [at(24), 1],
    ],
    open: [
      [at(18), 2.8],
      [at(18, 5), 2.2],
      [at(18, 30), 1.85],
      [at(19, 30), 1.45],
      [at(21), 1.1],
      [at(24), 1],
    ],
    close: [
      [at(16), 1.05],
      [at(16, 30), 1.35],
      [at(16, 45), 1.6],
      [at(16, 59), 1.87],
      [at(17), 6],
    ],
    closed: 6,
  },
  index: {
    daily: [
      [at(0), 1.05],
      [at(9, 29), 1.02],
      [at(9, 35), 0.9],
      [at(15, 59), 0.87],
      [at(16, 15), 1.1],
      [at(16, 49), 1.15],
      [at(16, 50), 6],
      [at(18), 6],
      [at(18, 5), 1.27],
      [at(18, 30), 1.17],
      [at(19), 1.13],
      [at(19, 30), 1.05],
      [at(24), 1.05],
    ],
    open: [
      [at(18), 1.5],
      [at(18, 15), 1.27],
      [at(19), 1.2],
      [at(20), 1.1],
      [at(24), 1.05],
    ],
    close: [
      [at(16), 1.05],
      [at(16, 15), 1.13],
      [at(16, 49), 1.15],
      [at(16, 50), 6],
      [at(17), 6],
    ],
    closed: 6,
  },
  crypto: {
    daily: [
      [at(0), 1],
      [at(16, 30), 1],
      [at(17), 1.2],
      [at(18), 1.2],
      [at(19), 1],
      [at(24), 1],
    ],
    open: [
      [at(0), 1.2],
      [at(20), 1],
      [at(24), 1],
    ],
    close: [
      [at(16), 1],
      [at(17), 1.2],
    ],
    closed: 1.2,
  },
};

const CURRENCIES = /^(EUR|GBP|USD|CHF|JPY|AUD|NZD|CAD|NOK|SEK|DKK|SGD|HKD|MXN|ZAR|PLN|TRY|CNH|CZK|HUF)/;
const METALS = /^(XAU|XAG|XPT|XPD)/;
const COINS = /^(BTC|XBT|ETH|LTC|XRP|SOL|ADA|DOGE|AVAX|LINK|DOT|BNB|BCH|TRX|UNI|ATOM)|(USDT|USDC)$/;

/** Indices and energies, by the names of HistData, of MetaTrader brokers and of futures. */
const INDICES =
  /^(SPX|NSX|UKX|GRX|FRX|JPX|HKX|AUX|ETX|UDX|BCO|WTI|XBR|XTI|XNG|NGAS|NATGAS|UKOIL|USOIL|BRENT|US30|US500|US100|USTEC|US2000|SP500|NAS100|DJ30|GER[34]0|DE[34]0|DAX|UK100|FRA40|EU50|EUSTX50|STOXX50|ESP35|JP225|JPN225|NI225|HK50|AUS200|CHINA50|VIX)/;

/** What a symbol is, by its name; null: nothing says it. */
export function assetClassOf(symbol: string): AssetClass | null {
  if (METALS.test(symbol)) return 'metal';
  if (COINS.test(symbol)) return 'crypto';
  if (CURRENCIES.test(symbol) && CURRENCIES.test(symbol.slice(3))) return 'currency';
  return INDICES.test(symbol) ? 'index' : null;
}

/** The delivered profile of a symbol; of an unknown one that of an index, a contract with a daily pause. */
export function profileOfSymbol(symbol: string): SpreadProfile {
  return defaultProfile(assetClassOf(symbol) ?? 'index');
}

/** Computed on first use: most commands need none. */
const defaults = new Map<AssetClass, SpreadProfile>();

/** The delivered profile of an asset class. */
export function defaultProfile(assetClass: AssetClass): SpreadProfile {
  const known = defaults.get(assetClass);
  if (known) return known;
  const profile = weekOf(SHAPES[assetClass]);
  defaults.set(assetClass, profile);
  return profile;
}

/** The multiple from a minute of the New York week on; the first from minute 0. */
export type SpreadStep = readonly [minute: number, multiple: number];

/** @param steps ascending */
export function profileOfSteps(steps: readonly SpreadStep[]): SpreadProfile {
  const week = new Float64Array(MINUTES_PER_WEEK);
  for (const [from, multiple] of steps) week.fill(multiple, from);
  return week;
}

/** @param time epoch seconds */
export function multipleAt(profile: SpreadProfile, time: number): number {
  return profile[newYorkMinuteOfWeek(time)]!;
}

function weekOf({ daily, open, close, closed }: Shape): SpreadProfile {
  return Float64Array.from({ length: MINUTES_PER_WEEK }, (_, minute) => {
    const day = Math.floor(minute / MINUTES_PER_DAY);
    const time = minute % MINUTES_PER_DAY;
    if (day === 6) return closed;
    if (day === 0) return time < open[0]![0] ? closed : interpolate(open, time);
    if (day === 5 && time >= close[0]![0]) return time >= close.at(-1)![0] ? closed : interpolate(close, time);
    return interpolate(daily, time);
  });
}

function interpolate(knots: readonly Knot[], time: number): number {
  const next = knots.findIndex(([to]) => to > time);
  const [from, low] = knots[next - 1]!;
  const [to, high] = knots[next]!;
  return low + ((high - low) * (time - from)) / (to - from);
}
