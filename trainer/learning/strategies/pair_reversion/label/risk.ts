import { isHoleBefore, type PriceHistory } from '../../../history/pair_history.ts';

export interface RiskLabelPolicy {
  /** Bars with both legs: over a weekend or pause it takes longer. */
  readonly horizon: number;
  /** Position value over margin. */
  readonly leverage: number;
  /** Drawdown of the unit position that counts as risk, as a fraction of margin. */
  readonly dd_threshold: number;
  readonly vol_ratio: number;
  /** Change of correlation, negative. */
  readonly corr_drop: number;
}

export interface RiskOutcome {
  /** 1 if any of the three parts is. */
  readonly label: 0 | 1;
  readonly drawdown: 0 | 1;
  readonly volatility: 0 | 1;
  readonly correlation: 0 | 1;
  readonly end: number;
}

/**
 * AI2's label at `t`, from the next `horizon` bars only: the drawdown of the unit position entered at the close of t
 * exceeds `dd_threshold`, atr_ratio exceeds `vol_ratio`, or corr falls by `corr_drop` or more from its value at t.
 * @returns null with fewer bars up to the end or a hole
 */
export function riskLabel(history: PriceHistory, t: number, policy: RiskLabelPolicy): RiskOutcome | null {
  const end = t + policy.horizon;
  if (end >= history.length) return null;
  let drawdown: 0 | 1 = 0;
  let volatility: 0 | 1 = 0;
  let correlation: 0 | 1 = 0;
  let peak = 0;
  for (let k = t + 1; k <= end; k++) {
    if (isHoleBefore(history, k)) return null;
    const pnl = unitPnl(history, t, k) * policy.leverage;
    peak = Math.max(peak, pnl);
    if (peak - pnl > policy.dd_threshold) drawdown = 1;
    if (history.atrRatio[k]! > policy.vol_ratio) volatility = 1;
    if (history.corr[k]! - history.corr[t]! <= policy.corr_drop) correlation = 1;
  }
  return { label: drawdown | volatility | correlation ? 1 : 0, drawdown, volatility, correlation, end };
}

/**
 * P&L from the close of bar `t` to that of bar `k` of the unit position against the deviation at t, as a fraction of
 * gross notional: d · (Δ ln A − beta_t · Δ ln B) / (1 + |beta_t|), d = −sign(z_t) (1 where z is 0).
 */
export function unitPnl(history: PriceHistory, t: number, k: number): number {
  const { lnA, lnB, beta, z } = history;
  const direction = z[t]! > 0 ? -1 : 1;
  const hedge = beta[t]!;
  return (direction * (lnA[k]! - lnA[t]! - hedge * (lnB[k]! - lnB[t]!))) / (1 + Math.abs(hedge));
}
