import type { Bar, OpenTime } from '../bar.ts';
import type { GroupBar } from '../core/formula/group_bars.ts';
import { barOpen, BarResampler, lastMinuteOf } from '../core/resample/bar_resampler.ts';
import { barSecondsOf, type Pair } from '../pair.ts';
import type { InputRow } from './journal_store.ts';
import { firstMinuteInPieces, firstMinuteOfBars, type LegBars, type WarmStore } from './warm_bars.ts';

/** Which bars of a group. */
export interface GroupQuestion {
  /** Of one timeframe. */
  readonly pairs: readonly Pair[];
  /** Whose bars are wanted: the legs of the pairs, and others. */
  readonly symbols: readonly string[];
  /** The first time that is wanted, and the last one. */
  readonly first: OpenTime;
  readonly until: OpenTime;
  /** So many bars of each pair up to the first time are wanted as well, or all there are. */
  readonly count: number;
}

/** Rows that are read at a time: some milliseconds. */
const ROWS_AT_A_TIME = 2000;

/**
 * The bars of a group as a daemon had them that waited for them all the time: in its timeframe, without suspect bars,
 * and without minutes that came after a pair of the group had given them up.
 */
export function journaledGroup(journal: WarmStore, question: GroupQuestion): GroupBar[] {
  const starts = new GroupStarts(question);
  for (;;) {
    for (const start of starts.moving) start.found(firstMinuteOfBars(journal, start.pair, start.count, question.first));
    const { from, isNew } = starts.take();
    const bars = groupBarsIn(rowsOf(journal, from, question), question);
    if (!isNew || !starts.areShort(bars)) return bars;
  }
}

/** The same, read piece by piece. @param pause resolves when the thread may be blocked for some milliseconds */
export async function journaledGroupInPieces(
  journal: WarmStore,
  question: GroupQuestion,
  pause: () => Promise<void>,
): Promise<GroupBar[]> {
  const starts = new GroupStarts(question);
  for (;;) {
    for (const start of starts.moving)
      start.found(await firstMinuteInPieces(journal, start.pair, start.count, question.first, pause));
    const { from, isNew } = starts.take();
    const rows: InputRow[] = [];
    let read = 0;
    for (const row of rowsOf(journal, from, question)) {
      if (++read % ROWS_AT_A_TIME === 0) await pause();
      rows.push(row);
    }
    const bars = groupBarsIn(rows, question);
    if (!isNew || !starts.areShort(bars)) return bars;
  }
}

/** Where the bars of a pair begin. */
class PairStart {
  readonly pair: Pair;
  count: number;
  first: OpenTime | null = null;
  isMoving = true;
  hasMoved = false;

  constructor(pair: Pair, count: number) {
    this.pair = pair;
    this.count = count;
  }

  found(first: OpenTime | null): void {
    this.hasMoved = first !== this.first;
    this.first = first;
    this.isMoving = false;
  }
}

/** Looks for the minute from which on each pair has its bars: minutes that the group has given up are none of them. */
class GroupStarts {
  readonly #question: GroupQuestion;
  readonly #starts: readonly PairStart[];

  constructor(question: GroupQuestion) {
    this.#question = question;
    this.#starts = question.pairs.map((pair) => new PairStart(pair, question.count));
  }

  get moving(): readonly PairStart[] {
    return this.#starts.filter(({ isMoving }) => isMoving);
  }

  /** The minute to begin with, and whether it is another one than before. */
  take(): { readonly from: OpenTime; readonly isNew: boolean } {
    const { pairs, first } = this.#question;
    const isNew = this.#starts.some(({ hasMoved }) => hasMoved);
    for (const start of this.#starts) start.hasMoved = false;
    const barSeconds = barSecondsOf(pairs[0]!);
    // The first time may have no earlier bar of any pair.
    const begin = barOpen(lastMinuteOf(first, barSeconds), barSeconds);
    const starts = this.#starts.map((start) => start.first ?? Infinity);
    return { from: Math.min(begin, ...starts) as OpenTime, isNew };
  }

  /** Whether a pair needs an earlier minute. */
  areShort(bars: readonly GroupBar[]): boolean {
    const { first, count } = this.#question;
    const earlier = bars.filter(({ time }) => time <= first);
    for (const start of this.#starts) {
      if (barsOfPair(earlier, start.pair).length >= count) continue;
      start.count *= 2;
      start.isMoving = true;
    }
    return this.moving.length > 0;
  }
}

function* rowsOf(
  journal: WarmStore,
  from: OpenTime,
  { pairs, symbols, until }: GroupQuestion,
): IterableIterator<InputRow> {
  const subjects = new Set([...symbols, ...pairs.map(({ id }) => id)]);
  // A later minute may have been given up before an earlier one came.
  for (const row of journal.inputsFrom(from, { until, timeouts: true }))
    if ((row.time <= until || row.kind === 'others_timeout') && subjects.has(row.subject)) yield row;
}

/** @param rows from the first minute of a bar on */
function groupBarsIn(rows: Iterable<InputRow>, { pairs, symbols, until }: GroupQuestion): GroupBar[] {
  const ids = new Set(pairs.map(({ id }) => id));
  const minutes = new Map(symbols.map((symbol) => [symbol, new Map<number, Bar>()]));
  let givenUp = -Infinity;
  for (const { kind, subject, time, bar } of rows) {
    if (kind === 'others_timeout' && ids.has(subject)) givenUp = Math.max(givenUp, time);
    else if (kind === 'suspect') minutes.get(subject)?.delete(time);
    else if (kind === 'bar' && time > givenUp) minutes.get(subject)?.set(time, bar!);
  }
  const byTime = new Map<OpenTime, Map<string, Bar>>();
  const barSeconds = barSecondsOf(pairs[0]!);
  for (const [symbol, own] of minutes) {
    const take = (bar: Bar): void => {
      if (bar.time > until) return;
      const at = byTime.get(bar.time) ?? new Map<string, Bar>();
      byTime.set(bar.time, at.set(symbol, bar));
    };
    const resampler = new BarResampler(symbol, barSeconds, take);
    for (const bar of own.values()) resampler.take(bar);
    resampler.close();
  }
  return [...byTime].map(([time, bars]) => ({ time, bars })).sort((x, y) => x.time - y.time);
}

/** The bars of a pair among those of its group. */
export function barsOfPair(bars: readonly GroupBar[], { a, b }: Pair): LegBars[] {
  return bars.flatMap((bar) => {
    const ofA = bar.bars.get(a);
    const ofB = bar.bars.get(b);
    return ofA === undefined || ofB === undefined ? [] : [{ a: ofA, b: ofB }];
  });
}
