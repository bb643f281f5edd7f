import type { OpenTime } from '../../../../../shared/bar.ts';
import type { DecisionPolicy, EntryTerms } from '../../../../../shared/strategies/pair_reversion/pair_input.ts';
import { step } from '../../../../../shared/strategies/pair_reversion/step.ts';
import { openPosition } from '../../../../../shared/core/position/position.ts';
import { isHoleBefore, marketAt, type PriceHistory } from '../../../history/pair_history.ts';

/** Barriers of AI1's label, in standard deviations at entry and bars. */
export interface Barriers {
  readonly z_entry: number;
  readonly z_exit: number;
  readonly stop: number;
  readonly horizon: number;
}

/**
 * AI1's AUC, Brier score and calibration error are always reported on this label, independent of the training label.
 */
export const EVALUATION_BARRIERS: Barriers = { z_entry: 2, z_exit: 0.5, stop: 1.5, horizon: 60 };

export interface Outcome {
  readonly label: 0 | 1;
  /** The bar at which the label was known. */
  readonly end: number;
}

/** |z| ≥ z_entry: only these bars have an AI1 label. */
export function isCandidate(history: PriceHistory, t: number, barriers: Barriers): boolean {
  return Math.abs(history.z[t]!) >= barriers.z_entry;
}

/**
 * AI1's label at candidate `t` by the triple-barrier method (López de Prado, Advances in Financial Machine Learning,
 * ch. 3): alpha, beta, mean and std are frozen at t; 1 iff the frozen z reverts to z_exit before it moves `stop`
 * further out, within `horizon` bars. Uses the position of the decision, stepped without scores: its EXIT ends the
 * label.
 *
 * The horizon counts bars with both legs, like a position's age: it spans weekends and daily pauses, and the first bar
 * afterward is evaluated normally. Purging uses the time of `end`, so it covers such periods completely.
 * @returns null if the data ends, or a hole begins, before the label is known
 */
export function reversionLabel(history: PriceHistory, t: number, barriers: Barriers): Outcome | null {
  const policy = exitPolicy(barriers);
  const side = history.z[t]! > 0 ? -1 : 1;
  let position = openPosition(side, '', history.time[t]! as OpenTime, marketAt(history, t));
  for (let k = t + 1; k < history.length; k++) {
    if (isHoleBefore(history, k)) return null;
    const next = step(marketAt(history, k), null, OPEN_TERMS, policy, position, '', history.time[k]! as OpenTime);
    if (next.decision.action === 'EXIT') return { label: next.decision.reason === 'Z_EXIT' ? 1 : 0, end: k };
    position = next.position;
  }
  return null;
}

/** Only used by entries, and the position is open. */
const OPEN_TERMS: EntryTerms = { theta1: 0, theta2: 1, hasEdge: true, isHalted: false };

/** The barriers as a decision policy; without scores, the other values are used only by entries. */
function exitPolicy({ z_entry, z_exit, stop, horizon }: Barriers): DecisionPolicy {
  return {
    z_entry,
    z_exit,
    stop,
    max_age_bars: horizon,
    beta_min: 0,
    beta_max: Infinity,
    risk_exit: Infinity,
    require_edge: false,
    no_entry_windows: [],
    min_expected_net_bps: -Infinity,
  };
}
