import type { Bar, OpenTime } from '../bar.ts';
import { otherBarTime, type OtherBarsAt } from '../core/formula/other_values.ts';
import { barOpen } from '../core/resample/bar_resampler.ts';
import { RecentBars } from '../core/resample/recent_bars.ts';
import { barSecondsOf, type Pair } from '../pair.ts';
import type { InputRow } from './journal_store.ts';
import type { LegBars, WarmStore } from './warm_bars.ts';

/** Which other symbols, at which bars of a pair. */
export interface OthersQuestion {
  readonly pair: Pair;
  readonly symbols: readonly string[];
  /** Ascending. */
  readonly bars: readonly LegBars[];
}

/** The bars of other symbols that are read at a bar of the pair with this time. */
export type OthersAt = (time: OpenTime) => OtherBarsAt;

const NONE: OtherBarsAt = new Map();
/** Rows that are read at a time: some milliseconds. */
const ROWS_AT_A_TIME = 2000;

/**
 * The bars of other symbols as a daemon had them at the bars of a pair: those one bar earlier, in the timeframe of the
 * pair, of the minutes that stand in the journal before what ended the bar of the pair, without suspect ones.
 */
export function journaledOthers(journal: WarmStore, question: OthersQuestion): OthersAt {
  const { symbols, bars } = question;
  if (symbols.length === 0 || bars.length === 0) return () => NONE;
  return othersIn(rowsOf(journal, question), question);
}

/** The same, read piece by piece. @param pause resolves when the thread may be blocked for some milliseconds */
export async function journaledOthersInPieces(
  journal: WarmStore,
  question: OthersQuestion,
  pause: () => Promise<void>,
): Promise<OthersAt> {
  const { pair, symbols, bars } = question;
  if (symbols.length === 0 || bars.length === 0) return () => NONE;
  const subjects = new Set([pair.id, pair.a, pair.b, ...symbols]);
  const rows: InputRow[] = [];
  let read = 0;
  for (const row of rowsOf(journal, question)) {
    if (++read % ROWS_AT_A_TIME === 0) await pause();
    if (subjects.has(row.subject)) rows.push(row);
  }
  return othersIn(rows, question);
}

function rowsOf(journal: WarmStore, { pair, bars }: OthersQuestion): IterableIterator<InputRow> {
  const seconds = barSecondsOf(pair);
  const from = barOpen(otherBarTime(bars[0]!.a.time, seconds), seconds);
  // A bar whose last minute is missing ends with a later one.
  return journal.inputsFrom(from, { until: bars.at(-1)!.a.time, between: true });
}

function othersIn(rows: Iterable<InputRow>, { pair, symbols }: OthersQuestion): OthersAt {
  const seconds = barSecondsOf(pair);
  const byTime = new Map<number, Map<string, Bar>>();
  for (const [symbol, bars] of journaledOtherBars(rows, pair, symbols))
    for (const bar of bars) {
      const at = byTime.get(bar.time) ?? new Map<string, Bar>();
      byTime.set(bar.time, at.set(symbol, bar));
    }
  return (time) => byTime.get(otherBarTime(time, seconds)) ?? NONE;
}

/**
 * The same bars by symbol, ascending, with their own times.
 * @param rows from the first minute on of the bar before the first one of the pair that is asked for
 */
export function journaledOtherBars(
  rows: Iterable<InputRow>,
  pair: Pair,
  symbols: readonly string[],
): ReadonlyMap<string, readonly Bar[]> {
  if (symbols.length === 0) return new Map();
  const reader = new OthersReader(pair, symbols);
  for (const row of rows) reader.take(row);
  return reader.end();
}

/** Follows which bars of a pair have ended, row by row, and what had come of other symbols by then. */
class OthersReader {
  readonly #pair: Pair;
  readonly #seconds: number;
  readonly #recent: ReadonlyMap<string, RecentBars>;
  readonly #found: ReadonlyMap<string, Bar[]>;
  #ofA = -Infinity;
  #ofB = -Infinity;
  #timedOut = -Infinity;
  /** Bars of the pair up to this one have ended. */
  #ended = -Infinity;
  /** A minute of another symbol, which the next row may say is suspect. */
  #newest: Bar | null = null;

  constructor(pair: Pair, symbols: readonly string[]) {
    this.#pair = pair;
    this.#seconds = barSecondsOf(pair);
    this.#recent = new Map(symbols.map((symbol) => [symbol, new RecentBars(symbol, this.#seconds)]));
    this.#found = new Map(symbols.map((symbol) => [symbol, []]));
  }

  take({ kind, subject, time, bar }: InputRow): void {
    if (kind === 'suspect') {
      if (this.#newest?.symbol === subject && this.#newest.time === time) this.#newest = null;
      return;
    }
    this.#keepNewest();
    if (kind === 'timeout') {
      if (subject === this.#pair.id) this.#timedOut = Math.max(this.#timedOut, time);
    } else if (kind === 'bar' || kind === 'empty') {
      if (bar !== null && this.#recent.has(subject)) this.#newest = bar;
      if (subject === this.#pair.a) this.#ofA = time;
      if (subject === this.#pair.b) this.#ofB = time;
    }
    // A minute of a pair is over when each leg has it or is further on, or by a time-out; and so is a bar with its
    // last.
    this.#endThrough(Math.max(this.#timedOut, Math.min(this.#ofA, this.#ofB)));
  }

  #keepNewest(): void {
    if (this.#newest !== null) this.#recent.get(this.#newest.symbol)!.take(this.#newest);
    this.#newest = null;
  }

  #endThrough(time: number): void {
    if (time <= this.#ended) return;
    for (const [symbol, recent] of this.#recent) {
      const known = recent.between(otherBarTime(this.#ended, this.#seconds), otherBarTime(time, this.#seconds));
      this.#found.get(symbol)!.push(...known.reverse());
    }
    this.#ended = time;
  }

  /** What had come of the last bars when the rows end. */
  end(): ReadonlyMap<string, readonly Bar[]> {
    this.#keepNewest();
    this.#endThrough(Infinity);
    return this.#found;
  }
}
