import type { OpenTime } from '../../../shared/bar.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { openJournal, type JournalFile } from '../../../shared/store/journal.ts';
import type { StoredSymbol } from '../../store/bars.ts';
import type { Store } from '../../store/store.ts';
import { isThere } from '../../../shared/files.ts';

/** First and last bar, by their open times. */
export interface BarExtent {
  readonly first: OpenTime;
  readonly last: OpenTime;
}

export interface ExtentTask {
  readonly market: Market;
  readonly symbols: readonly string[];
  /** Journal files of the daemon's shards; those that do not exist have no bars. */
  readonly journals: readonly string[];
  readonly store: Store;
}

/** End exclusive. */
export interface ExtentPeriod {
  readonly from?: OpenTime;
  readonly to?: OpenTime;
}

const SECONDS_PER_DAY = 86_400;

/**
 * First and last bar of each symbol in a period, of those that this installation has journaled or imported; symbols
 * without any are absent. Reads few bars: suspect ones, which a training leaves out, count.
 */
export async function barExtents(
  { market, symbols, journals, store }: ExtentTask,
  period: ExtentPeriod = {},
): Promise<ReadonlyMap<string, BarExtent>> {
  const found = new Map<string, BarExtent>();
  const stored = await store.bars.symbols(market);
  for (const symbol of symbols) {
    const all = stored.find((one) => one.symbol === symbol);
    const extent = all === undefined ? null : await storedExtent({ market, store }, all, period);
    if (extent !== null) found.set(symbol, extent);
  }
  for (const path of journals)
    for (const [symbol, extent] of journaledExtents(path, symbols, period))
      found.set(symbol, joined(found.get(symbol), extent));
  return found;
}

async function storedExtent(
  { market, store }: Pick<ExtentTask, 'market' | 'store'>,
  all: StoredSymbol,
  period: ExtentPeriod,
): Promise<BarExtent | null> {
  const { symbol } = all;
  const { from = all.first, to = (all.last + 1) as OpenTime } = period;
  const first = await firstStored(store.bars.pages(market, symbol, { from, to }, 1));
  if (first === null) return null;
  const last = all.last < to ? all.last : await lastBefore(to, first, (start) => readLast(start));
  return { first, last };

  async function readLast(start: OpenTime): Promise<OpenTime | null> {
    return ((await store.bars.read(market, symbol, { from: start, to })).time.at(-1) ?? null) as OpenTime | null;
  }
}

async function firstStored(
  pages: AsyncGenerator<{ readonly time: ArrayLike<number> }, void>,
): Promise<OpenTime | null> {
  for await (const { time } of pages) return time[0] as OpenTime;
  return null;
}

/** The last bar before `to`, looked for in ever longer periods, of which the longest begins at `first`. */
async function lastBefore(
  to: OpenTime,
  first: OpenTime,
  readLast: (start: OpenTime) => Promise<OpenTime | null>,
): Promise<OpenTime> {
  for (let seconds = SECONDS_PER_DAY; to - seconds > first; seconds *= 2) {
    const found = await readLast((to - seconds) as OpenTime);
    if (found !== null) return found;
  }
  return (await readLast(first)) ?? first;
}

function journaledExtents(
  path: string,
  symbols: readonly string[],
  { from, to }: ExtentPeriod,
): Map<string, BarExtent> {
  const found = new Map<string, BarExtent>();
  if (!isThere(path)) return found;
  const journal = openJournal(path, { readOnly: true });
  try {
    const newestOf = journal.lastBars();
    for (const symbol of symbols) {
      const newest = newestOf.get(symbol);
      const first = newest === undefined ? null : firstJournaled(journal, symbol, from, to);
      if (newest === undefined || first === null) continue;
      const last = to === undefined || newest < to ? newest : lastJournaled(journal, symbol, first, to);
      found.set(symbol, { first, last });
    }
    return found;
  } finally {
    journal.close();
  }
}

function firstJournaled(journal: JournalFile, symbol: string, from?: OpenTime, to?: OpenTime): OpenTime | null {
  for (const { time } of journal.bars(symbol, from, to)) return time;
  return null;
}

function lastJournaled(journal: JournalFile, symbol: string, first: OpenTime, to: OpenTime): OpenTime {
  let last = first;
  for (let seconds = SECONDS_PER_DAY; last === first; seconds *= 2) {
    const start = Math.max(first, to - seconds) as OpenTime;
    for (const { time } of journal.bars(symbol, start, to)) last = time;
    if (start === first) return last;
  }
  return last;
}

function joined(a: BarExtent | undefined, b: BarExtent): BarExtent {
  if (a === undefined) return b;
  return { first: Math.min(a.first, b.first) as OpenTime, last: Math.max(a.last, b.last) as OpenTime };
}
