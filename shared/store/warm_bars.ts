import { SECONDS_PER_BAR, type Bar, type OpenTime } from '../bar.ts';
import { barOpen, BarResampler, lastMinuteOf } from '../core/resample/bar_resampler.ts';
import type { Observation } from '../core/series/series_book.ts';
import { legSeriesFrom, type LegSeries } from '../core/series/leg_series.ts';
import { MAX_AGE_SECONDS } from '../core/series/series_names.ts';
import { barSecondsOf, type Pair } from '../pair.ts';
import type { InputRange, InputRow, JournalFile, JournalStore } from './journal_store.ts';
import { parseObservation } from './observation.ts';

/**
 * The minute of a journal from which on its inputs give a pair at least `bars` whole bars up to `until`, or all there
 * are; null when the pair has none.
 */
export function firstMinuteOfBars(
  store: Pick<JournalStore, 'commonMinuteBefore'>,
  pair: Pair,
  bars: number,
  until: OpenTime,
): OpenTime | null {
  const barSeconds = barSecondsOf(pair);
  if (barSeconds === SECONDS_PER_BAR) return store.commonMinuteBefore(pair, bars, until);
  // A bar has at most so many minutes; the first one may be cut off.
  const minutes = (bars + 1) * (barSeconds / SECONDS_PER_BAR);
  const first = store.commonMinuteBefore(pair, minutes, until);
  return first === null ? null : barOpen(lastMinuteOf(first, barSeconds), barSeconds);
}

/**
 * The bars of both legs in the pair's timeframe as a daemon had them: without suspect bars, and without those that came
 * after the time-out of their minute. The last ones are closed, even if minutes are missing.
 */
export function journaledLegs(inputs: Iterable<InputRow>, pair: Pair): { readonly a: Bar[]; readonly b: Bar[] } {
  const barSeconds = barSecondsOf(pair);
  const minutes = new Map([pair.a, pair.b].map((symbol) => [symbol, new Map<number, Bar>()]));
  let timedOut = -Infinity;
  for (const { kind, subject, time, bar } of inputs) {
    if (kind === 'timeout' && subject === pair.id) timedOut = Math.max(timedOut, time);
    else if (kind === 'suspect') minutes.get(subject)?.delete(time);
    else if (kind === 'bar' && time > timedOut) minutes.get(subject)?.set(time, bar!);
  }
  const resampled = (symbol: string): Bar[] => {
    const bars: Bar[] = [];
    const resampler = new BarResampler(symbol, barSeconds, (bar) => bars.push(bar));
    for (const bar of minutes.get(symbol)!.values()) resampler.take(bar);
    resampler.close();
    return bars;
  };
  return { a: resampled(pair.a), b: resampled(pair.b) };
}

/** What the last bars of a pair are read from. A journal that is not on disk has no `commonBars`, and no ranges. */
export interface WarmStore extends Pick<JournalStore, 'commonMinuteBefore'>, Partial<Pick<JournalFile, 'commonBars'>> {
  inputsFrom(from: OpenTime, range?: InputRange): IterableIterator<InputRow>;
}

/** What formulas are warmed from. */
export interface FormulaStore extends WarmStore, Pick<JournalStore, 'seriesBetween'> {}

/** One minute, or one bar, of both legs. */
export interface LegBars {
  readonly a: Bar;
  readonly b: Bar;
}

/** The last `count` bars of a pair up to the one at `time` that both legs have, ascending. */
export function journaledBars(journal: WarmStore, pair: Pair, count: number, time: OpenTime): LegBars[] {
  if (pair.barSeconds === undefined && journal.commonBars !== undefined) return journal.commonBars(pair, count, time);
  const from = firstMinuteOfBars(journal, pair, count, time) ?? time;
  return commonOf(upTo(journal.inputsFrom(from, { until: time }), time), pair, count);
}

/**
 * The series of both legs as a daemon knew them at the close of each of these bars, which are asked for in their order.
 * @param bars of the pair, ascending
 */
export function journaledSeries(
  journal: Pick<JournalStore, 'seriesBetween'>,
  pair: Pair,
  bars: readonly LegBars[],
): LegSeries {
  const first = bars[0]?.a.time ?? 0;
  const end = (bars.at(-1)?.a.time ?? 0) + 2 * SECONDS_PER_BAR;
  const rows = journal.seriesBetween(Math.max(0, first - MAX_AGE_SECONDS) as OpenTime, end as OpenTime);
  return legSeriesFrom(observationsOf(rows), pair);
}

function* observationsOf(rows: Iterable<InputRow>): IterableIterator<Observation> {
  for (const { subject } of rows) yield parseObservation(subject);
}

function* upTo(inputs: Iterable<InputRow>, time: OpenTime): IterableIterator<InputRow> {
  for (const row of inputs) if (row.time <= time) yield row;
}

function commonOf(inputs: Iterable<InputRow>, pair: Pair, count: number): LegBars[] {
  const legs = journaledLegs(inputs, pair);
  const ofB = new Map(legs.b.map((bar) => [bar.time, bar]));
  const common = legs.a.flatMap((a) => {
    const b = ofB.get(a.time);
    return b === undefined ? [] : [{ a, b }];
  });
  return common.slice(-count);
}

/** Minutes of a query, and rows that are read, at a time: some milliseconds. */
const MINUTES_AT_A_TIME = 1000;
const ROWS_AT_A_TIME = 2000;

/**
 * The same bars, read piece by piece.
 * @param journal a connection of its own, or one that nothing else uses meanwhile: rows are read over several turns
 * @param pause resolves when the thread may be blocked for some milliseconds
 */
export async function journaledBarsInPieces(
  journal: WarmStore,
  pair: Pair,
  count: number,
  time: OpenTime,
  pause: () => Promise<void>,
): Promise<LegBars[]> {
  if (journal.commonBars === undefined) return journaledBars(journal, pair, count, time);
  if (pair.barSeconds === undefined) return minutesInPieces(journal as Required<WarmStore>, pair, count, time, pause);
  const from = await firstMinuteInPieces(journal, pair, count, time, pause);
  if (from === null) return [];
  const rows: InputRow[] = [];
  let read = 0;
  for (const row of journal.inputsFrom(from, { until: time })) {
    if (++read % ROWS_AT_A_TIME === 0) await pause();
    if ([pair.a, pair.b, pair.id].includes(row.subject)) rows.push(row);
  }
  return commonOf(rows, pair, count);
}

/**
 * The last `count` bars of an instrument up to the one at `time`, with their taker volume, read piece by piece.
 * @param journal as for `journaledBarsInPieces`
 */
export async function instrumentBarsInPieces(
  journal: WarmStore,
  instrument: Pair,
  count: number,
  time: OpenTime,
  pause: () => Promise<void>,
): Promise<Bar[]> {
  const from = await firstMinuteInPieces(journal, instrument, count, time, pause);
  if (from === null) return [];
  const rows: InputRow[] = [];
  let read = 0;
  for (const row of upTo(journal.inputsFrom(from, { until: time }), time)) {
    if (++read % ROWS_AT_A_TIME === 0) await pause();
    if (row.subject === instrument.a || row.subject === instrument.id) rows.push(row);
  }
  return journaledLegs(rows, instrument).a.slice(-count);
}

async function minutesInPieces(
  journal: Required<WarmStore>,
  pair: Pair,
  count: number,
  time: OpenTime,
  pause: () => Promise<void>,
): Promise<LegBars[]> {
  const pages: LegBars[][] = [];
  let until = time;
  for (let left = count; left > 0;) {
    const page = journal.commonBars(pair, Math.min(left, MINUTES_AT_A_TIME), until);
    await pause();
    if (page.length === 0) break;
    pages.push(page);
    left -= page.length;
    until = (page[0]!.a.time - SECONDS_PER_BAR) as OpenTime;
  }
  return pages.reverse().flat();
}

/** As `firstMinuteOfBars`, read piece by piece. */
export async function firstMinuteInPieces(
  journal: WarmStore,
  pair: Pair,
  count: number,
  time: OpenTime,
  pause: () => Promise<void>,
): Promise<OpenTime | null> {
  const barSeconds = barSecondsOf(pair);
  let first: OpenTime | null = null;
  let until = time;
  const minutes = barSeconds === SECONDS_PER_BAR ? count : ((count + 1) * barSeconds) / SECONDS_PER_BAR;
  for (let left = minutes; left > 0; left -= MINUTES_AT_A_TIME) {
    const found = journal.commonMinuteBefore(pair, Math.min(left, MINUTES_AT_A_TIME), until);
    await pause();
    if (found === null) break;
    first = found;
    until = (found - SECONDS_PER_BAR) as OpenTime;
  }
  return first === null ? null : barOpen(lastMinuteOf(first, barSeconds), barSeconds);
}
