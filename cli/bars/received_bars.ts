import { SECONDS_PER_BAR, type OpenTime } from '../../shared/bar.ts';
import { columnsOf, copyBars, lowerBound, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { mergeBars } from '../../shared/bar_file/bar_merge.ts';
import type { Market } from '../../shared/bar_file/bar_sink.ts';
import { ownBarSeconds } from '../../shared/bar_file/own_timeframe.ts';
import { homePaths } from '../../shared/home.ts';
import { openJournal } from '../../shared/store/journal.ts';
import type { JournalStore } from '../../shared/store/journal_store.ts';
import type { FeedJudge } from '../../trainer/jobs/bars/feed_judge.ts';
import type { StorePeriod } from '../../trainer/store/bars.ts';
import { isThere } from '../../shared/files.ts';

/** Bars that the daemons of this home have received and still keep in their journals. */
export interface ReceivedBars {
  /** Ascending by name. */
  readonly symbols: readonly string[];
  /** By the open of the bar, as the store has them; no bar where the daemons received none in the period. */
  /** @param judge judges the received bars, and tells which count; absent = all of them do */
  read(symbol: string, period: StorePeriod, judge?: Pick<FeedJudge, 'take'>): BarColumns;
  close(): void;
}

/** Opens the journals of a market's shards for reading; daemons may go on writing them. */
export function openReceivedBars(market: Market, shards: readonly string[]): ReceivedBars {
  const paths = shards.map((shard) => homePaths().journal(market, shard)).filter((path) => isThere(path));
  const journals = paths.map((path) => openJournal(path, { readOnly: true }));
  return {
    symbols: [...new Set(journals.flatMap((journal) => [...journal.lastBars().keys()]))].sort(),
    read(symbol, { from, to }, judge) {
      const toOpen = barSecondsIn(journals, symbol) - SECONDS_PER_BAR;
      const received = (open: OpenTime | undefined) => (open === undefined ? undefined : ((open + toOpen) as OpenTime));
      const parts = journals.map((journal) => {
        const bars = journal.bars(symbol, received(from), received(to));
        return judge === undefined ? columnsOf(symbol, bars) : judge.take(symbol, bars);
      });
      const own = parts.reduce((all, part) => mergeBars(all, part).columns, columnsOf(symbol, []));
      return toOpen === 0 ? own : { ...own, time: own.time.map((time) => time - toOpen) };
    },
    close: () => {
      for (const journal of journals) journal.close();
    },
  };
}

/** Newest bars of a journal that tell how long its bars are. */
const ASKED_BARS = 2000;

/** Seconds of a symbol's bars; journals have the time of their last minute. */
function barSecondsIn(journals: readonly Pick<JournalStore, 'newestBars'>[], symbol: string): number {
  const opens = new Set(journals.flatMap((journal) => journal.newestBars(symbol, ASKED_BARS)));
  const time = Float64Array.from(opens).sort();
  return ownBarSeconds({ time, length: time.length });
}

/**
 * Pages of stored bars with the received ones among them, in the memory of one page and the received bars. For a minute
 * in both, the received bar counts: the daemon answered that one.
 */
export async function* withReceived(
  pages: AsyncIterable<BarColumns>,
  received: BarColumns,
): AsyncGenerator<BarColumns, void> {
  let done = 0;
  for await (const page of pages) {
    const last = page.time[page.length - 1]!;
    const end = lowerBound(received.time.subarray(0, received.length), last + 1);
    yield done === end ? page : mergeBars(copyBars(received, done, end), page).columns;
    done = end;
  }
  if (done < received.length) yield copyBars(received, done, received.length);
}
