import type { OpenTime } from '../../shared/bar.ts';
import { excursion, openPosition } from '../../shared/core/position/position.ts';
import { ln } from '../../shared/elementary.ts';
import { marketAt, type PairHistory } from '../dataset/pair_history.ts';

/** The barriers of AI1's label, in standard deviations of the entry and bars. */
export interface Barriers {
  readonly z_entry: number;
  readonly z_exit: number;
  readonly stop: number;
  readonly horizon: number;
}

/** Every AUC, Brier score and calibration error of AI1 is reported on this label, whatever was trained. */
export const EVALUATION_BARRIERS: Barriers = { z_entry: 2, z_exit: 0.5, stop: 1.5, horizon: 60 };

export interface Outcome {
  readonly label: 0 | 1;
  /** The bar at which the label was known. */
  readonly end: number;
}

/** What it costs to open and close each leg, in basis points of the leg's notional. */
export interface LegCosts {
  readonly aBps: number;
  readonly bBps: number;
}

const BPS = 1e4;

/** |z| ≥ z_entry: only these bars have a label of AI1. */
export function isCandidate(history: PairHistory, t: number, barriers: Barriers): boolean {
  return Math.abs(history.z[t]!) >= barriers.z_entry;
}

/**
 * AI1's label at candidate `t` by the triple-barrier method (López de Prado, Advances in Financial Machine Learning, ch. 3): alpha, beta, mean
 * and std are frozen at t; 1 iff the frozen z comes back to z_exit before it moves `stop` further out, within `horizon` bars.
 *
 * The horizon counts bars that both legs have, as a position's age does: before a weekend, a daily pause or a hole it reaches over it, and the
 * first bar after it is judged like any other. Purging goes by the time of `end`, so it sees the whole of such a stretch.
 * @returns null when the bars end before the label is known
 */
export function reversionLabel(history: PairHistory, t: number, barriers: Barriers): Outcome | null {
  const { lnA, lnB, z } = history;
  const side = z[t]! > 0 ? -1 : 1;
  // Stryker disable next-line StringLiteral: no barrier reads the position's id
  const position = openPosition(side, '', history.time[t]! as OpenTime, marketAt(history, t));
  const stopAt = Math.abs(z[t]!) + barriers.stop;
  const last = t + barriers.horizon;
  for (let k = t + 1; k <= last && k < history.length; k++) {
    const out = excursion(position, lnA[k]!, lnB[k]!);
    if (out <= barriers.z_exit) return { label: 1, end: k };
    if (out >= stopAt) return { label: 0, end: k };
  }
  return last < history.length ? { label: 0, end: last } : null;
}

/**
 * The variant that asks for money: 1 iff the trade between the same barriers earns after costs. It is filled as the backtest
 * fills it, at the opens of the bars after entry and exit; the legs weigh 1 and |beta_t| in cost and P&L alike.
 * @returns null when the bars end before the exit is filled; `end` is the bar of that fill
 */
export function profitLabel(history: PairHistory, t: number, barriers: Barriers, costs: LegCosts): Outcome | null {
  const exit = reversionLabel(history, t, barriers);
  if (exit === null || exit.end + 1 >= history.length) return null;
  const { openA, openB, beta, z } = history;
  const [entryFill, exitFill] = [t + 1, exit.end + 1];
  const side = z[t]! > 0 ? -1 : 1;
  const hedge = beta[t]!;
  const moveA = ln(openA[exitFill]! / openA[entryFill]!);
  const moveB = ln(openB[exitFill]! / openB[entryFill]!);
  const grossBps = BPS * side * (moveA - hedge * moveB);
  const costBps = costs.aBps + Math.abs(hedge) * costs.bBps;
  return { label: grossBps > costBps ? 1 : 0, end: exitFill };
}
