import type { OpenTime } from '../../../shared/bar.ts';
import { columnsOf, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import {
  atLastMinute,
  checkSameTimeframe,
  ENOUGH_BARS,
  ownBarSeconds,
} from '../../../shared/bar_file/own_timeframe.ts';
import { mergeBars } from '../../../shared/bar_file/bar_merge.ts';
import { screenBars } from '../../../shared/bar_file/screened_bars.ts';
import type { ScreenPolicy } from '../../../shared/core/screen/bar_screen.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import type { Store } from '../../store/store.ts';
import { KnownSeries } from './known_series.ts';
import type { FeedJudge } from './feed_judge.ts';

export interface KnownBarsOptions {
  readonly symbols: readonly string[];
  readonly market: 'live' | 'simulated';
  readonly from?: OpenTime;
  readonly to?: OpenTime;
  /** Screening of bars as in the daemon; null = none. */
  readonly screening: ScreenPolicy | null;
  /** Journal files of the daemon's shards; read-only, also while it writes them. */
  readonly journals: readonly string[];
  /** null: nothing was ever imported. */
  readonly store: Store | null;
  /** Judges the bars that daemons received, and tells which count; absent = all of them do. */
  readonly received?: Pick<FeedJudge, 'take'>;
  onProgress(done: number, total: number): void;
}

/**
 * All bars of these symbols in this installation: journaled by the daemon, and imported. For a minute in both, the
 * daemon's bar counts. Symbols without bars, and bars that the daemon holds back as suspect, are left out. Each has its
 * auxiliary series, of any time.
 * @throws MinutehandError DATA_FORMAT if imported bars have another timeframe than journaled ones
 */
export async function readKnownBars(options: KnownBarsOptions): Promise<Map<string, BarColumns>> {
  const { symbols, market, from, to, screening, journals, store, received, onProgress } = options;
  const total = symbols.length * (journals.length + (store === null ? 0 : 1));
  let done = 0;
  const bars = new Map<string, BarColumns>();
  const series = new KnownSeries();
  const add = (symbol: string, columns: BarColumns): void => {
    const before = bars.get(symbol);
    if (before !== undefined && Math.min(before.length, columns.length) >= ENOUGH_BARS)
      checkSameTimeframe(symbol, ownBarSeconds(before), ownBarSeconds(columns));
    if (columns.length > 0) bars.set(symbol, before === undefined ? columns : mergeBars(before, columns).columns);
    onProgress(++done, total);
  };
  for (const path of journals) {
    const journal = openJournal(path, { readOnly: true });
    try {
      for (const symbol of symbols) {
        const bars = journal.bars(symbol, from, to);
        add(symbol, received === undefined ? columnsOf(symbol, bars) : received.take(symbol, bars));
      }
      series.addJournal(journal, from, to);
    } finally {
      journal.close();
    }
  }
  if (store !== null) {
    const period = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    for (const symbol of symbols) add(symbol, atLastMinute(await store.bars.read(market, symbol, period)));
    await series.addStore(store, market, symbols);
  }
  return series.addTo(screenBars(bars, screening));
}
