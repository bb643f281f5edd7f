import { dirname, join } from 'node:path';
import { readManifest } from '../../../shared/bundle/bundle.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { ACCOUNT_FILE, readAccount } from '../../../shared/fill/account.ts';
import { FILLS_STREAM } from '../../../shared/fill/fill.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { barIntervalMs, type Settings } from '../../../shared/policy/policy.ts';
import type { Store } from '../../store/store.ts';
import { accountIdOf, programName } from '../fills/account_id.ts';
import { readTrades, type LiveTrade } from '../fills/live_trades.ts';
import { byWallClock } from '../history/market_clock.ts';
import { booksOf, moneyBooksOf, type MoneyBook } from '../fills/positions.ts';
import { withJournals } from '../fills/signal_lookup.ts';
import { accountPerformance } from './account_performance.ts';
import type { AccountPerformance, Performance } from './performance_schema.ts';
import { pathInside } from '../../../shared/path_name.ts';

export interface PerformanceOptions {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly store: Store;
  readonly nowMs: number;
  /** ISO 8601, by the wall clock; null = from the first fill, until now. */
  readonly from: string | null;
  readonly to: string | null;
  readonly pairIds?: readonly string[];
}

/**
 * What every account of the configured market did: the one computation of page, `minutehand report` and API.
 * @throws MinutehandError EA_STATE when an account.json is damaged
 */
export async function readPerformance(options: PerformanceOptions): Promise<Performance> {
  const { settings, paths, store, nowMs, from, to, pairIds } = options;
  const { market, symbols, shards } = settings.minutehand;
  const { max_symbol_exposure, max_currency_exposure } = settings.core;
  const trades = await readTrades(store, { market, ...(pairIds === undefined ? {} : { pairIds }) });
  const journals = Object.keys(shards).map((shard) => paths.journal(market, shard));
  const newest = newestCloses(journals);
  const edges = new Map<string, Manifest['edge'] | null>();
  const edgeOf = (version: string, pairId: string) => {
    if (!edges.has(version)) edges.set(version, readEdge(pathInside(paths.models, version)));
    return edges.get(version)?.[pairId] ?? null;
  };
  const period = {
    fromMs: from === null ? -Infinity : Date.parse(from),
    toMs: to === null ? Infinity : Date.parse(to),
  };
  const accounts = booksOf(trades).flatMap((own) =>
    moneyBooksOf(own).map((book, index) => ofBook(own[0]!, book, index)),
  );
  function ofBook(of: LiveTrade, { currency, trades: own, mixed }: MoneyBook, index: number): AccountPerformance {
    return accountPerformance({
      id: index === 0 ? accountIdOf(of) : `${accountIdOf(of)} ${currency}`,
      account: of.account,
      place: programName(of.place),
      trades: own,
      mixed,
      begun: begunOf(of, currency),
      costs: symbols,
      exposureLimits: { symbol: max_symbol_exposure, currency: max_currency_exposure },
      edgeOf,
      period,
      nowMs,
      pricesOf: (pairId) => newest.closes.get(pairId) ?? null,
      barMs: barIntervalMs(settings),
      marketNowS: newest.timeS ?? nowMs / 1000,
    });
  }
  return {
    market,
    is_simulated: market === 'simulated',
    from,
    to,
    accounts: accounts.sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/**
 * The same of a period by the clock of the market: of a simulated one, the days that its pages and signals show.
 * @throws MinutehandError DATA_MISSING where a simulated market has no bar in the period
 */
export async function readMarketPerformance(options: PerformanceOptions): Promise<Performance> {
  const { settings, store, from, to } = options;
  const asked = {
    ...(from === null ? {} : { fromMs: Date.parse(from) }),
    ...(to === null ? {} : { toMs: Date.parse(to) }),
  };
  const { fromMs, toMs } = await byWallClock(store, settings, asked);
  const isoOf = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());
  return { ...(await readPerformance({ ...options, from: isoOf(fromMs), to: isoOf(toMs) })), from, to };
}

/** Money of its start, where that is of the currency of these fills. */
function begunOf({ account, place }: LiveTrade, currency: string): number | null {
  if (account !== 'paper' || place === FILLS_STREAM) return null;
  const begun = readAccount(MACHINE_FILES, join(dirname(place), ACCOUNT_FILE));
  return begun === null || (currency !== '' && currency !== begun.currency) ? null : begun.equity;
}

/** null when the bundle is gone, or cannot be read. */
function readEdge(folder: string): Manifest['edge'] | null {
  try {
    return readManifest(folder).edge;
  } catch {
    return null;
  }
}

interface NewestCloses {
  readonly closes: ReadonlyMap<string, readonly [number, number]>;
  /** Close of the last bar, epoch seconds; null without any. */
  readonly timeS: number | null;
}

function newestCloses(paths: readonly string[]): NewestCloses {
  const closes = new Map<string, readonly [number, number]>();
  let timeS: number | null = null;
  withJournals(paths, (journals) => {
    for (const { body } of journals.flatMap((journal) => journal.newest())) {
      const own = Date.parse(body.timestamp) / 1000;
      if (Number.isFinite(own)) timeS = Math.max(timeS ?? -Infinity, own);
      if (typeof body.price_a === 'number' && typeof body.price_b === 'number')
        closes.set(body.pair_id, [body.price_a, body.price_b]);
    }
  });
  return { closes, timeS };
}
