import { SECONDS_PER_BAR, type Bar, type OpenTime } from '../bar.ts';
import { barOpen, BarResampler, lastMinuteOf } from '../core/resample/bar_resampler.ts';
import { barSecondsOf, type Pair } from '../pair.ts';
import type { InputRange, InputRow, JournalFile, JournalStore } from './journal_store.ts';

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

/** The last `count` bars of a pair up to the one at `time` that both legs have, ascending. */
export function journaledBars(journal: WarmStore, pair: Pair, count: number, time: OpenTime): { a: Bar; b: Bar }[] {
  if (pair.barSeconds === undefined && journal.commonBars !== undefined) return journal.commonBars(pair, count, time);
  const from = firstMinuteOfBars(journal, pair, count, time) ?? time;
  const legs = journaledLegs(upTo(journal.inputsFrom(from, { until: time }), time), pair);
  const ofB = new Map(legs.b.map((bar) => [bar.time, bar]));
  const common = legs.a.flatMap((a) => {
    const b = ofB.get(a.time);
    return b === undefined ? [] : [{ a, b }];
  });
  return common.slice(-count);
}

function* upTo(inputs: Iterable<InputRow>, time: OpenTime): IterableIterator<InputRow> {
  for (const row of inputs) if (row.time <= time) yield row;
}

/** The same bars in pages, the newest page first, each ascending. Bars of other timeframes are one page. */
export function* journaledPages(
  journal: WarmStore,
  pair: Pair,
  count: number,
  time: OpenTime,
  barsPerPage: number,
): IterableIterator<{ a: Bar; b: Bar }[]> {
  if (pair.barSeconds !== undefined || journal.commonBars === undefined)
    return yield journaledBars(journal, pair, count, time);
  let until = time;
  for (let left = count; left > 0;) {
    const page = journal.commonBars(pair, Math.min(left, barsPerPage), until);
    if (page.length === 0) return;
    yield page;
    left -= page.length;
    until = (page[0]!.a.time - SECONDS_PER_BAR) as OpenTime;
  }
}
