import { isHoleBefore, type PriceHistory } from '../../../history/pair_history.ts';
import { unitPnl } from './risk.ts';

export interface ScaleLabelPolicy {
  /** Bars with both legs; the move over a weekend or pause is one of the changes. */
  readonly horizon: number;
  readonly leverage: number;
  /** Target standard deviation of the unit position's P&L over the horizon, as a fraction of margin. */
  readonly target_sigma: number;
}

/**
 * AI3's label at `t`: clip(target σ / σ of the unit position over the next horizon, 0, 1), σ realized from its one-bar
 * changes (root of the sum of squares), as a fraction of margin.
 * @returns null when there are fewer bars up to the end or a hole
 */
export function scaleLabel(
  history: PriceHistory,
  t: number,
  policy: ScaleLabelPolicy,
): { label: number; end: number } | null {
  const end = t + policy.horizon;
  if (end >= history.length) return null;
  let squares = 0;
  let before = 0;
  for (let k = t + 1; k <= end; k++) {
    if (isHoleBefore(history, k)) return null;
    const pnl = unitPnl(history, t, k);
    squares += (pnl - before) ** 2;
    before = pnl;
  }
  const sigma = Math.sqrt(squares) * policy.leverage;
  return { label: sigma > 0 ? Math.min(1, policy.target_sigma / sigma) : 1, end };
}
