import type { HomePaths } from '../../../shared/home.ts';
import { barIntervalMs, type Settings } from '../../../shared/policy/policy.ts';
import type { JournaledSignal } from './journal_signals.ts';
import type { Store } from '../../store/store.ts';
import type { FiguresInput } from './fill_figures.ts';
import { readTrades, type LiveTrade } from './live_trades.ts';
import { entriesOf, journalLookup } from './signal_lookup.ts';

/** Time after which a fill, its other leg or its signal counts as missing. */
export const SETTLE_MS = 60_000;

/** Signals and prices to compare fills of the configured market with. */
export interface Against {
  readonly entries: readonly JournaledSignal[];
  readonly nowMs: number;
  readonly barMs: number;
  readonly settleMs: number;
}

/** ENTER signals of the configured market published from `fromMs` on, before `toMs`. */
export function against(settings: Settings, paths: HomePaths, fromMs: number, toMs: number, nowMs: number): Against {
  const entries = journalLookup(settings, paths).entries(settings.minutehand.market, fromMs, toMs);
  return { entries, nowMs, barMs: barIntervalMs(settings), settleMs: SETTLE_MS };
}

export interface VersionFillsOptions {
  readonly settings: Settings;
  readonly version: string;
  /** Files of the daemon's shards. */
  readonly journals: readonly string[];
  readonly store: Store;
  readonly nowMs: number;
}

/**
 * Outcome of the entries of one model version in the configured market, on all kinds of accounts: fills and refusals of
 * the last `monitor_days` by the market's clock, complete positions, and the ENTER signals they are compared with. null
 * without any; then no signals are read.
 */
export async function fillsOfVersion(options: VersionFillsOptions): Promise<FiguresInput | null> {
  const { settings, version, journals, store, nowMs } = options;
  const { minutehand, retrain } = settings;
  const barMs = barIntervalMs(settings);
  const fromMs = nowMs - retrain.monitor_days * MINUTES_PER_DAY * barMs;
  const all = await readTrades(store, { market: minutehand.market, fromMs });
  const asked = new Set(all.flatMap((trade) => (isAskedBy(trade, version) ? [trade.position_id] : [])));
  const trades = all.filter(({ position_id }) => asked.has(position_id));
  if (trades.length === 0) return null;
  // Before its first line, a program is not expected to follow signals.
  const firstMs = trades.reduce((first, { signal_ms, time_ms }) => Math.min(first, signal_ms ?? time_ms), Infinity);
  const entries = entriesOf(journals, firstMs, nowMs).filter(({ body }) => body.model_version === version);
  return { trades, entries, nowMs, barMs, settleMs: SETTLE_MS };
}

const MINUTES_PER_DAY = 1440;

/** Whether it opened, or refused to open, the ENTER of a signal of this version. */
function isAskedBy({ kind, signal_action, model_version }: LiveTrade, version: string): boolean {
  return kind !== 'close' && signal_action === 'ENTER' && model_version === version;
}
