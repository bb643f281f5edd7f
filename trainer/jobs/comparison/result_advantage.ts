import type { MinuteAdvantage } from './advantage.ts';

/**
 * Results of a bar that differ by more count as this, basis points: the scale of the e-values, the same at every bar.
 * Known before any bar, so that no result chooses it.
 */
const LARGEST_BPS = 200;

/**
 * Advantage of the challenger in one bar by what both arms earned in it: there are no probabilities to score. Log loss
 * and Brier score are both the difference of the results, so that every figure made of them is about results.
 * @param differenceBps challenger's result − champion's
 */
export function resultAdvantageOf(differenceBps: number): MinuteAdvantage {
  const share = Math.max(-1, Math.min(1, differenceBps / LARGEST_BPS));
  return {
    logLoss: share,
    brier: share,
    logLossBound: 1,
    brierBound: 1,
    labels: 1,
    logLossSum: differenceBps,
    brierSum: differenceBps,
  };
}
