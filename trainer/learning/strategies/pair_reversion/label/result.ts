import { lowerBound } from '../../../../../shared/bar_file/bar_file.ts';
import { SECONDS_PER_BAR } from '../../../../../shared/bar.ts';
import { sigmaBps } from '../../../../../shared/core/cost/expected_net.ts';
import { grossBps } from '../../../trades/backtest.ts';
import { isHoleBefore, marketAt, type PriceHistory } from '../../../history/pair_history.ts';
import { reversionLabel, type Barriers } from './reversion.ts';

/** Result of a candidate at its barriers. */
export interface Result {
  /** Before costs, in standard deviations of the spread at the entry. */
  readonly sigmas: number;
  /** Bar at whose open the exit is filled; the result depends on no later bar. */
  readonly end: number;
}

/**
 * Result of entering at candidate `t` before costs, filled as in a backtest at the opens after both decisions.
 * @returns null if the data ends, or a hole begins, before the exit is filled
 */
export function resultOf(history: PriceHistory, t: number, barriers: Barriers): Result | null {
  const exit = reversionLabel(history, t, barriers);
  if (exit === null || exit.end + 1 >= history.length || isHoleBefore(history, exit.end + 1)) return null;
  const side = history.z[t]! > 0 ? -1 : 1;
  const end = exit.end + 1;
  return { sigmas: grossBps(history, side, history.beta[t]!, t + 1, end) / sigmaBps(marketAt(history, t)), end };
}

/** A candidate of AI1 whose result was known before the holdout. */
export interface KnownResult {
  /** Index of the bar. */
  readonly t: number;
  readonly sigmas: number;
  /** From the fill of the entry to that of the exit. */
  readonly barsHeld: number;
  /** Close of the bar at whose open the exit was filled. */
  readonly knownAt: number;
}

/**
 * Result of the bar that closed at `close`. A position may be held for longer than a label looks ahead.
 * @returns null if the bar is no entry candidate, or its result was not known before the holdout
 */
export function resultBefore(
  holdoutFrom: number,
  history: PriceHistory,
  close: number,
  barriers: Barriers,
): KnownResult | null {
  const t = lowerBound(history.time, close - SECONDS_PER_BAR);
  if (!(Math.abs(history.z[t]!) >= barriers.z_entry)) return null;
  const result = resultOf(history, t, barriers);
  if (result === null) return null;
  const knownAt = history.time[result.end]! + SECONDS_PER_BAR;
  return knownAt > holdoutFrom ? null : { t, sigmas: result.sigmas, barsHeld: result.end - t - 1, knownAt };
}
