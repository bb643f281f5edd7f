import { ln } from '../../shared/elementary.ts';
import { EProcess } from './e_process.ts';

/** Minimum distance of probabilities from 0 and 1, so that the log loss is finite. */
const EDGE = 1e-6;
/** Minimum scale of a minute: below it two models count as equal, and noise is not magnified. */
const MIN_SCALE = 0.01;

/** One bar of a subject with a known label, scored by both models. */
export interface PairedScore {
  readonly champion: number;
  readonly challenger: number;
  readonly label: 0 | 1;
}

/**
 * Advantage of the challenger in one minute, in [−1, 1]: the sum over subjects of champion's loss − challenger's loss,
 * divided by the largest sum that these probabilities allow. That scale is known before the labels (the predictable
 * normalization of Choe & Ramdas' Winkler score).
 */
export function minuteAdvantage(scores: readonly PairedScore[], lossOf: (probability: number) => number): number {
  let [sum, scale] = [0, 0];
  for (const { champion, challenger, label } of scores) {
    const hit = lossOf(champion) - lossOf(challenger);
    const miss = lossOf(1 - champion) - lossOf(1 - challenger);
    sum += label === 1 ? hit : miss;
    scale += Math.max(Math.abs(hit), Math.abs(miss));
  }
  return sum / Math.max(scale, MIN_SCALE);
}

/** Advantage of the challenger in one minute, by each score. */
export interface MinuteAdvantage {
  readonly logLoss: number;
  readonly brier: number;
}

/** @param scores at least one */
export function advantageOf(scores: readonly PairedScore[]): MinuteAdvantage {
  return { logLoss: minuteAdvantage(scores, logLoss), brier: minuteAdvantage(scores, brierLoss) };
}

/** Log loss of an outcome with this predicted probability, nats. */
export function logLoss(probability: number): number {
  return -ln(Math.min(1, Math.max(EDGE, probability)));
}

/** Brier score of an outcome with this predicted probability. */
export function brierLoss(probability: number): number {
  return (1 - probability) * (1 - probability);
}

/** Paired proper scores of both models on matured labels of the same bars. */
export class PairedScores {
  readonly logLoss: EProcess;
  readonly brier: EProcess;
  #labels = 0;

  /** @param horizon bars after which every label of a bar is known, times timeframes */
  constructor(horizon: number) {
    this.logLoss = new EProcess(horizon);
    this.brier = new EProcess(horizon);
  }

  /** Matured labels so far. */
  get labels(): number {
    return this.#labels;
  }

  /** E-value that the challenger scores better; the average of two e-values is one. */
  get benefit(): number {
    return (this.logLoss.above + this.brier.above) / 2;
  }

  /** E-value that the challenger scores worse. */
  get harm(): number {
    return (this.logLoss.below + this.brier.below) / 2;
  }

  /** Adds a minute whose labels are all known. @param minute number on the axis on which horizons are counted */
  add(minute: number, scores: readonly PairedScore[]): void {
    if (scores.length === 0) return;
    this.#labels += scores.length;
    this.addAdvantage(minute, advantageOf(scores));
  }

  addAdvantage(minute: number, { logLoss, brier }: MinuteAdvantage): void {
    this.logLoss.add(minute, logLoss);
    this.brier.add(minute, brier);
  }
}
