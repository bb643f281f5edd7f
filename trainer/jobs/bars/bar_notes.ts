import { isoMinute, SECONDS_PER_BAR, shownMinute, type OpenTime } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { ENOUGH_BARS, ownBarSeconds } from '../../../shared/bar_file/own_timeframe.ts';
import { counted } from '../../../shared/counted.ts';
import { stretchesOf } from '../../../shared/core/recent_history.ts';
import { lateSeriesNotes } from './late_series.ts';
import { quotedBps } from '../../../shared/core/cost/fill_cost.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import {
  areTooSmall,
  believedCosts,
  costNotes,
  fillBps,
  leastFillBps,
  refuseUnknownCosts,
  type FillParts,
} from '../../../shared/policy/believed_costs.ts';
import { upperMedianOf } from '../../../shared/statistics.ts';

const DAY_S = 86_400;

/** Receives what a person should know of the bars that a job reads. */
export type OnNote = (text: string) => void;

/** Where nobody takes a note. */
export function toStandardError(text: string): void {
  process.stderr.write(`${text}\n`);
}

type NotedBars = Pick<BarColumns, 'symbol' | 'time' | 'length'> &
  Partial<Pick<BarColumns, 'spread' | 'close' | 'series'>> & { readonly timeframe?: number };

/**
 * What a result on these bars depends on: where a backtest ends its positions, each hole once with the symbols that
 * have it, whose quoted spreads are none, whose costs are too small to be believed, and which series come too late.
 * @param bars of one minute, or with their own `timeframe` in seconds
 * @param costs as configured, by symbol
 * @throws MinutehandError COSTS_UNKNOWN
 */
export function barNotes(bars: Iterable<NotedBars>, costs: Readonly<Record<string, FillParts>>): string[] {
  const all = [...bars];
  const symbols = all.map(({ symbol }) => symbol);
  refuseUnknownCosts(costs, symbols);
  for (const bars of all) refuseTinySpreads(bars, costs[bars.symbol]);
  const late = all.flatMap((bars) => lateSeriesNotes({ ...bars, barSeconds: secondsOf(bars) }, bars.series ?? {}));
  return [...holeNotes(all), ...all.flatMap(spreadNote), ...costNotes(costs, symbols), ...late];
}

/** Nobody fills without a spread: costs take 0 for unknown (`quotedBps`). */
function spreadNote({ symbol, spread, length }: NotedBars): string[] {
  const zeros = spread?.reduce((count, own) => count + (own === 0 ? 1 : 0), 0) ?? 0;
  if (zeros === 0) return [];
  return [
    `${symbol}: ${counted(zeros, 'bar')} of ${length} have a spread of 0, which counts as unknown: the configured spread applies there.`,
  ];
}

/**
 * A column of spreads in another unit, or of another symbol, would be charged as it is.
 * @throws MinutehandError COSTS_UNKNOWN
 */
function refuseTinySpreads({ symbol, spread, close, length }: NotedBars, costs: FillParts | undefined): void {
  if (!spread || !close || costs === undefined) return;
  const quoted: number[] = [];
  for (let i = 0; i < length; i++) {
    const own = quotedBps({ spread: spread[i]!, close: close[i]! });
    if (own >= 0) quoted.push(own);
  }
  if (quoted.length === 0) return;
  const usual = { ...believedCosts(symbol, costs), spread_bps: upperMedianOf(quoted) };
  if (!areTooSmall(symbol, usual)) return;
  throw new MinutehandError('COSTS_UNKNOWN', {
    seen: `${symbol}: half of its bars have a spread of ${usual.spread_bps.toPrecision(2)} bps or less; with commission and slippage a fill costs ${fillBps(usual).toPrecision(2)}`,
    expected: `at least ${leastFillBps(symbol).toPrecision(2)} bps a fill`,
    next: 'Import the bars again and say what the column is (--spread points or price), or state commission and slippage: symbols in config/minutehand.yaml.',
  });
}

function secondsOf({ time, length, timeframe }: Pick<NotedBars, 'time' | 'length' | 'timeframe'>): number {
  return timeframe ?? (length < ENOUGH_BARS ? SECONDS_PER_BAR : ownBarSeconds({ time, length }));
}

function holeNotes(bars: readonly NotedBars[]): string[] {
  const symbolsOf = new Map<string, string[]>();
  for (const { symbol, time, length, timeframe } of bars) {
    const seconds = secondsOf({ time, length, ...(timeframe !== undefined && { timeframe }) });
    const stretches = stretchesOf(time, 0, length, seconds);
    stretches.slice(1).forEach(({ from }) => {
      const span = spanText(time[from - 1]!, time[from]!);
      symbolsOf.set(span, [...(symbolsOf.get(span) ?? []), symbol]);
    });
  }
  return Array.from(
    symbolsOf,
    ([span, symbols]) => `${symbols.join(', ')}: no bars ${span}; positions end at this hole.`,
  );
}

function spanText(from: number, to: number): string {
  const days = Math.floor((to - from) / DAY_S);
  return `from ${shownTime(from)} to ${shownTime(to)} UTC (${counted(days, 'day')})`;
}

function shownTime(time: number): string {
  return shownMinute(isoMinute(time as OpenTime));
}

/** Bars that are left out because they do not lead to the others, or begin long after them. */
export function apartText(
  { symbols, bars, from, to }: { symbols: readonly string[]; bars: number; from: number; to: number },
  source: 'journal' | 'store',
): string {
  const which = source === 'journal' ? 'received' : 'imported';
  return `${symbols.join(', ')}: ${counted(bars, `${which} bar`)} of ${shownTime(from)} to ${shownTime(to)} UTC left out: too far from the others to be one history. --from and --to choose them.`;
}
