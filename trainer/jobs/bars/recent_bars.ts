import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { recentBars, type RecentBars } from '../../../shared/core/recent_history.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { openStoreIfThere, type Store } from '../../store/store.ts';
import { isThere } from '../../../shared/files.ts';

/** Open times of the newest bars of each symbol of one source, in epoch seconds. */
export type NewestTimes = ReadonlyMap<string, readonly number[]>;

/** How many bars of a symbol of this installation are recent history: journaled and imported ones taken together. */
export interface SymbolHistory extends RecentBars {
  readonly symbol: string;
}

/**
 * The newest bars that a daemon has journaled.
 * @param enough bars of a symbol
 * @throws MinutehandError as openJournal
 */
export function journaledTimes(path: string, enough: number): NewestTimes {
  const journal = openJournal(path, { readOnly: true });
  try {
    return new Map([...journal.lastBars().keys()].map((symbol) => [symbol, journal.newestBars(symbol, enough)]));
  } finally {
    journal.close();
  }
}

/** The newest bars of the store. @throws MinutehandError as the store */
export async function storedTimes(store: Store, market: Market, enough: number): Promise<NewestTimes> {
  const times = new Map<string, readonly number[]>();
  for (const { symbol } of await store.bars.symbols(market))
    times.set(symbol, await store.bars.newest(market, symbol, enough));
  return times;
}

/**
 * The recent history of each symbol that any source has: bars that lead up to now without a gap of more than five days,
 * as the daemon counts them before it calls a pair ready. Right up to the number of bars that each source was asked
 * for.
 * @param now epoch seconds; null in a simulated market, which has its own clock: to the newest bar
 */
export function recentHistories(sources: readonly NewestTimes[], now: number | null): readonly SymbolHistory[] {
  const symbols = new Set(sources.flatMap((source) => [...source.keys()]));
  return [...symbols].sort().map((symbol) => {
    const times = new Set(sources.flatMap((source) => source.get(symbol) ?? []));
    return { symbol, ...recentBars(Float64Array.from(times).sort(), now) };
  });
}

/** Epoch seconds up to which the history of a market must lead; null = to its newest bar. */
export function historyEnd(market: Market): number | null {
  return market === 'live' ? Date.now() / 1000 : null;
}

/**
 * The recent history of the symbols of this installation, journaled or imported.
 * @param enough bars of a symbol, beyond which nothing is counted
 * @throws MinutehandError when a journal or the store cannot be read
 */
export async function readRecentBars(
  settings: Settings,
  paths: HomePaths,
  enough: number,
): Promise<readonly SymbolHistory[]> {
  const { market } = settings.minutehand;
  const sources = journalsOf(settings, paths)
    .filter((path) => isThere(path))
    .map((path) => journaledTimes(path, enough));
  const store = await openStoreIfThere(process.env, paths);
  try {
    if (store !== null) sources.push(await storedTimes(store, market, enough));
  } finally {
    await store?.close();
  }
  return recentHistories(sources, historyEnd(market));
}

/** The journals of all shards of an installation. */
export function journalsOf({ minutehand }: Settings, paths: HomePaths): string[] {
  return Object.keys(minutehand.shards).map((shard) => paths.journal(minutehand.market, shard));
}
