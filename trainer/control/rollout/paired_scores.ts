import { advantageOf, type MinuteAdvantage, type PairedScore } from '../../jobs/comparison/advantage.ts';
import { EProcess } from './e_process.ts';

/** Paired proper scores of both models on matured labels of the same bars. */
export class PairedScores {
  readonly logLoss: EProcess;
  readonly brier: EProcess;
  #labels = 0;
  #logLossSum = 0;
  #brierSum = 0;

  /** @param horizon bars after which every label of a bar is known, times timeframes */
  constructor(horizon: number) {
    this.logLoss = new EProcess(horizon);
    this.brier = new EProcess(horizon);
  }

  /** Matured labels so far. */
  get labels(): number {
    return this.#labels;
  }

  /** E-value that the challenger scores better, now; the average of two e-values is one. */
  get benefit(): number {
    return (this.logLoss.above + this.brier.above) / 2;
  }

  /** E-value that the challenger scores worse, now. */
  get harm(): number {
    return (this.logLoss.below + this.brier.below) / 2;
  }

  /** Mean advantage of the challenger per label, nats; 0 without labels. */
  get meanLogLoss(): number {
    return this.#logLossSum / Math.max(1, this.#labels);
  }

  /** Mean advantage of the challenger per label in the Brier score. */
  get meanBrier(): number {
    return this.#brierSum / Math.max(1, this.#labels);
  }

  /** Whether neither mean is worse than the champion's, by scores without clipping and scale. */
  get isNotWorse(): boolean {
    return this.#logLossSum >= 0 && this.#brierSum >= 0;
  }

  /** Adds a minute whose labels are all known. @param minute number on the axis on which horizons are counted */
  add(minute: number, scores: readonly PairedScore[]): void {
    if (scores.length === 0) return;
    this.addAdvantage(minute, advantageOf(scores));
  }

  addAdvantage(minute: number, advantage: MinuteAdvantage): void {
    this.#labels += advantage.labels;
    this.#logLossSum += advantage.logLossSum;
    this.#brierSum += advantage.brierSum;
    this.logLoss.add(minute, advantage.logLoss, advantage.logLossBound);
    this.brier.add(minute, advantage.brier, advantage.brierBound);
  }
}
