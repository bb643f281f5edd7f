import type { MarketKind } from '../../../shared/signal/signal.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
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
import { withStoredFlow } from '../../store/bar_flow.ts';
import type { Store } from '../../store/store.ts';
import { isHole } from '../../../shared/core/recent_history.ts';
import { apartText, type OnNote } from './bar_notes.ts';
import { KnownSeries } from './known_series.ts';
import type { FeedJudge } from './feed_judge.ts';

export interface KnownBarsOptions {
  readonly symbols: readonly string[];
  readonly market: MarketKind;
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
  /**
   * Journaled and imported bars that do not touch are then not joined: those of which there are fewer are left out, and
   * named here. Absent: all of them are taken.
   */
  readonly onNote?: OnNote;
}

/**
 * All bars of these symbols in this installation: journaled by the daemon, and imported. For a minute in both, the
 * daemon's bar counts. Symbols without bars, and bars that the daemon holds back as suspect, are left out. Each has its
 * auxiliary series, of any time.
 * @throws MinutehandError DATA_FORMAT if imported bars have another timeframe than journaled ones
 */
export async function readKnownBars(options: KnownBarsOptions): Promise<Map<string, BarColumns>> {
  const { symbols, market, from, to, screening, journals, store, received, onProgress, onNote } = options;
  const total = symbols.length * (journals.length + (store === null ? 0 : 1));
  let done = 0;
  const journaled = new Map<string, BarColumns>();
  const imported = new Map<string, BarColumns>();
  const series = new KnownSeries();
  const add = (bars: Map<string, BarColumns>, columns: BarColumns): void => {
    if (columns.length > 0) bars.set(columns.symbol, joined(bars.get(columns.symbol), columns));
    onProgress(++done, total);
  };
  for (const path of journals) {
    const journal = openJournal(path, { readOnly: true });
    try {
      for (const symbol of symbols) {
        const bars = journal.bars(symbol, from, to);
        add(journaled, received === undefined ? columnsOf(symbol, bars) : received.take(symbol, bars));
      }
      series.addJournal(journal, from, to);
    } finally {
      journal.close();
    }
  }
  if (store !== null) {
    const period = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    for (const symbol of symbols) {
      const bars = atLastMinute(await store.bars.read(market, symbol, period));
      add(imported, await withStoredFlow(store.series, market, bars));
    }
    await series.addStore(store, market, symbols);
  }
  if (onNote !== undefined) leaveOutApart(journaled, imported, onNote);
  for (const [symbol, columns] of imported) journaled.set(symbol, joined(journaled.get(symbol), columns));
  return series.addTo(screenBars(journaled, screening));
}

/** Bars of one symbol; the earlier ones count where both have a minute. */
function joined(before: BarColumns | undefined, columns: BarColumns): BarColumns {
  if (before === undefined) return columns;
  if (Math.min(before.length, columns.length) >= ENOUGH_BARS)
    checkSameTimeframe(columns.symbol, ownBarSeconds(before), ownBarSeconds(columns));
  return mergeBars(before, columns).columns;
}

/** One choice for all symbols: legs of which one is old and the other new have no minute in common. */
function leaveOutApart(journaled: Map<string, BarColumns>, imported: Map<string, BarColumns>, onNote: OnNote): void {
  const apart = [...journaled.keys()].filter((symbol) => {
    const other = imported.get(symbol);
    return other !== undefined && isApart(journaled.get(symbol)!, other);
  });
  if (apart.length === 0) return;
  const barsIn = (bars: ReadonlyMap<string, BarColumns>): number =>
    apart.reduce((sum, symbol) => sum + bars.get(symbol)!.length, 0);
  const fewer = barsIn(journaled) < barsIn(imported) ? journaled : imported;
  const out = apart.map((symbol) => fewer.get(symbol)!);
  const from = Math.min(...out.map(({ time }) => time[0]!));
  const to = Math.max(...out.map(({ time, length }) => time[length - 1]!));
  onNote(apartText({ symbols: apart, bars: barsIn(fewer), from, to }, fewer === journaled ? 'journal' : 'store'));
  for (const symbol of apart) fewer.delete(symbol);
}

function isApart(a: BarColumns, b: BarColumns): boolean {
  const [first, second] = a.time[0]! < b.time[0]! ? [a, b] : [b, a];
  const seconds = first.length < ENOUGH_BARS ? SECONDS_PER_BAR : ownBarSeconds(first);
  return isHole(first.time[first.length - 1]!, second.time[0]!, seconds);
}
