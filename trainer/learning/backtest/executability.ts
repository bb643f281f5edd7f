import { counted } from '../../../shared/counted.ts';
import { lowerBound } from '../../../shared/bar_file/bar_file.ts';
import type { Executability } from '../../../shared/bundle/manifest.ts';
import type { FillCosts, PairFillCosts } from '../../../shared/core/cost/fill_cost.ts';
import { newYorkMinuteOfWeek } from '../../../shared/core/cost/new_york_time.ts';
import { multipleAt, profileOfSymbol, type SpreadProfile } from '../../../shared/core/cost/spread_profile.ts';
import type { PriceHistory } from '../history/pair_history.ts';
import { fillCostAt, grossBps, type FilledTrade } from '../trades/backtest.ts';

/** Delays of entries in minutes. */
export const DELAYS = [1, 2, 5] as const;
/** The widest minutes have a spread above this quantile of all minutes. */
const WIDE_QUANTILE = 0.75;
const HOURS = 24;

/** Additive sums over the trades of a pair. Basis points at full size. */
export interface ExecutabilityTally {
  readonly trades: number;
  readonly gross: number;
  readonly cost: number;
  readonly swap: number;
  /** Net results with entries delayed by `DELAYS`; a position closed earlier has none. */
  readonly delayed: readonly number[];
  /** Trades entered outside the widest minutes. */
  readonly narrowTrades: number;
  readonly narrowNet: number;
  /** By hour of the entry in New York. */
  readonly hourTrades: readonly number[];
  readonly hourNet: readonly number[];
}

/** @param from first decided bar; the widest quarter is computed from there on */
export function tallyExecutability(
  history: PriceHistory,
  from: number,
  trades: readonly FilledTrade[],
  costs: PairFillCosts,
): ExecutabilityTally {
  // Without trades the result is unused, and takes as long as the decisions.
  const isWide = trades.length === 0 ? () => false : wideMinutes(history, from, costs);
  const hourTrades = new Array<number>(HOURS).fill(0);
  const hourNet = new Array<number>(HOURS).fill(0);
  const sum = (of: (trade: FilledTrade) => number): number => trades.reduce((total, trade) => total + of(trade), 0);
  for (const { entryTime, netBps } of trades) {
    const hour = Math.floor(newYorkMinuteOfWeek(entryTime) / 60) % HOURS;
    hourTrades[hour]!++;
    hourNet[hour]! += netBps;
  }
  return {
    trades: trades.length,
    gross: sum((trade) => trade.grossBps),
    cost: sum((trade) => trade.costBps),
    swap: sum((trade) => trade.swapBps),
    delayed: DELAYS.map((minutes) => sum((trade) => delayedNetBps(history, trade, minutes, costs))),
    narrowTrades: sum(({ entryBar }) => (isWide(entryBar) ? 0 : 1)),
    narrowNet: sum(({ entryBar, netBps }) => (isWide(entryBar) ? 0 : netBps)),
    hourTrades,
    hourNet,
  };
}

/** Figures of all pairs together. */
export function executabilityOf(tallies: readonly ExecutabilityTally[]): Executability {
  const sum = (of: (tally: ExecutabilityTally) => number): number =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  const trades = sum((tally) => tally.trades);
  const mean = (total: number, count = trades): number | null => (count === 0 ? null : total / count);
  const gross = sum((tally) => tally.gross);
  const cost = sum((tally) => tally.cost);
  const swap = sum((tally) => tally.swap);
  const narrowTrades = sum((tally) => tally.narrowTrades);
  const [one, two, five] = DELAYS.map((_, i) => mean(sum(({ delayed }) => delayed[i]!)));
  return {
    trades,
    net_bps: mean(gross - cost - swap),
    break_even_cost: trades === 0 || cost === 0 ? null : (gross - swap) / cost,
    delayed_net_bps: { after_1: one!, after_2: two!, after_5: five! },
    narrow_trades: narrowTrades,
    narrow_net_bps: mean(sum((tally) => tally.narrowNet)),
    hours: Array.from({ length: HOURS }, (_, hour) => ({
      trades: sum(({ hourTrades }) => hourTrades[hour]!),
      net_bps: mean(sum(({ hourNet }) => hourNet[hour]!)) ?? 0,
    })),
  };
}

/** The same exit with a later entry, at the costs of the later minute. */
function delayedNetBps(history: PriceHistory, trade: FilledTrade, minutes: number, costs: PairFillCosts): number {
  const { side, beta, entryBar, exitBar, costBps, entryCostBps, swapBps } = trade;
  const later = lowerBound(history.time, history.time[entryBar]! + minutes * 60);
  if (later >= exitBar) return 0;
  const entryCost = fillCostAt(history, later, side, beta, costs);
  return grossBps(history, side, beta, later, exitBar) - entryCost - (costBps - entryCostBps) - swapBps;
}

/**
 * Whether a bar's spread is in the widest quarter: as quoted, otherwise by the profiles, independent of charged costs.
 */
function wideMinutes(history: PriceHistory, from: number, costs: PairFillCosts): (bar: number) => boolean {
  const { pair, time, length, quotedA, quotedB } = history;
  const spreadOf = (symbol: string, { spread_bps, profile }: FillCosts, quoted: Float64Array) => {
    const usual: SpreadProfile = profile ?? profileOfSymbol(symbol);
    return (bar: number): number => (quoted[bar]! >= 0 ? quoted[bar]! : spread_bps * multipleAt(usual, time[bar]!));
  };
  const ofA = spreadOf(pair.a, costs.a, quotedA);
  const ofB = spreadOf(pair.b, costs.b, quotedB);
  const widths = new Float64Array(length - from);
  for (let i = 0; i < widths.length; i++) widths[i] = ofA(from + i) + ofB(from + i);
  widths.sort();
  const limit = widths[Math.floor(WIDE_QUANTILE * (widths.length - 1))] ?? Infinity;
  return (bar) => ofA(bar) + ofB(bar) > limit + 1e-9;
}

/** Columns of a table of figures. */
export const EXECUTABILITY_COLUMNS = [
  'trades',
  'net at full size',
  'zero at cost ×',
  '1 min later',
  '2 min',
  '5 min',
  'without the widest 25 % of minutes',
] as const;

export function executabilityCells(figures: Executability): string[] {
  const { trades, net_bps, break_even_cost, delayed_net_bps, narrow_net_bps, narrow_trades } = figures;
  const { after_1, after_2, after_5 } = delayed_net_bps;
  const shown = (value: number | null): string => (value === null ? '–' : value.toFixed(2));
  return [
    String(trades),
    ...[net_bps, break_even_cost, after_1, after_2, after_5].map(shown),
    `${shown(narrow_net_bps)} (${counted(narrow_trades, 'trade')})`,
  ];
}

/** The hours with most trades, with their shares of trades and net result. */
export function busiestHours({ trades, net_bps, hours }: Executability): string {
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  const busiest = hours
    .map((own, hour) => ({ ...own, hour }))
    .filter((own) => own.trades > 0)
    .sort((a, b) => b.trades - a.trades || a.hour - b.hour)
    .slice(0, 4);
  return busiest
    .map(({ hour, trades: count, net_bps: net }) => {
      const ofNet = net_bps !== null && net_bps > 0 ? `, ${percent(net / net_bps)} of the net result` : '';
      return `${String(hour).padStart(2, '0')}:00 ${percent(count / trades)} of the trades${ofNet}`;
    })
    .join('; ');
}
