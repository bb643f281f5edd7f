import type { GateResult } from '../criteria/criteria.ts';
import { aucLowerBound, type AucEstimate } from '../statistics/auc_error.ts';
import type { DirectionBias } from './direction_bias.ts';
import { OUTCOME_TOLERANCE, PREDICTION_LIMITS } from './direction_bias.ts';
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
    'overall_balance' | 'prediction_min' | 'prediction_max' | 'outcome' | 'biased' | 'warnings'
  >;
  /** Up against down on the evaluated bars that moved; null without both. */
  readonly upOrDown: AucEstimate | null;
  /** Series that were compared with the prices, of which none knows what comes. */
  readonly series: readonly CheckedSeries[];
  /** The outside column that alone tells most of up against down. */
  readonly column: { readonly name: string; readonly auc: number } | null;
  /** null without a claimed edge or without series. */
  readonly delayed: DelayedEdge | null;
  readonly hasEdge: boolean;
  readonly f1: ClassF1;
  /** Minimum of the plain F1; null: none. */
  readonly f1Floor: number | null;
}

/** One gate of a direction model, as it is documented (docs/reference/GATES.md) and checked. */
export interface DirectionGate {
  readonly name: string;
  readonly vetoes: string;
  readonly limit: string;
  readonly next: string;
  /** @returns its own limit where that depends on the policy */
  check(evidence: DirectionEvidence): Pick<GateResult, 'passed' | 'seen'> & Partial<Pick<GateResult, 'limit'>>;
}

const { minimum, maximum, mean } = PREDICTION_LIMITS;
const shown = (value: number | null, digits = 3): string => (value === null ? '–' : value.toFixed(digits));

export const DIRECTION_GATES: readonly DirectionGate[] = [
  {
    name: 'direction bias',
    vetoes:
      'Predictions on one side: up ÷ (up + down) beyond its limits in a single prediction or on average, or on average far from the outcomes beyond chance.',
    limit: `each from ${minimum} to ${maximum}, their mean from ${mean.lowest} to ${mean.highest} and within ${OUTCOME_TOLERANCE} of the outcomes`,
    next: 'Train on bars of rising and of falling markets, or with another `--balance`.',
    check: ({ bias }) => ({
      passed: bias.biased.length === 0,
      seen: `${shown(bias.prediction_min)} to ${shown(bias.prediction_max)}, mean ${shown(bias.overall_balance)}, outcomes ${shown(bias.outcome.observed)} where it was ${shown(bias.outcome.predicted)}${bias.biased.length === 0 ? '' : `: ${bias.biased.join(', ')}`}`,
    }),
  },
  {
    name: 'direction plausible',
    vetoes: 'An AUC of up against down, among the evaluated bars that moved, that honest models do not reach.',
    limit: `at most ${UP_OR_DOWN_BOUND}, or within chance of 0.5`,
    next: 'Find what knows the future: compare the arrival times of the series with their source. If the market is like this, promote it with a reason.',
    check: ({ upOrDown }) => ({
      passed: upOrDown === null || isPlausible(upOrDown),
      seen: upOrDown === null ? 'no bar moved' : `${shown(upOrDown.auc)} ± ${shown(upOrDown.standard_error)}`,
    }),
  },
  {
    name: 'direction series foresight',
    vetoes:
      'Series, or taker volume, that know what the price does next. `direction train` and `series import` already refuse them (SERIES_FORESIGHT).',
    limit: 'no series',
    next: 'Import the series with the times at which its values were known.',
    check: ({ series }) => {
      const names = [...new Set(series.map((own) => own.series))];
      return { passed: true, seen: names.length === 0 ? 'no series has values' : `none of ${names.join(', ')}` };
    },
  },
  {
    name: 'direction single column',
    vetoes:
      'A column from a series that alone tells up from down. `direction train` already refuses it (FEATURE_FORESIGHT).',
    limit: `an AUC of at most ${COLUMN_BOUND} on training rows, beyond chance`,
    next: 'The column is the label, or made from it: leave its series out.',
    check: ({ column }) => ({
      passed: true,
      seen: column === null ? 'no column has values on enough rows' : `${column.name} ${shown(column.auc)}`,
    }),
  },
  {
    name: 'direction one bar later',
    vetoes: 'An edge that is gone when every series comes one bar later.',
    limit: `at least ${DELAYED_SHARE * 100} % of the net result remains`,
    next: 'The edge is in values that a daemon receives too late: check `--lag` and the arrival times.',
    check: ({ delayed, hasEdge }) => {
      if (!hasEdge) return { passed: true, seen: 'no edge is claimed' };
      if (delayed === null) return { passed: true, seen: 'no series has values' };
      return {
        passed: survives(delayed),
        seen: `net ${shown(delayed.net_bps, 1)} bps, delayed ${shown(delayed.delayed_net_bps, 1)} bps in ${delayed.delayed_trades} trades`,
      };
    },
  },
  {
    name: 'direction f1',
    vetoes: 'A mean F1 of up, down and range, each answered where it is the most probable one, below the limit.',
    limit: '`quality_f1_floor`, while `quality_f1_gates` names direction',
    next: 'The model rarely tells the classes apart. Without this limit: take direction out of `quality_f1_gates`, or promote it with a reason.',
    check: ({ f1, f1Floor }) => ({
      passed: f1Floor === null || f1.f1 >= f1Floor,
      seen: `${shown(f1.f1)}, by chance ${shown(f1.f1_chance)}, above it by at least ${shown(f1.f1_gain_lower)}`,
      limit: f1Floor === null ? 'no limit in the policy' : `at least ${f1Floor}`,
    }),
  },
];

/** Results of all gates, in their order. */
export function directionGates(evidence: DirectionEvidence): GateResult[] {
  return DIRECTION_GATES.map(({ name, limit, check }) => ({ name, limit, ...check(evidence) }));
}

/** Whether an honest model may have this AUC of up against down. */
export function isPlausible(upOrDown: AucEstimate): boolean {
  return upOrDown.auc <= UP_OR_DOWN_BOUND || aucLowerBound(upOrDown, UP_OR_DOWN_LEVEL) <= 0.5;
}

function survives({ net_bps, delayed_net_bps }: DelayedEdge): boolean {
  return delayed_net_bps !== null && delayed_net_bps > 0 && delayed_net_bps >= DELAYED_SHARE * net_bps;
}
