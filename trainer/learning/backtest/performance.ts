import { TRADING_DAYS_PER_YEAR } from '../../../shared/bundle/holdout_sharpe.ts';
import { meanOrNull } from '../../../shared/statistics.ts';
import type { Reason } from '../../../shared/strategies/pair_reversion/reasons.ts';
import { riskRefusal } from '../../../shared/strategies/pair_reversion/risk_refusal.ts';
import type { FilledTrade } from '../trades/backtest.ts';

const BPS = 1e4;

/**
 * Trading results. Returns and drawdown are fractions of capital, which is the full-size gross notional of each pair;
 * nothing is reinvested, and pairs have equal shares. Basis points refer to that notional, with position_scale applied.
 */
export interface Performance {
  readonly net_return: number;
  readonly gross_return: number;
  /** Mean net result of a trading day × 252. null without days. */
  readonly annual_return: number | null;
  /**
   * Mean ÷ standard deviation (ddof 1) of the net results of trading days, including days without a trade, × √252. null
   * without variation.
   */
  readonly net_sharpe: number | null;
  /** Mean ÷ root mean square of negative results, × √252. null without a losing day. */
  readonly sortino: number | null;
  /** Computed from the net value at every minute. */
  readonly max_drawdown: number;
  readonly trades: number;
  readonly win_rate: number | null;
  readonly mean_net_bps: number | null;
  readonly mean_gross_bps: number | null;
  /** The same trades at full size, the basis of NO_EDGE. */
  readonly mean_net_bps_full_size: number | null;
  readonly mean_cost_bps: number | null;
  readonly mean_swap_bps: number | null;
  readonly mean_scale: number | null;
  /** Share of the pairs' bars with an open position. */
  readonly exposure: number;
  /** Opened and closed notional over capital, for the whole period. */
  readonly turnover: number;
  readonly trading_days: number;
  /** Bars at which a pair was flat and |z| ≥ z_entry. */
  readonly candidates: number;
  /** Share that AI2 refused of the candidates that reached it (`riskRefusal`). null where none did. */
  readonly refusal_rate: number | null;
  readonly refusals: Readonly<Partial<Record<Reason, number>>>;
  readonly exits: Readonly<Record<string, number>>;
}

export interface PerformanceInput {
  readonly trades: readonly FilledTrade[];
  /** Net results of trading days with bars. */
  readonly days: readonly number[];
  readonly maxDrawdown: number;
  /** Bars of all pairs. */
  readonly bars: number;
  readonly pairs: number;
  readonly candidates: number;
  readonly refusals: Readonly<Partial<Record<Reason, number>>>;
}

export function performanceOf(input: PerformanceInput): Performance {
  const { trades, days, bars, pairs, candidates, refusals } = input;
  const sumOf = (value: (trade: FilledTrade) => number): number => trades.reduce((sum, trade) => sum + value(trade), 0);
  const meanOf = (value: (trade: FilledTrade) => number): number | null =>
    trades.length === 0 ? null : sumOf(value) / trades.length;
  const net = ({ scale, netBps }: FilledTrade): number => scale * netBps;
  const gross = ({ scale, grossBps }: FilledTrade): number => scale * grossBps;
  const entered = Object.values(refusals).reduce((left, count) => left - count, candidates);
  const exits: Record<string, number> = {};
  for (const { reason } of trades) exits[reason] = (exits[reason] ?? 0) + 1;
  const daily = meanOrNull(days);
  return {
    net_return: sumOf(net) / BPS / pairs,
    gross_return: sumOf(gross) / BPS / pairs,
    annual_return: daily === null ? null : daily * TRADING_DAYS_PER_YEAR,
    net_sharpe: sharpe(days),
    sortino: sortino(days),
    max_drawdown: input.maxDrawdown,
    trades: trades.length,
    win_rate: meanOf((trade) => (net(trade) > 0 ? 1 : 0)),
    mean_net_bps: meanOf(net),
    mean_gross_bps: meanOf(gross),
    mean_net_bps_full_size: meanOf(({ netBps }) => netBps),
    mean_cost_bps: meanOf(({ scale, costBps }) => scale * costBps),
    mean_swap_bps: meanOf(({ scale, swapBps }) => scale * swapBps),
    mean_scale: meanOf(({ scale }) => scale),
    exposure: bars === 0 ? 0 : sumOf(({ entryBar, exitBar }) => exitBar - entryBar) / bars,
    turnover: sumOf(({ scale }) => 2 * scale) / pairs,
    trading_days: days.length,
    candidates,
    refusal_rate: riskRefusal(refusals, entered).rate,
    refusals,
    exits,
  };
}

/**
 * Annualized Sharpe ratio (Sharpe 1966, without a risk-free rate: financing costs are part of the results): mean ÷
 * standard deviation (ddof 1) × √252. null with fewer than two days or without variation.
 */
export function sharpe(days: readonly number[]): number | null {
  const m = meanOrNull(days);
  if (m === null || days.length < 2) return null;
  const squares = days.reduce((sum, day) => sum + (day - m) * (day - m), 0);
  return squares > 0 ? (m / Math.sqrt(squares / (days.length - 1))) * Math.sqrt(TRADING_DAYS_PER_YEAR) : null;
}

/**
 * Annualized Sortino ratio (Sortino & Price 1994) with a target of 0: mean ÷ √(mean of min(0, day)²) × √252. null
 * without a losing day.
 */
export function sortino(days: readonly number[]): number | null {
  const m = meanOrNull(days);
  const squares = days.reduce((sum, day) => sum + Math.min(0, day) ** 2, 0);
  return m !== null && squares > 0 ? (m / Math.sqrt(squares / days.length)) * Math.sqrt(TRADING_DAYS_PER_YEAR) : null;
}
