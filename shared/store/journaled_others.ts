import type { Bar, OpenTime } from '../bar.ts';
import { barOpen, BarResampler } from '../core/resample/bar_resampler.ts';
import type { OtherBarsAt } from '../core/formula/other_values.ts';
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

/** The bars of other symbols at a bar of the pair with this time. */
export type OthersAt = (time: OpenTime) => OtherBarsAt;

const NONE: OtherBarsAt = new Map();
/** Rows that are read at a time: some milliseconds. */
const ROWS_AT_A_TIME = 2000;

/**
 * The bars of other symbols as a daemon had them that waited for them all the time: in the timeframe of the pair,
 * without suspect bars, and without minutes that came after the pair had given them up.
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
  const { symbols, bars } = question;
  if (symbols.length === 0 || bars.length === 0) return () => NONE;
  const rows: InputRow[] = [];
  let read = 0;
  for (const row of rowsOf(journal, question)) {
    if (++read % ROWS_AT_A_TIME === 0) await pause();
    if (row.subject === question.pair.id || symbols.includes(row.subject)) rows.push(row);
  }
  return othersIn(rows, question);
}

function* rowsOf(journal: WarmStore, { pair, bars }: OthersQuestion): IterableIterator<InputRow> {
  const from = barOpen(bars[0]!.a.time, barSecondsOf(pair));
  const until = bars.at(-1)!.a.time;
  // A later minute may have been given up before an earlier one came.
  for (const row of journal.inputsFrom(from, { until, timeouts: true }))
    if (row.time <= until || row.kind === 'others_timeout') yield row;
}

function othersIn(rows: Iterable<InputRow>, { pair, symbols }: OthersQuestion): OthersAt {
  const byTime = new Map<number, Map<string, Bar>>();
  for (const [symbol, bars] of journaledOtherBars(rows, pair, symbols))
    for (const bar of bars) {
      const at = byTime.get(bar.time) ?? new Map<string, Bar>();
      byTime.set(bar.time, at.set(symbol, bar));
    }
  return (time) => byTime.get(time) ?? NONE;
}

/** The same bars by symbol, ascending. @param rows from the first minute of a bar of the pair on */
export function journaledOtherBars(
  rows: Iterable<InputRow>,
  pair: Pair,
  symbols: readonly string[],
): ReadonlyMap<string, readonly Bar[]> {
  if (symbols.length === 0) return new Map();
  const minutes = new Map(symbols.map((symbol) => [symbol, new Map<number, Bar>()]));
  let givenUp = -Infinity;
  for (const { kind, subject, time, bar } of rows) {
    if (kind === 'others_timeout' && subject === pair.id) givenUp = Math.max(givenUp, time);
    else if (kind === 'suspect') minutes.get(subject)?.delete(time);
    else if (kind === 'bar' && time > givenUp) minutes.get(subject)?.set(time, bar!);
  }
  return new Map([...minutes].map(([symbol, own]) => [symbol, barsOf(symbol, own.values(), pair)]));
}

function barsOf(symbol: string, minutes: Iterable<Bar>, pair: Pair): Bar[] {
  const bars: Bar[] = [];
  const resampler = new BarResampler(symbol, barSecondsOf(pair), (bar) => bars.push(bar));
  for (const bar of minutes) resampler.take(bar);
  resampler.close();
  return bars;
}
