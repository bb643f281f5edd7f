import { clipped, logLoss, LOG_LOSS_SCALE, type MinuteAdvantage } from './advantage.ts';

/** Largest difference of two Brier scores over classes: each is within [0, 2]. */
const CLASS_BRIER_SCALE = 2;

/** One bar of a subject whose class is known, scored by both models. */
export interface PairedClasses {
  /** Probabilities of all classes. */
  readonly champion: readonly number[];
  readonly challenger: readonly number[];
  /** Index of the class that came. */
  readonly label: number;
}

/**
 * `advantageOf` of several classes: the log loss of the class that came, and the sum of squares over all classes.
 * @param scores at least one
 */
export function classAdvantageOf(scores: readonly PairedClasses[]): MinuteAdvantage {
  let logLossClipped = 0;
  let logLossBound = 0;
  let logLossSum = 0;
  let brierSum = 0;
  let brierBound = 0;
  for (const { champion, challenger, label } of scores) {
    const logLosses = champion.map((own, k) => logLoss(clipped(own)) - logLoss(clipped(challenger[k]!)));
    const briers = champion.map((_, k) => classBrier(champion, k) - classBrier(challenger, k));
    logLossClipped += logLosses[label]!;
    logLossBound += largest(logLosses);
    logLossSum += logLoss(champion[label]!) - logLoss(challenger[label]!);
    brierSum += briers[label]!;
    brierBound += largest(briers);
  }
  const labels = scores.length;
  return {
    logLoss: logLossClipped / labels / LOG_LOSS_SCALE,
    brier: brierSum / labels / CLASS_BRIER_SCALE,
    logLossBound: Math.min(1, logLossBound / labels / LOG_LOSS_SCALE),
    brierBound: Math.min(1, brierBound / labels / CLASS_BRIER_SCALE),
    labels,
    logLossSum,
    brierSum,
  };
}

/** Brier score of these probabilities where class `label` comes: a sum over all classes. */
function classBrier(probabilities: readonly number[], label: number): number {
  return probabilities.reduce((sum, own, k) => sum + (own - (k === label ? 1 : 0)) ** 2, 0);
}

/** Over the classes that could have come: known before the label is. */
function largest(differences: readonly number[]): number {
  return differences.reduce((most, own) => Math.max(most, Math.abs(own)), 0);
}
