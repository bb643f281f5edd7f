import type { DirectionGateCode } from '../../../../../shared/bundle/gates/gate_codes.ts';
import type { GateResult } from '../../../../../shared/bundle/gates/gate_result.ts';
import type { AucEstimate } from '../../../statistics/auc_error.ts';
import type { ClassF1 } from '../../../validate/class_f1.ts';
import type { BiasLimits } from './bias_limits.ts';

/** Of what a model answers (direction_bias.ts in the folder above). */
export interface BiasFigures {
  /** Mean and extremes of ML_UP_PROB / (ML_UP_PROB + ML_DOWN_PROB). */
  readonly overall_balance: number | null;
  readonly prediction_min: number | null;
  readonly prediction_max: number | null;
  /** Largest variance of ML_UP_PROB − ML_DOWN_PROB over 24 hours. */
  readonly largest_variance_24h: number | null;
  /** Share of calls that are up; in bull markets; share that are down in bear markets. */
  readonly buy_sell_ratio: number | null;
  readonly bull_market_buy_ratio: number | null;
  readonly bear_market_sell_ratio: number | null;
  /** Mean prediction on the rows that moved, the share of them that went up, and the p-value of their equality. */
  readonly outcome: {
    readonly rows: number;
    readonly predicted: number | null;
    readonly observed: number | null;
    readonly p_value: number | null;
  };
  /** What the model is refused for. */
  readonly biased: readonly string[];
}

/** Net result of the claimed edges, and the same with every series one bar later. */
export interface DelayedEdge {
  readonly net_bps: number;
  readonly delayed_net_bps: number | null;
  readonly delayed_trades: number;
}

/** What a training of the direction model measured. */
export interface DirectionEvidence {
  readonly bias: BiasFigures;
  /** Up against down on the evaluated bars that moved; null without both. */
  readonly upOrDown: AucEstimate | null;
  /** Series that were compared with the prices, of which none knows what comes. */
  readonly series: readonly { readonly series: string }[];
  /** The outside column that alone tells most of up against down; it was judged in the training where that is over. */
  readonly column: { readonly name: string; readonly auc: number } | 'of training' | null;
  /** null without a claimed edge or without series. */
  readonly delayed: DelayedEdge | null;
  readonly hasEdge: boolean;
  readonly f1: ClassF1;
  /** Minimum of the plain F1; null: none. */
  readonly f1Floor: number | null;
  /** By which `bias` was judged. */
  readonly biasLimits: BiasLimits;
}

/** One gate of a direction model, as it is documented (docs/reference/GATES.md) and checked. */
export interface DirectionGate {
  readonly code: DirectionGateCode;
  readonly vetoes: string;
  /** As documented. */
  readonly limit: string;
  check(evidence: DirectionEvidence): Omit<GateResult, 'code' | 'role'>;
}

/** A gate that has nothing to judge. */
export const IDLE = { passed: true, value: null, relation: null, limit: null } as const;
