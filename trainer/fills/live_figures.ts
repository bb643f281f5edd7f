import type { HomePaths } from '../../shared/policy/home.ts';
import { barIntervalMs, type Settings } from '../../shared/policy/policy.ts';
import type { JournalledSignal } from '../../shared/store/journal_signals.ts';
import type { Store } from '../store/store.ts';
import { fillFigures, type AccountFigures } from './fill_figures.ts';
import { readTrades } from './live_trades.ts';
import { journalLookup } from './signal_lookup.ts';

/** How long a fill, its other leg or its signal may be on its way before it counts as missing. */
export const SETTLE_MS = 60_000;

/** What fills of the configured market are laid against. */
export interface Against {
  readonly entries: readonly JournalledSignal[];
  readonly nowMs: number;
  readonly barMs: number;
  readonly settleMs: number;
}

/** ENTER signals of the configured market published from `fromMs` on, before `toMs`. */
export function against(settings: Settings, paths: HomePaths, fromMs: number, toMs: number, nowMs: number): Against {
  const entries = journalLookup(settings, paths).entries(settings.minutehand.market, fromMs, toMs);
  return { entries, nowMs, barMs: barIntervalMs(settings), settleMs: SETTLE_MS };
}

/** Figures of the last `days` days of the configured market, by kind of account; empty without fills. */
export async function liveFigures(
  store: Store,
  settings: Settings,
  paths: HomePaths,
  days: number,
  nowMs: number,
): Promise<Readonly<Record<string, AccountFigures>>> {
  const fromMs = nowMs - days * 86_400_000;
  const trades = await readTrades(store, { market: settings.minutehand.market, fromMs });
  if (trades.length === 0) return {};
  return fillFigures({ trades, ...against(settings, paths, fromMs, nowMs, nowMs) });
}
