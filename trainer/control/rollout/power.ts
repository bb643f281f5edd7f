import type { Rng } from '../../../shared/ports.ts';
import type { ShadowAdvantage } from '../../jobs/comparison/live_comparison.ts';
import { PairedScores } from './paired_scores.ts';
import { DECISIVE_E_VALUE } from './verdict.ts';

const REPEATS = 200;

export interface PowerQuestion {
  /** Per minute and timeframe with labels, between the same two models, in order of time. */
  readonly history: readonly ShadowAdvantage[];
  /** Minutes with labels before the last stage may end, and before the time-out. */
  readonly stageMinutes: number;
  readonly minutes: number;
  /** E-value that promotion needs: it rises with each candidate that was not promoted. */
  readonly promotionEValue: number;
  /** Bars over which outcomes overlap. */
  readonly horizon: number;
  /** Bars of a block of the bootstrap: longer than labels overlap. */
  readonly block: number;
  readonly rng: Rng;
  /** Paths of the bootstrap; default 200. */
  readonly repeats?: number;
}

/**
 * Probability that a challenger as good as in this history is promoted by its scores before the time-out: a
 * moving-block bootstrap, judged after every minute as a rollout is. null when the history is shorter than a block.
 */
export function power(question: PowerQuestion): number | null {
  const { history, block, rng, repeats = REPEATS } = question;
  if (history.length <= block) return null;
  const timeframes = history.reduce((most, { timeframe = 0 }) => Math.max(most, timeframe), 0) + 1;
  let promoted = 0;
  for (let repeat = 0; repeat < repeats; repeat++) if (isPromoted(question, timeframes, rng)) promoted++;
  return promoted / repeats;
}

function isPromoted(
  { history, stageMinutes, minutes, promotionEValue, horizon, block }: PowerQuestion,
  timeframes: number,
  rng: Rng,
): boolean {
  const scores = new PairedScores(horizon * timeframes);
  const bars = new Float64Array(timeframes);
  let from = 0;
  for (let minute = 0; minute < minutes; minute++) {
    if (minute % block === 0) from = rng.integer(history.length - block);
    const advantage = history[from + (minute % block)]!;
    const { timeframe = 0 } = advantage;
    scores.addAdvantage(timeframe * horizon + (bars[timeframe]!++ % horizon), advantage);
    if (scores.harm >= DECISIVE_E_VALUE) return false;
    if (minute + 1 >= stageMinutes && scores.benefit >= promotionEValue && scores.isNotWorse) return true;
  }
  return false;
}
