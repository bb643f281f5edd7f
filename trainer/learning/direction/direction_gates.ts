import { DIRECTION_F1_STEP, GATE_STEPS } from '../../../shared/bundle/gates/gate_steps.ts';
import type { DirectionGateCode } from '../../../shared/bundle/gates/gate_codes.ts';
import { finite, type GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { aucLowerBound, type AucEstimate } from '../statistics/auc_error.ts';
import type { DirectionBias } from './direction_bias.ts';
import type { BiasLimits } from './bias_limits.ts';
import { OUTCOME_TOLERANCE } from './direction_bias.ts';
import type { ClassF1 } from '../validate/class_f1.ts';
import { COLUMN_BOUND, type CheckedSeries } from './series_foresight.ts';

/** An AUC of up against down above it is more than an honest model of such a market has shown. */
export const UP_OR_DOWN_BOUND = 0.55;
/** Error rate at which such an AUC must also exceed one half: few rows reach any AUC by chance. */
export const UP_OR_DOWN_LEVEL = 0.05;
/** Share of the net result that must remain when every series comes one bar later. */
export const DELAYED_SHARE = 0.5;

/** Net result of the claimed edges, and the same with every series one bar later. */
export interface DelayedEdge {
  readonly net_bps: number;
  readonly delayed_net_bps: number | null;
  readonly delayed_trades: number;
}

/** What a training of the direction model measured. */
export interface DirectionEvidence {
  readonly bias: Pick<
    DirectionBias,
    | 'overall_balance'
    | 'prediction_min'
    | 'prediction_max'
    | 'largest_variance_24h'
    | 'buy_sell_ratio'
    | 'bull_market_buy_ratio'
    | 'bear_market_sell_ratio'
    | 'outcome'
    | 'biased'
  >;
  /** Up against down on the evaluated bars that moved; null without both. */
  readonly upOrDown: AucEstimate | null;
  /** Series that were compared with the prices, of which none knows what comes. */
  readonly series: readonly CheckedSeries[];
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
  readonly next: string;
  check(evidence: DirectionEvidence): Omit<GateResult, 'code' | 'role'>;
}

/** A gate that has nothing to judge. */
const IDLE = { passed: true, value: null, relation: null, limit: null } as const;

export const DIRECTION_GATES: readonly DirectionGate[] = [
  {
    code: 'bias',
    vetoes:
      'Answers on one side: up ÷ (up + down) beyond its limits in a single prediction or on average, or on average far from the outcomes beyond chance; the share of up among the calls beyond its limits, over all, in an hour of the day, or in bull or bear markets; or answers that swing within 24 hours.',
    limit: `\`direction_prediction_range\`, \`direction_mean_range\`, within ${OUTCOME_TOLERANCE} of the outcomes, \`direction_buy_ratio_range\`, \`direction_hour_buy_ratio_range\`, \`direction_bull_buy_ratio_range\`, \`direction_bear_sell_ratio_range\`, \`direction_variance_24h_max\`; null: not judged`,
    next: GATE_STEPS.bias,
    check: ({ bias, biasLimits: { prediction, mean, buyRatio, hourBuyRatio, variance24h } }) => ({
      passed: bias.biased.length === 0,
      value: bias.biased.length,
      relation: '<=',
      limit: 0,
      unit: 'count',
      evidence: {
        biased: [...bias.biased],
        prediction_min: bias.prediction_min,
        prediction_max: bias.prediction_max,
        mean: bias.overall_balance,
        observed: bias.outcome.observed,
        predicted: bias.outcome.predicted,
        buy_ratio: bias.buy_sell_ratio,
        bull_buy_ratio: bias.bull_market_buy_ratio,
        bear_sell_ratio: bias.bear_market_sell_ratio,
        variance: bias.largest_variance_24h,
        least: prediction?.[0] ?? null,
        most: prediction?.[1] ?? null,
        least_mean: mean?.[0] ?? null,
        most_mean: mean?.[1] ?? null,
        least_buys: buyRatio?.[0] ?? null,
        most_buys: buyRatio?.[1] ?? null,
        least_hour: hourBuyRatio?.[0] ?? null,
        most_hour: hourBuyRatio?.[1] ?? null,
        most_variance: variance24h,
        tolerance: OUTCOME_TOLERANCE,
      },
    }),
  },
  {
    code: 'plausible',
    vetoes: 'An AUC of up against down, among the evaluated bars that moved, that honest models do not reach.',
    limit: `at most ${UP_OR_DOWN_BOUND}, or within chance of 0.5`,
    next: GATE_STEPS.plausible,
    check: ({ upOrDown }) => {
      const most = UP_OR_DOWN_BOUND;
      if (upOrDown === null) return { ...IDLE, unit: 'score', evidence: { reason: 'no_bar_moved', most } };
      const { auc, standard_error } = upOrDown;
      return {
        passed: isPlausible(upOrDown),
        value: auc,
        relation: '<=',
        limit: Math.max(most, 0.5 + (auc - aucLowerBound(upOrDown, UP_OR_DOWN_LEVEL))),
        unit: 'score',
        evidence: { auc, standard_error: finite(standard_error), most },
      };
    },
  },
  {
    code: 'series_foresight',
    vetoes:
      'Series, or taker volume, that know what the price does next. `direction train` and `series import` already refuse them (SERIES_FORESIGHT).',
    limit: 'no series',
    next: GATE_STEPS.series_foresight,
    check: ({ series }) => ({
      ...IDLE,
      unit: 'count',
      evidence: { series: [...new Set(series.map((own) => own.series))] },
    }),
  },
  {
    code: 'single_column',
    vetoes:
      'A column from a series that alone tells up from down. `direction train` already refuses it (FEATURE_FORESIGHT).',
    limit: `an AUC of at most ${COLUMN_BOUND} on training rows, beyond chance`,
    next: GATE_STEPS.single_column,
    check: ({ column }) => {
      const most = COLUMN_BOUND;
      if (column === 'of training') return { ...IDLE, unit: 'score', evidence: { reason: 'of_training', most } };
      if (column === null) return { ...IDLE, unit: 'score', evidence: { reason: 'no_column', most } };
      return { ...IDLE, value: column.auc, unit: 'score', evidence: { column: column.name, auc: column.auc, most } };
    },
  },
  {
    code: 'one_bar_later',
    vetoes: 'An edge that is gone when every series comes one bar later.',
    limit: `at least ${DELAYED_SHARE * 100} % of the net result remains`,
    next: GATE_STEPS.one_bar_later,
    check: ({ delayed, hasEdge }) => {
      const least_share = DELAYED_SHARE;
      if (!hasEdge) return { ...IDLE, unit: 'bps', evidence: { reason: 'no_edge', least_share } };
      if (delayed === null) return { ...IDLE, unit: 'bps', evidence: { reason: 'no_series', least_share } };
      return {
        passed: survives(delayed),
        value: delayed.delayed_net_bps,
        relation: '>=',
        limit: least_share * delayed.net_bps,
        unit: 'bps',
        evidence: { ...delayed, least_share },
      };
    },
  },
  {
    code: 'f1',
    vetoes: 'A mean F1 of up, down and range, each answered where it is the most probable one, below the limit.',
    limit: '`quality_f1_floor`, while `quality_f1_gates` names direction',
    next: DIRECTION_F1_STEP,
    check: ({ f1: { f1, f1_chance, f1_gain_lower }, f1Floor }) => ({
      passed: f1Floor === null || f1 >= f1Floor,
      value: f1,
      relation: f1Floor === null ? null : '>=',
      limit: f1Floor,
      unit: 'score',
      evidence: { f1, f1_chance, f1_gain_lower },
    }),
  },
];

/** Results of all gates, in their order. */
export function directionGates(evidence: DirectionEvidence): GateResult[] {
  return DIRECTION_GATES.map(({ code, check }) => ({ code, role: 'direction', ...check(evidence) }));
}

/** Whether an honest model may have this AUC of up against down. */
export function isPlausible(upOrDown: AucEstimate): boolean {
  return upOrDown.auc <= UP_OR_DOWN_BOUND || aucLowerBound(upOrDown, UP_OR_DOWN_LEVEL) <= 0.5;
}

function survives({ net_bps, delayed_net_bps }: DelayedEdge): boolean {
  return delayed_net_bps !== null && delayed_net_bps > 0 && delayed_net_bps >= DELAYED_SHARE * net_bps;
}
