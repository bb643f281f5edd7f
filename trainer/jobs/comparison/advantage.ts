import { ln } from '../../../shared/elementary.ts';

/** Minimum distance of probabilities from 0 and 1 in the e-values: their losses, and so their scale, are bounded. */
const CLIP = 0.02;
/** The same in the mean log loss, only so that it is finite. */
const EDGE = 1e-6;

/** Largest differences of two clipped losses: the scales of the e-values, the same at every minute. */
export const LOG_LOSS_SCALE = ln((1 - CLIP) / CLIP);
const BRIER_SCALE = (1 - CLIP) * (1 - CLIP) - CLIP * CLIP;

/** One bar of a subject with a known label, scored by both models. */
export interface PairedScore {
  readonly champion: number;
  readonly challenger: number;
  readonly label: 0 | 1;
}

/**
 * Advantage of the challenger in one minute: champion's loss − challenger's loss. One scale for all minutes, so that an
 * error counts by its size; divided by the largest difference of each minute, rare and large ones would count as little
 * as small ones.
 */
export interface MinuteAdvantage {
  /** Mean over the labels, probabilities clipped, as a share of the largest possible difference: within [−1, 1]. */
  readonly logLoss: number;
  readonly brier: number;
  /** Largest size that these could have had with other labels: known from the probabilities. */
  readonly logLossBound: number;
  readonly brierBound: number;
  readonly labels: number;
  /** Sums over the labels, without clipping and scale: nats, and squares of probabilities. */
  readonly logLossSum: number;
  readonly brierSum: number;
}

/** Of a minute without labels. */
export const NO_ADVANTAGE: MinuteAdvantage = {
  logLoss: 0,
  brier: 0,
  logLossBound: 0,
  brierBound: 0,
  labels: 0,
  logLossSum: 0,
  brierSum: 0,
};

/** @param scores at least one */
export function advantageOf(scores: readonly PairedScore[]): MinuteAdvantage {
  let logLossClipped = 0;
  let brierClipped = 0;
  let logLossBound = 0;
  let brierBound = 0;
  let logLossSum = 0;
  let brierSum = 0;
  for (const { champion, challenger, label } of scores) {
    const [own, other] = label === 1 ? [champion, challenger] : [1 - champion, 1 - challenger];
    logLossSum += logLoss(own) - logLoss(other);
    brierSum += brierLoss(own) - brierLoss(other);
    const ownClipped = clipped(own);
    const otherClipped = clipped(other);
    const hits = [logLoss(ownClipped) - logLoss(otherClipped), brierLoss(ownClipped) - brierLoss(otherClipped)];
    const misses = [
      logLoss(1 - ownClipped) - logLoss(1 - otherClipped),
      brierLoss(1 - ownClipped) - brierLoss(1 - otherClipped),
    ];
    logLossClipped += hits[0]!;
    brierClipped += hits[1]!;
    logLossBound += Math.max(Math.abs(hits[0]!), Math.abs(misses[0]!));
    brierBound += Math.max(Math.abs(hits[1]!), Math.abs(misses[1]!));
  }
  const labels = scores.length;
  return {
    logLoss: logLossClipped / labels / LOG_LOSS_SCALE,
    brier: brierClipped / labels / BRIER_SCALE,
    logLossBound: boundOf(logLossBound / labels / LOG_LOSS_SCALE),
    brierBound: boundOf(brierBound / labels / BRIER_SCALE),
    labels,
    logLossSum,
    brierSum,
  };
}

/** Rounding may exceed 1. */
function boundOf(share: number): number {
  return Math.min(1, share);
}

/** As it enters the log loss of an e-value. */
export function clipped(probability: number): number {
  return Math.min(1 - CLIP, Math.max(CLIP, probability));
}

/** Log loss of an outcome with this predicted probability, nats. */
export function logLoss(probability: number): number {
  return -ln(Math.min(1, Math.max(EDGE, probability)));
}

/** Brier score of an outcome with this predicted probability. */
export function brierLoss(probability: number): number {
  return (1 - probability) * (1 - probability);
}
