import type { SampledCloses } from './bar_inspection.ts';
import type { Finding } from './finding.ts';
import { round } from './scale_watch.ts';
import { pricesInYear } from './year_prices.ts';

const HALF_HOUR_S = 1800;
/** Clocks differ by at most this much. */
const MAX_LAG_S = 14 * 3600;
/** Common moves that a correlation is judged by. */
const MIN_MOVES = 100;
/** Moves of one symbol from two sources agree; so do the sizes of moves of related ones, less. */
const SAME_SYMBOL = 0.7;
const RELATED = 0.4;
const CLEARLY_BETTER = 0.2;
/** Standard errors of the correlation of unrelated moves: the best of some fifty shifts must not be one of chance. */
const STANDARD_ERRORS = 5;
/** Moves of a copy: equal but for the rounding of floating-point numbers, of at least so many, but for a few. */
const SAME_MOVE = 1e-9;
const MIN_COPIED_MOVES = 20;
const COPIED_SHARE = 0.9;
const NEAR_POWER = 0.05;
/** Levels of one symbol at different times, and a rate that others imply, differ less. */
const SAME_LEVEL = 0.05;
/** Prices of one symbol in the same minutes from two sources differ less: of futures and spot by the interest. */
const SAME_MINUTES = 0.02;
const CURRENCY_PAIR = /^(AUD|CAD|CHF|CNH|CZK|DKK|EUR|GBP|HKD|HUF|JPY|MXN|NOK|NZD|PLN|SEK|SGD|TRY|USD|ZAR){2}$/;

/**
 * Compares the bars of a symbol with what is known already: the symbol itself (moves, and level), other symbols (sizes
 * of moves, which markets share), and the rate that two known pairs of currencies imply.
 */
export function compareWithKnown(own: SampledCloses, known: readonly SampledCloses[]): Finding[] {
  const same = known.find(({ symbol }) => symbol === own.symbol);
  const found: Finding[] = [];
  const ofLevel = same === undefined ? ofCrossRate(own, known) : ofSameLevel(own, same);
  if (ofLevel !== null) found.push(ofLevel);
  const shift = same === undefined ? null : shiftOf(own, same, true);
  if (shift !== null) found.push(shift);
  const exchanged = exchangedWith(own, known);
  if (exchanged !== null) found.push(exchanged);
  const copied = copyOf(own, known);
  if (copied !== null) found.push(copied);
  if (same !== undefined && isComparable(own, same)) return found;
  const ofOthers = known
    .filter(({ symbol }) => symbol !== own.symbol)
    .filter((other) => isComparable(own, other))
    .map((other) => shiftOf(own, other, false));
  // One unrelated market proves nothing: those that can be compared must agree.
  const lags = new Set(ofOthers.map((one) => one?.values['hours'] ?? 0));
  if (ofOthers.length > 0 && lags.size === 1 && ofOthers[0] !== null && ofOthers[0] !== undefined)
    found.push(ofOthers[0]);
  return found;
}

/**
 * SUSPECT where the moves are those of another symbol to the last digit: one series under two names. Prices of two
 * markets never move so, and those of one market differ from broker to broker.
 */
function copyOf(own: SampledCloses, known: readonly SampledCloses[]): Finding | null {
  for (const other of known) {
    if (other.symbol === own.symbol || other.bucketSeconds !== own.bucketSeconds) continue;
    let moves = 0;
    let equal = 0;
    forCommonMoves(own, other, 0, (move, others) => {
      if (move === 0) return;
      moves++;
      if (Math.abs(move - others) < SAME_MOVE) equal++;
    });
    if (moves >= MIN_COPIED_MOVES && equal > COPIED_SHARE * moves)
      return { code: 'SUSPECT', by: 'same_bars', values: { symbol: other.symbol, equal, moves } };
  }
  return null;
}

/**
 * How many of the second are worth one of the first, since 1999, in the same currency. Outside, and inside the other
 * way round, the names of the two are exchanged.
 */
const RATIOS: readonly (readonly [one: string, other: string, low: number, high: number])[] = [
  ['AUD', 'NZD', 0.99, 1.45],
  ['GBP', 'EUR', 1.01, 1.8],
  ['XAU', 'XAG', 15, 130],
  ['NSX', 'SPX', 1, 6],
  ['BTC', 'ETH', 8, 200],
];
/** Closes of the same time that show it, and their share. */
const MIN_EXCHANGED = 20;
const EXCHANGED_SHARE = 0.9;

/**
 * SUSPECT where the prices of two symbols fit each other's names, and not their own: by what one is worth in the other,
 * or by the prices of the year.
 */
function exchangedWith(own: SampledCloses, known: readonly SampledCloses[]): Finding | null {
  for (const other of known) {
    if (other.symbol === own.symbol || other.bucketSeconds !== own.bucketSeconds) continue;
    const range = ratioOf(own.symbol, other.symbol);
    let common = 0;
    let exchanged = 0;
    for (const [bucket, close] of own.closes) {
      const there = other.closes.get(bucket);
      if (there === undefined) continue;
      common++;
      const ratio = close / there;
      if (range !== null && !isIn(ratio, range) && isIn(1 / ratio, range)) exchanged++;
      else if (fitsOnly(own, close, other, bucket) && fitsOnly(other, there, own, bucket)) exchanged++;
    }
    if (common < MIN_EXCHANGED || exchanged < EXCHANGED_SHARE * common) continue;
    const price = round(median([...own.closes.values()]));
    const values = { symbol: other.symbol, price, other: round(median([...other.closes.values()])) };
    return { code: 'SUSPECT', by: 'exchanged', values };
  }
  return null;
}

const isIn = (value: number, [low, high]: readonly [number, number]): boolean => value >= low && value <= high;

function ratioOf(one: string, other: string): readonly [number, number] | null {
  if (one.slice(3) !== other.slice(3)) return null;
  for (const [a, b, low, high] of RATIOS) {
    if (one.slice(0, 3) === a && other.slice(0, 3) === b) return [low, high];
    if (one.slice(0, 3) === b && other.slice(0, 3) === a) return [1 / high, 1 / low];
  }
  return null;
}

/** Whether a price of one symbol is outside the prices of its year, and inside those of the other. */
function fitsOnly(of: SampledCloses, price: number, other: SampledCloses, bucket: number): boolean {
  const year = new Date(bucket * of.bucketSeconds * 1000).getUTCFullYear();
  const own = pricesInYear(of.symbol, year);
  const others = pricesInYear(other.symbol, year);
  return own !== null && others !== null && !isIn(price, own) && isIn(price, others);
}

function isComparable(own: SampledCloses, other: SampledCloses): boolean {
  return own.bucketSeconds === other.bucketSeconds && correlation(own, other, 0, Math.abs).moves >= MIN_MOVES;
}

/** Positive hours: the stamps of `own` are ahead. */
function shiftOf(own: SampledCloses, other: SampledCloses, isSame: boolean): Finding | null {
  if (own.bucketSeconds !== other.bucketSeconds) return null;
  const step = Math.max(HALF_HOUR_S, own.bucketSeconds);
  const of = isSame ? (move: number) => move : Math.abs;
  const at = (lag: number) => correlation(own, other, lag / own.bucketSeconds, of);
  const here = at(0);
  let best = { lag: 0, ...here };
  for (let lag = step; lag <= MAX_LAG_S; lag += step) {
    for (const signed of [lag, -lag]) {
      const one = at(signed);
      if (one.moves >= MIN_MOVES && one.value > best.value) best = { lag: signed, ...one };
    }
  }
  const least = Math.max(isSame ? SAME_SYMBOL : RELATED, STANDARD_ERRORS / Math.sqrt(Math.max(1, best.moves)));
  if (best.lag === 0 || best.value < least) return null;
  if (here.moves >= MIN_MOVES && best.value - here.value < CLEARLY_BETTER) return null;
  return {
    code: 'SHIFTED',
    by: isSame ? 'known_bars' : 'related_bars',
    values: {
      hours: best.lag / 3600,
      correlation: round(best.value),
      unshifted: round(here.value),
      moves: best.moves,
      symbol: other.symbol,
    },
  };
}

/** Calls `take` with each log return of one symbol between buckets, and that of the other `lag` buckets earlier. */
function forCommonMoves(
  own: SampledCloses,
  other: SampledCloses,
  lag: number,
  take: (move: number, others: number) => void,
): void {
  for (const [bucket, close] of own.closes) {
    const before = own.closes.get(bucket - 1);
    const there = other.closes.get(bucket - lag);
    const thereBefore = other.closes.get(bucket - lag - 1);
    if (before === undefined || there === undefined || thereBefore === undefined) continue;
    take(Math.log(close / before), Math.log(there / thereBefore));
  }
}

/** Of the moves of two symbols, each turned by `of`. */
function correlation(
  own: SampledCloses,
  other: SampledCloses,
  lag: number,
  of: (move: number) => number,
): { value: number; moves: number } {
  let n = 0;
  let sx = 0;
  let sy = 0;
  let sxx = 0;
  let syy = 0;
  let sxy = 0;
  forCommonMoves(own, other, lag, (move, others) => {
    const x = of(move);
    const y = of(others);
    n++;
    sx += x;
    sy += y;
    sxx += x * x;
    syy += y * y;
    sxy += x * y;
  });
  const variance = (n * sxx - sx * sx) * (n * syy - sy * sy);
  return { value: variance > 0 ? (n * sxy - sx * sy) / Math.sqrt(variance) : 0, moves: n };
}

function ofSameLevel(own: SampledCloses, same: SampledCloses): Finding | null {
  const ratios: number[] = [];
  for (const [bucket, close] of own.closes) {
    const there = same.closes.get(bucket);
    if (there !== undefined) ratios.push(close / there);
  }
  if (ratios.length > 0) {
    const level = median([...same.closes.values()]);
    return ofRatio(median(ratios), level, 'known_bars', same.symbol, SAME_MINUTES);
  }
  if (own.closes.size === 0 || same.closes.size === 0) return null;
  // Without a common time, only a change of the scale is clear: markets move.
  const level = median([...same.closes.values()]);
  const finding = ofRatio(median([...own.closes.values()]) / level, level, 'known_level', same.symbol);
  return finding?.code === 'SCALED' ? finding : null;
}

/** A×C of A/B and B/C: of currencies only, whose pairs follow from one another. */
function ofCrossRate(own: SampledCloses, known: readonly SampledCloses[]): Finding | null {
  if (!CURRENCY_PAIR.test(own.symbol)) return null;
  const base = own.symbol.slice(0, 3);
  const quote = own.symbol.slice(3);
  const rates = known.filter(({ symbol }) => CURRENCY_PAIR.test(symbol));
  const rateOf = (from: string, to: string): { symbol: string; at: (bucket: number) => number | undefined } | null => {
    const direct = rates.find(({ symbol }) => symbol === from + to);
    if (direct !== undefined) return { symbol: direct.symbol, at: (bucket) => direct.closes.get(bucket) };
    const inverse = rates.find(({ symbol }) => symbol === to + from);
    if (inverse === undefined) return null;
    return {
      symbol: inverse.symbol,
      at: (bucket) => {
        const rate = inverse.closes.get(bucket);
        return rate === undefined ? undefined : 1 / rate;
      },
    };
  };
  const others = new Set(rates.flatMap(({ symbol }) => [symbol.slice(0, 3), symbol.slice(3)]));
  for (const between of others) {
    if (between === base || between === quote) continue;
    const one = rateOf(base, between);
    const two = rateOf(between, quote);
    if (one === null || two === null) continue;
    const ratios: number[] = [];
    const levels: number[] = [];
    for (const [bucket, close] of own.closes) {
      const implied = (one.at(bucket) ?? NaN) * (two.at(bucket) ?? NaN);
      if (Number.isNaN(implied)) continue;
      ratios.push(close / implied);
      levels.push(implied);
    }
    if (ratios.length >= 10)
      return ofRatio(median(ratios), median(levels), 'cross_rate', `${one.symbol}, ${two.symbol}`);
  }
  return null;
}

/** @param level what the price should be */
function ofRatio(ratio: number, level: number, by: string, symbol: string, least = SAME_LEVEL): Finding | null {
  if (Math.abs(Math.log(ratio)) < least) return null;
  const values = { ratio: round(ratio), expected: round(level), symbol };
  const exponent = Math.log10(ratio);
  const power = Math.round(exponent);
  if (power !== 0 && Math.abs(exponent - power) < NEAR_POWER)
    return { code: 'SCALED', by, values: { factor: Number(`1e${power}`), ...values } };
  if (Math.abs(Math.log(ratio * level * level)) < SAME_LEVEL)
    return { code: 'SCALED', by, values: { factor: '1/x', ...values } };
  return { code: 'SUSPECT', by, values };
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
}
