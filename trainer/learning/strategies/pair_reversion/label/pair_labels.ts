import type { PriceHistory } from '../../../history/pair_history.ts';
import { EVALUATION_BARRIERS, isCandidate, reversionLabel, type Barriers } from './reversion.ts';
import { riskLabel, type RiskLabelPolicy } from './risk.ts';
import { scaleLabel, type ScaleLabelPolicy } from './scale.ts';

/**
 * Bars of a pair's history with a known label, ascending; element i of every array belongs to bar `bar[i]`. 16 bytes
 * per bar.
 */
export interface BarLabels {
  readonly bar: Int32Array;
  /** The bar at which the label was known. */
  readonly end: Int32Array;
  readonly label: Float64Array;
}

export const RISK_PARTS = ['drawdown', 'volatility', 'correlation'] as const;
export type RiskPart = (typeof RISK_PARTS)[number];

/** AI2's labels, and each of its three parts as 0 or 1. 19 bytes per bar. */
export interface RiskLabels extends BarLabels {
  readonly parts: Readonly<Record<RiskPart, Uint8Array>>;
}

export interface PairLabels {
  readonly ai1: BarLabels;
  /** AI1's fixed label on all its candidates; `ai1` itself if it is the training label. */
  readonly evaluation: BarLabels;
  readonly ai2: RiskLabels;
  readonly ai3: BarLabels;
}

export interface PairLabelPolicy {
  readonly barriers: Barriers;
  readonly risk: RiskLabelPolicy;
  readonly scale: ScaleLabelPolicy;
}

/**
 * All labels of one pair: AI1's of its candidates, AI2's and AI3's of the bars selected by `isSampled`. A bar whose
 * label is unknown when the data ends has none.
 */
export function labelPair(
  history: PriceHistory,
  policy: PairLabelPolicy,
  isSampled: (time: number) => boolean,
): PairLabels {
  const { barriers, risk, scale } = policy;
  const evaluation = labelReversion(history, EVALUATION_BARRIERS);
  const sampled = barsWhere(history, (t) => isSampled(history.time[t]!));
  return {
    ai1: isEvaluation(barriers) ? evaluation : labelReversion(history, barriers),
    evaluation,
    ai2: labelRisk(history, sampled, risk),
    ai3: labelBars(sampled, (t) => scaleLabel(history, t, scale)),
  };
}

/** AI1's label for these barriers, of all its candidates. */
export function labelReversion(history: PriceHistory, barriers: Barriers): BarLabels {
  return labelBars(candidates(history, barriers), (t) => reversionLabel(history, t, barriers));
}

function isEvaluation({ z_entry, z_exit, stop, horizon }: Barriers): boolean {
  const fixed = EVALUATION_BARRIERS;
  return z_entry === fixed.z_entry && z_exit === fixed.z_exit && stop === fixed.stop && horizon === fixed.horizon;
}

function candidates(history: PriceHistory, barriers: Barriers): Int32Array {
  return barsWhere(history, (t) => isCandidate(history, t, barriers));
}

function barsWhere(history: PriceHistory, isWanted: (t: number) => boolean): Int32Array {
  const bars = new Int32Array(history.length);
  let wanted = 0;
  for (let t = 0; t < history.length; t++) if (isWanted(t)) bars[wanted++] = t;
  return bars.slice(0, wanted);
}

function labelRisk(history: PriceHistory, bars: Int32Array, policy: RiskLabelPolicy): RiskLabels {
  const part = (): Uint8Array => new Uint8Array(bars.length);
  const parts = { drawdown: part(), volatility: part(), correlation: part() };
  let known = 0;
  const labels = labelBars(bars, (t) => {
    const outcome = riskLabel(history, t, policy);
    if (outcome !== null) {
      for (const name of RISK_PARTS) parts[name][known] = outcome[name];
      known++;
    }
    return outcome;
  });
  for (const name of RISK_PARTS) parts[name] = parts[name].slice(0, known);
  return { ...labels, parts };
}

function labelBars(
  bars: Int32Array,
  labelOf: (t: number) => { readonly label: number; readonly end: number } | null,
): BarLabels {
  const bar = new Int32Array(bars.length);
  const end = new Int32Array(bars.length);
  const label = new Float64Array(bars.length);
  let known = 0;
  for (const t of bars) {
    const outcome = labelOf(t);
    if (outcome === null) continue;
    bar[known] = t;
    end[known] = outcome.end;
    label[known] = outcome.label;
    known++;
  }
  return { bar: bar.slice(0, known), end: end.slice(0, known), label: label.slice(0, known) };
}
