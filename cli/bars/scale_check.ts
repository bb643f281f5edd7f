import { priceText } from '../../shared/price_text.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { decimalsOf } from '../../shared/csv/numbers.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { SymbolSink } from '../../shared/bar_file/bar_sink.ts';
import { mayBeInverse } from '../../shared/bar_file/verdict/year_prices.ts';
import { upperMedianOf } from '../../shared/statistics.ts';
import type { BarLayout } from './bar_layout.ts';
import type { Survey } from './survey.ts';

export interface ScaleOptions {
  /** Digits after the point of the prices, which spreads in points need; absent = as the prices show. */
  readonly digits?: number;
  /** Does not compare prices and spreads with what is known of the symbol. */
  readonly trustPrices?: boolean;
  /** Configured spreads by symbol, in basis points. */
  readonly spreadBps?: Readonly<Record<string, number>>;
}

interface ScaleQuestion {
  readonly path: string;
  readonly symbol: string;
  readonly survey: Survey;
  readonly layout: BarLayout;
  readonly near: SymbolSink['near'];
  readonly options: ScaleOptions;
}

export interface Scale {
  /** Digits after the point, by which points become prices. */
  readonly decimals: number;
  /** What was inferred, each with what shows it. */
  readonly evidence: readonly string[];
}

const DAY_S = 86_400;
/** Bars this far from those of the file tell its price level. */
const NEAR_S = 30 * DAY_S;
/** A price at ten times the level of its neighbors, or a tenth, is another unit; so is one far beyond that. */
const POWER_OF_TEN = 0.15;
const FAR = 20;
/** More is no spread, but points taken as prices. */
const MAX_SPREAD_SHARE = 0.05;

/**
 * The digits of a file's prices, by which its spreads in points are read, and whether its prices and spreads can be of
 * this symbol: compared with bars of the symbol that are there, and with its configured spread.
 * @throws MinutehandError DATA_FORMAT where a guess would be off by a power of ten, with the option that decides it
 */
export async function checkScale(question: ScaleQuestion): Promise<Scale> {
  const { survey, layout, options } = question;
  const decimals = options.digits ?? survey.decimals;
  const evidence = [...layout.evidence];
  if (layout.inPoints) evidence.push(digitsEvidence(question, decimals));
  evidence.push(...spreadEvidence(question, decimals));
  if (options.trustPrices === true) return { decimals, evidence };
  checkSpreadUnit(question, decimals);
  const near = await nearBars(question);
  const level = near === null ? null : checkLevel(question, near);
  if (level !== null) evidence.push(level);
  else if (isNearOne(question)) evidence.push('a price near 1, which does not show whether the quote is inverted');
  if (layout.inPoints && options.digits === undefined) {
    if (near !== null) checkDigits(question, near);
    checkConfigured(question, decimals);
  }
  return { decimals, evidence };
}

function digitsEvidence({ survey, options }: ScaleQuestion, decimals: number): string {
  if (options.digits !== undefined) return `spreads in points of ${decimals} digits, as given`;
  const more = survey.rowsWithMore === 0 ? '' : `, ${survey.rowsWithMore} rows with more aside`;
  return `spreads in points of ${decimals} digits by the prices${more}`;
}

/** The usual spread as it will be used, so that one of another unit is seen before a backtest pays it. */
function spreadEvidence({ survey, layout }: ScaleQuestion, decimals: number): string[] {
  const { close, spread } = survey.typical;
  if (!(spread > 0 && close > 0)) return [];
  const price = layout.inPoints ? spread / 10 ** decimals : spread;
  const written = layout.inPoints ? `${spread} points` : `${priceText(spread)} as a price`;
  const used = layout.inPoints ? ` ${priceText(price)} in price,` : '';
  return [`the usual spread, ${written}, is${used} ${Number(((price / close) * 1e4).toPrecision(2))} basis points`];
}

function checkSpreadUnit({ path, survey, layout }: ScaleQuestion, decimals: number): void {
  const { close, spread, isSpreadWhole } = survey.typical;
  if (!(spread > 0)) return;
  if (layout.inPoints && !isSpreadWhole)
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path}: spreads such as ${spread}, which are no whole points`,
      expected: 'whole points, as MetaTrader writes them',
      next: 'Give --spread price where they are prices, or --spread points where they are points.',
    });
  const share = (layout.inPoints ? spread / 10 ** decimals : spread) / close;
  if (share <= MAX_SPREAD_SHARE) return;
  const unit = layout.inPoints ? `points of ${decimals} digits` : 'prices';
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path}: a usual spread of ${priceText(spread)} at a price of ${priceText(close)}, ${percent(share)} of it when taken as ${unit}`,
    expected: `a spread of at most ${percent(MAX_SPREAD_SHARE)} of the price`,
    next: layout.inPoints
      ? 'Give --digits with those of the prices, or --trust-prices.'
      : 'Give --spread points where they are points, or --trust-prices.',
  });
}

/** The level of the symbol's bars near the file’s. */
async function nearBars({ survey, near }: ScaleQuestion): Promise<BarColumns | null> {
  const [first, last] = survey.range;
  if (!(last >= first)) return null;
  const middle = (first + last) / 2;
  const reach = Math.min(Math.max((last - first) / 2, NEAR_S), 200 * DAY_S) + 2 * DAY_S;
  const bars = await near(middle - reach, middle + reach);
  return bars === null || bars.length < 20 ? null : bars;
}

/** Both the price and its inverse are usual for the pair in that year. */
function isNearOne({ symbol, survey }: ScaleQuestion): boolean {
  const middle = (survey.range[0] + survey.range[1]) / 2;
  return (
    Number.isFinite(middle) && mayBeInverse(symbol, new Date(middle * 1000).getUTCFullYear(), survey.typical.close)
  );
}

function checkLevel({ path, symbol, survey }: ScaleQuestion, near: BarColumns): string | null {
  const { close } = survey.typical;
  const known = upperMedianOf(near.close.subarray(0, near.length));
  const ratio = close / known;
  const power = Math.round(Math.log10(ratio));
  const isPowerOfTen = power !== 0 && Math.abs(ratio / 10 ** power - 1) < POWER_OF_TEN;
  if (!isPowerOfTen && ratio < FAR && ratio > 1 / FAR)
    return `price level as the ${near.length} bars of ${symbol} near them (${priceText(known)}, here ${priceText(close)})`;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path}: prices of about ${priceText(close)}; those of ${symbol} at about the same time are ${priceText(known)}, ${shownRatio(ratio)}`,
    expected: 'prices in one unit',
    next: 'Give --symbol with the symbol of this file; where both are right, such as after a split, --trust-prices.',
  });
}

function checkDigits({ path, symbol, survey }: ScaleQuestion, near: BarColumns): void {
  const counts: number[] = [];
  for (let i = 0; i < near.length; i++) {
    const decimals = decimalsOf(String(near.close[i]));
    counts[decimals] = (counts[decimals] ?? 0) + 1;
  }
  let known = counts.length - 1;
  while (known > 0 && (counts[known] ?? 0) * 20 < near.length) known--;
  if (known === survey.decimals || near.spread === null || !(survey.typical.spread > 0)) return;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path}: prices with ${survey.decimals} digits; those of ${symbol} that are there have ${known}, so that a point, and every spread, would differ by a power of ten`,
    expected: 'spreads in points of the same digits',
    next: `Give --digits ${known} or --digits ${survey.decimals}: the digits that the terminal shows for ${symbol}.`,
  });
}

function checkConfigured({ path, symbol, survey, options }: ScaleQuestion, decimals: number): void {
  const configured = options.spreadBps?.[symbol] ?? 0;
  const { close, spread } = survey.typical;
  const own = (spread / 10 ** decimals / close) * 1e4;
  if (!(configured > 0 && own > FAR * configured)) return;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path}: a usual spread of ${own.toPrecision(2)} basis points in points of ${decimals} digits; configured for ${symbol} are ${configured}`,
    expected: 'a spread near the configured one',
    next: `Give --digits with those that the terminal shows for ${symbol}, or --trust-prices.`,
  });
}

function shownRatio(ratio: number): string {
  return ratio > 1 ? `${Math.round(ratio)} times lower` : `${Math.round(1 / ratio)} times as high`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}
