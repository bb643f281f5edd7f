import type { InspectedBar } from './inspected_bar.ts';
import type { Finding } from './finding.ts';
import { createYearWatch, isPairOfCurrencies, powerInto, type YearQuote } from './year_prices.ts';

/** From one close to the next: no market moves so far between two bars; a change of the scale does. */
const LEAP = 4;
/** The same of currencies and metals: the franc of January 2015 made 1.4 at once. */
const CURRENCY_LEAP = 1.5;
/** Over a longer gap, a currency may have moved so far. */
const LEAP_S = 7 * 86_400;
/** Between two sessions a share is split; within one it is not. */
const PAUSE_S = 3600;
/** A night’s move beside a split of so many to one. Falls by a third are too common to be told from one of 3:2. */
const NEAR_SPLIT = 0.06;
const SPLITS = [2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100];
/** Of a power of ten, as a fraction of its exponent's unit. */
const NEAR_POWER = 0.1;

/**
 * Closes of currencies and metals since 1999, with room on both sides. A first import has nothing else to be compared
 * with: a price ten times as high, in points, or of the inverse quote is outside.
 */
const USUAL_PRICES: Readonly<Record<string, readonly [low: number, high: number]>> = {
  EURUSD: [0.7, 1.8],
  GBPUSD: [0.9, 2.4],
  AUDUSD: [0.4, 1.3],
  NZDUSD: [0.35, 1.1],
  USDCAD: [0.8, 1.8],
  USDCHF: [0.6, 2],
  USDJPY: [65, 240],
  EURJPY: [80, 260],
  GBPJPY: [100, 330],
  AUDJPY: [45, 150],
  CHFJPY: [50, 270],
  CADJPY: [50, 170],
  NZDJPY: [35, 130],
  EURGBP: [0.5, 1.1],
  EURCHF: [0.75, 1.9],
  XAUUSD: [200, 20_000],
  XAGUSD: [3, 400],
};

/** Coins that have never been so cheap that their quote could be taken for its inverse. */
const INVERTED_COINS: Readonly<Record<string, readonly [low: number, high: number]>> = {
  BTCUSD: [1e-7, 1e-2],
  BTCUSDT: [1e-7, 1e-2],
  ETHUSD: [1e-6, 0.05],
  ETHUSDT: [1e-6, 0.05],
};

/** Currencies and metals whose prices since 1999 include this one. */
export function usualSymbolsAt(price: number): string[] {
  return Object.keys(USUAL_PRICES).filter((symbol) => {
    const [low, high] = USUAL_PRICES[symbol]!;
    return price >= low && price <= high;
  });
}

/** Whether a symbol is one of the listed currencies and metals. */
export function isUsuallyPriced(symbol: string): boolean {
  return Object.hasOwn(USUAL_PRICES, symbol.toUpperCase());
}

/** Finds prices of another scale: leaps inside the bars, and levels that a known symbol never had. */
export function createScaleWatch(symbol: string, { isReal }: { readonly isReal: boolean }) {
  const usual = USUAL_PRICES[symbol.toUpperCase()] ?? null;
  const yearWatch = createYearWatch(symbol.toUpperCase());
  const leaps = new Map<number, { count: number; time: number }>();
  let inverse: { count: number; time: number } | null = null;
  let other: { count: number; time: number; ratio: number } | null = null;
  let split: { count: number; time: number; ratio: string } | null = null;
  let bars = 0;
  let outside = 0;
  let sum = 0;
  const level = ({ time, close }: InspectedBar): void => {
    bars++;
    sum += Math.log(close);
    yearWatch.add(time, close);
    if (usual !== null && (close < usual[0] || close > usual[1])) outside++;
  };
  return {
    first: level,
    addNeighbors(earlier: InspectedBar, later: InspectedBar): void {
      level(later);
      const splitRatio = usual === null ? splitBetween(earlier, later) : null;
      if (splitRatio !== null) {
        split ??= { count: 0, time: later.time, ratio: splitRatio };
        split.count++;
        return;
      }
      const ratio = later.close / earlier.close;
      const leap = usual !== null && later.time - earlier.time <= LEAP_S ? CURRENCY_LEAP : LEAP;
      if (ratio < leap && ratio > 1 / leap) return;
      const exponent = Math.log10(ratio);
      const power = Math.round(exponent);
      if (power !== 0 && Math.abs(exponent - power) < NEAR_POWER) {
        const found = leaps.get(power) ?? { count: 0, time: later.time };
        found.count++;
        leaps.set(power, found);
      } else if (Math.abs(Math.log10(later.close * earlier.close)) < NEAR_POWER) {
        inverse ??= { count: 0, time: later.time };
        inverse.count++;
      } else {
        other ??= { count: 0, time: later.time, ratio };
        other.count++;
      }
    },
    findings(): Finding[] {
      const found: Finding[] = [];
      const greatest = [...leaps].sort((a, b) => b[1].count - a[1].count)[0];
      if (greatest !== undefined) {
        const [power, { count, time }] = greatest;
        found.push({ code: 'SCALED', by: 'leap', values: { factor: 10 ** power, leaps: count, from: time } });
      }
      if (inverse !== null)
        found.push({ code: 'SCALED', by: 'leap', values: { factor: '1/x', leaps: inverse.count, from: inverse.time } });
      if (split !== null) {
        const { ratio, count, time } = split;
        found.push({ code: 'SUSPECT', by: 'split', values: { ratio, splits: count, from: time } });
      }
      if (other !== null)
        found.push({
          code: 'SUSPECT',
          by: 'leap',
          values: { ratio: round(other.ratio), leaps: other.count, from: other.time },
        });
      const ofLevel = levelFinding();
      if (ofLevel !== null) found.push(ofLevel);
      const inverted = ofLevel === null ? yearWatch.inverse() : null;
      const strange = inverted ?? (isReal && found.length === 0 ? yearWatch.outside() : null);
      const ofYear = strange === null ? null : yearFinding(strange, inverted !== null);
      if (ofYear !== null) found.push(ofYear);
      return found;
    },
  };

  function yearFinding({ year, price, low, high }: YearQuote, isInverted: boolean): Finding | null {
    const values = { symbol, year, price: round(price), low: round(low), high: round(high) };
    if (isInverted) return { code: 'SCALED', by: 'year_prices', values: { factor: '1/x', ...values } };
    const power = powerInto(price, [low, high]);
    if (power !== null)
      return { code: 'SCALED', by: 'year_prices', values: { factor: Number(`1e${power}`), ...values } };
    return isPairOfCurrencies(symbol.toUpperCase()) ? { code: 'SUSPECT', by: 'year_prices', values } : null;
  }

  function levelFinding(): Finding | null {
    const coin = INVERTED_COINS[symbol.toUpperCase()];
    const mean = Math.exp(sum / bars);
    if (coin !== undefined && mean >= coin[0] && mean <= coin[1])
      return {
        code: 'SCALED',
        by: 'usual_prices',
        values: { factor: '1/x', price: round(mean), low: round(1 / coin[1]), high: round(1 / coin[0]) },
      };
    if (usual === null || bars === 0 || outside < 0.5 * bars) return null;
    const values = { price: round(mean), low: usual[0], high: usual[1] };
    const isUsual = (price: number): boolean => price >= usual[0] && price <= usual[1];
    const scaledBy = (powers: readonly number[]): Finding | null => {
      const power = powers.find((one) => isUsual(mean / Number(`1e${one}`)));
      if (power === undefined) return null;
      return { code: 'SCALED', by: 'usual_prices', values: { factor: Number(`1e${power}`), ...values } };
    };
    const near = scaledBy([1, -1, 2, -2]);
    if (near !== null) return near;
    if (isUsual(1 / mean)) return { code: 'SCALED', by: 'usual_prices', values: { factor: '1/x', ...values } };
    const far = scaledBy([3, -3, 4, -4, 5, -5, 6]);
    if (far !== null) return far;
    return { code: 'SUSPECT', by: 'usual_prices', values };
  }
}

/**
 * `4:1` where a share opens after a pause at a fourth of its close, `1:4` at four times of it; a power of ten is a
 * change of the scale.
 */
function splitBetween(earlier: InspectedBar, later: InspectedBar): string | null {
  const pause = later.time - earlier.time;
  if (pause < PAUSE_S || pause > LEAP_S) return null;
  const ratio = later.open / earlier.close;
  const parts = ratio < 1 ? 1 / ratio : ratio;
  const whole = SPLITS.find((one) => Math.abs(parts / one - 1) <= NEAR_SPLIT);
  if (whole === undefined) return null;
  if (whole >= 10 && Math.abs(Math.log10(parts) - Math.round(Math.log10(parts))) < NEAR_POWER) return null;
  return ratio < 1 ? `${whole}:1` : `1:${whole}`;
}

/** Six significant digits. */
export function round(value: number): number {
  return Number(value.toPrecision(6));
}
