import { sigmaBps } from '../../shared/core/cost/expected_net.ts';
import { grossBps } from '../backtest/backtest.ts';
import { marketAt, type PairHistory } from '../dataset/pair_history.ts';
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
 * @returns null if the data ends before the exit is filled
 */
export function resultOf(history: PairHistory, t: number, barriers: Barriers): Result | null {
  const exit = reversionLabel(history, t, barriers);
  if (exit === null || exit.end + 1 >= history.length) return null;
  const side = history.z[t]! > 0 ? -1 : 1;
  const end = exit.end + 1;
  return { sigmas: grossBps(history, side, history.beta[t]!, t + 1, end) / sigmaBps(marketAt(history, t)), end };
}
