import { isoMinute, type OpenTime, SECONDS_PER_BAR } from '../bar.ts';
import { weekendSeconds } from './verdict/absences.ts';

const DAY_S = 86_400;
/** Shorter gaps are quiet minutes. */
const LEAST_S = 45 * 60;
/** A gap that begins so near to the time of the day at which others begin is a daily pause, summer time or not. */
const SAME_HOUR_S = 90 * 60;
/** Other days on which a pause begins at that time. */
const MIN_PAUSES = 2;
/** A source with more gaps has bars of trades alone: its absences tell nothing. */
const MAX_GAPS = 2000;

/** A time without bars of one symbol. */
export interface BarGap {
  /** Epoch seconds: the end of the last bar before it, and the open of the first one after it. */
  readonly from: number;
  readonly to: number;
  /** From the close before it to the open after it, basis points. */
  readonly moveBps: number;
}

/** The gaps of one symbol's bars, which are added in their order. */
export interface GapWatch {
  add(columns: {
    readonly length: number;
    readonly time: ArrayLike<number>;
    readonly open: ArrayLike<number>;
    readonly close: ArrayLike<number>;
  }): void;
  result(): SymbolGaps;
}

export interface SymbolGaps {
  readonly symbol: string;
  /** Epoch seconds; NaN without bars. */
  readonly first: number;
  readonly last: number;
  readonly gaps: readonly BarGap[];
}

/** @param barSeconds of the bars; gaps of less than four of them are none */
export function createGapWatch(symbol: string, barSeconds = SECONDS_PER_BAR): GapWatch {
  const least = Math.max(LEAST_S, 3 * barSeconds);
  const gaps: BarGap[] = [];
  let first = NaN;
  let last = NaN;
  let lastClose = NaN;
  return {
    add({ length, time, open, close }) {
      for (let i = 0; i < length; i++) {
        const at = time[i]!;
        const from = last + barSeconds;
        if (at - from >= least && gaps.length <= MAX_GAPS)
          gaps.push({ from, to: at, moveBps: 1e4 * (open[i]! / lastClose - 1) });
        if (Number.isNaN(first)) first = at;
        last = at;
        lastClose = close[i]!;
      }
    },
    result: () => ({ symbol, first, last, gaps }),
  };
}

/** A time without a bar of any symbol, though some of them trade at it on other days. */
export interface CommonAbsence {
  readonly from: OpenTime;
  readonly to: OpenTime;
  /** Symbols that have bars before and after it. */
  readonly symbols: readonly string[];
  /** The largest move over it, of which symbol, basis points. */
  readonly symbol: string;
  readonly move_bps: number;
}

/**
 * Gaps that two symbols or more have at the same time, that are neither weekends nor daily pauses, and in which no
 * symbol has a bar: one outage of the source, or a holiday. Ascending.
 */
export function commonAbsences(symbols: readonly SymbolGaps[]): CommonAbsence[] {
  const all = symbols.filter(({ gaps }) => gaps.length <= MAX_GAPS);
  const found: CommonAbsence[] = [];
  const unusual = new Map(all.map(({ symbol, gaps }) => [symbol, gaps.filter((gap) => !isUsual(gap, gaps))]));
  let end = -Infinity;
  const candidates = [...unusual.values()].flat().sort((a, b) => a.from - b.from);
  for (const candidate of candidates) {
    if (candidate.from < end) continue;
    const there = all.filter(({ first, last }) => first < candidate.from && last >= candidate.to);
    let { from, to } = candidate;
    let most: { symbol: string; moveBps: number } | null = null;
    let strange = 0;
    for (const { symbol, gaps } of there) {
      const gap = gaps.find((one) => one.from < to && one.to > from);
      from = gap === undefined ? to : Math.max(from, gap.from);
      to = Math.min(to, gap?.to ?? to);
      if (gap === undefined) break;
      if (unusual.get(symbol)!.includes(gap)) strange++;
      if (most === null || Math.abs(gap.moveBps) > Math.abs(most.moveBps)) most = { symbol, moveBps: gap.moveBps };
    }
    if (most === null || strange < 2 || to - from < LEAST_S) continue;
    end = to;
    found.push({
      from: from as OpenTime,
      to: to as OpenTime,
      symbols: there.map(({ symbol }) => symbol),
      symbol: most.symbol,
      move_bps: Math.round(10 * most.moveBps) / 10,
    });
  }
  return found;
}

/** Whether a gap is a weekend, or begins at the time at which those of other days begin. */
function isUsual(gap: BarGap, gaps: readonly BarGap[]): boolean {
  if (weekendSeconds(gap.from, gap.to) > 0) return true;
  let others = 0;
  for (const other of gaps) {
    // The close of the week says nothing of a pause of every day.
    if (other === gap || weekendSeconds(other.from, other.to) > 0) continue;
    const apart = Math.abs(other.from - gap.from) % DAY_S;
    if (Math.min(apart, DAY_S - apart) <= SAME_HOUR_S && ++others >= MIN_PAUSES) return true;
  }
  return false;
}

/** The latest ones that are shown. */
const SHOWN = 5;

/** A line for each of the latest absences, and one for those before them. */
export function absenceLines(absences: readonly CommonAbsence[]): string[] {
  const earlier = absences.length - SHOWN;
  const lines = absences
    .slice(-SHOWN)
    .map(
      ({ from, to, symbols, symbol, move_bps }) =>
        `No bar of ${symbols.join(', ')} from ${isoMinute(from)} to ${isoMinute(to)}, and ${symbol} opens ${move_bps} bps from its last close: one outage of the source, or a holiday.`,
    );
  if (earlier > 0) lines.unshift(`${earlier} earlier times without a bar of any of these symbols.`);
  return lines;
}
