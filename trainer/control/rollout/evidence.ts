import type { RolloutStage } from '../../../shared/bundle/rollout.ts';
import { advantageOf, type MinuteAdvantage, type PairedScore } from '../../jobs/comparison/advantage.ts';
import type { GuardMinute } from '../../jobs/comparison/compared_bars.ts';
import { Guards, type GuardLimits } from './guards.ts';
import { PairedScores } from './paired_scores.ts';
import type { RolloutFacts } from './verdict.ts';

/** Evidence about a rollout, updated minute by minute; can be rebuilt from the journal. */
export class RolloutEvidence {
  readonly scores: PairedScores;
  readonly guards: Guards;
  #harm = 1;

  /** @param horizon bars after which every label of a bar is known, times timeframes */
  constructor(limits: GuardLimits, horizon: number) {
    this.scores = new PairedScores(horizon);
    this.guards = new Guards(limits, horizon);
  }

  /** Adds the labels of a minute whose horizon is over. */
  addScores(minute: number, scores: readonly PairedScore[]): void {
    if (scores.length > 0) this.addAdvantage(minute, advantageOf(scores));
  }

  /** The same of a minute whose scores are compared already. */
  addAdvantage(minute: number, advantage: MinuteAdvantage): void {
    this.scores.addAdvantage(minute, advantage);
    this.#harm = Math.max(this.#harm, this.scores.harm);
  }

  addGuards(minute: GuardMinute): void {
    this.guards.add(minute);
  }

  /** Harm is the greatest e-value so far; benefit the present one, which a late regression lowers. */
  facts(stage: RolloutStage, inStageMs: number, sinceStartMs: number, hasFullWeek: boolean): RolloutFacts {
    return {
      stage,
      inStageMs,
      sinceStartMs,
      hasFullWeek,
      labels: this.scores.labels,
      harm: this.#harm,
      benefit: this.scores.benefit,
      meanLogLoss: this.scores.meanLogLoss,
      meanBrier: this.scores.meanBrier,
      breach: this.guards.breach(),
    };
  }
}
