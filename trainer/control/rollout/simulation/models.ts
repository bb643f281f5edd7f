import { sigmoid } from '../../../../shared/elementary.ts';
import type { Rng } from '../../../../shared/ports.ts';

/** A simulated model set: errors of its answers, and its failures. Probabilities in log-odds. */
export interface SimulatedModel {
  /** Standard deviation of the error of return_prob. */
  readonly error: number;
  /** Factor of the log-odds: above 1 is overconfident, negative inverts the ranking. */
  readonly slope: number;
  /** Added to the log-odds. */
  readonly bias: number;
  /** Cost of each trade beyond the champion's, bps. */
  readonly extraCostBps: number;
  /** Share of entry candidates with a risk_score below θ2. */
  readonly passRate: number;
  /** Probability that a minute has no answer. */
  readonly missing: number;
  /** Probability per minute that the set throws or is too slow, so that the daemon drops it. */
  readonly failure: number;
}

export const CHAMPION: SimulatedModel = {
  error: 0.5,
  slope: 1,
  bias: 0,
  extraCostBps: 0,
  passRate: 0.3,
  missing: 0,
  failure: 0,
};

export function answerOf(model: SimulatedModel, truth: number, rng: Rng): number {
  return sigmoid(model.slope * (truth + model.error * rng.normal()) + model.bias);
}

/** The worse champion that the improved challenger replaces, and the size of the improvement in words. */
export const IMPROVEMENT = {
  champion: { ...CHAMPION, error: 0.85 },
  challenger: { ...CHAMPION, error: 0.25 },
  size: 'error of the log-odds 0.25 instead of 0.85',
};

/** Regressions of several kinds and sizes. */
export const REGRESSIONS: readonly { readonly kind: string; readonly model: SimulatedModel }[] = [
  ...[1.2, 1.6, 2.2].map((error) => ({ kind: `error ${error}`, model: { ...CHAMPION, error } })),
  ...[-1, -0.5].map((slope) => ({ kind: `slope ${slope}`, model: { ...CHAMPION, slope } })),
  ...[2.5, 4].map((slope) => ({ kind: `overconfident ${slope}`, model: { ...CHAMPION, slope } })),
  ...[1.2, 1.6, -0.9, -1.5].map((bias) => ({ kind: `bias ${bias}`, model: { ...CHAMPION, bias } })),
  { kind: 'constant answer', model: { ...CHAMPION, slope: 0, error: 0 } },
  ...[4, 8].map((extraCostBps) => ({ kind: `cost +${extraCostBps} bps`, model: { ...CHAMPION, extraCostBps } })),
  ...[0.6, 0.9, 0.005].map((passRate) => ({ kind: `pass rate ${passRate}`, model: { ...CHAMPION, passRate } })),
  ...[0.1, 0.5].map((missing) => ({ kind: `missing ${missing}`, model: { ...CHAMPION, missing } })),
  ...[0.01, 0.0005].map((failure) => ({ kind: `failure ${failure}`, model: { ...CHAMPION, failure } })),
];
