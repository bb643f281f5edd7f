import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import type { PredictionDispersion } from '../validate/prediction_dispersion.ts';
import type { Gate, ModelEvidence } from './gate.ts';

/** Below it the answers of a day are equal except for rounding: a standard deviation of 0.0001. */
export const FROZEN_VARIANCE = 1e-8;

export const predictionDispersion: Gate<ModelEvidence> = {
  code: 'prediction_dispersion',
  vetoes: 'Predictions that do not vary, in all or over a pair’s last 24 h.',
  threshold: { fixed: `variance ${FROZEN_VARIANCE}` },
  check: ({ validation }) => checkPredictionDispersion(validation.report.holdout.predictions),
};

/**
 * Checks that the model still separates rows: neither all answers nor, for any pair, those of its last 24 hours are
 * the same.
 */
export function checkPredictionDispersion(spread: PredictionDispersion): GateResult {
  const days: (readonly [string, number | null])[] = [
    ['all', spread.variance_24h.last],
    ...Object.entries(spread.variance_24h_by_pair).map(([id, { last }]) => [id, last] as const),
  ];
  const frozen = days.filter(([, last]) => last !== null && last < FROZEN_VARIANCE).map(([id]) => id);
  const whole = spread.std === null ? 0 : spread.std * spread.std;
  const moves = whole >= FROZEN_VARIANCE;
  const lasts = days.flatMap(([, last]) => (last === null ? [] : [last]));
  return {
    code: 'prediction_dispersion',
    role: null,
    passed: moves && frozen.length === 0,
    value: Math.min(whole, ...lasts),
    relation: '>=',
    limit: FROZEN_VARIANCE,
    unit: 'variance',
    evidence: { variance: whole, last_24h: spread.variance_24h.last, frozen, least_variance: FROZEN_VARIANCE },
  };
}
