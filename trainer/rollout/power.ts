import type { Rng } from '../../shared/ports.ts';
import { PairedScores, type MinuteAdvantage } from './paired_scores.ts';
import { DECISIVE_E_VALUE } from './verdict.ts';

/** Minutes of a block of the bootstrap: longer than labels overlap. */
const BLOCK_MINUTES = 720;
const REPEATS = 200;

export interface PowerQuestion {
  /** Per minute and timeframe with labels, between the same two models, in order of time. */
  readonly history: readonly (MinuteAdvantage & { readonly timeframe?: number })[];
  /** Mean advantage to detect; the history's own mean is removed. null = that of the history. */
  readonly effect: MinuteAdvantage | null;
  /** Minutes with labels before the time-out. */
  readonly minutes: number;
  /** Bars over which outcomes overlap. */
  readonly horizon: number;
  readonly rng: Rng;
}

/**
 * Probability that a challenger with this mean advantage reaches decisive evidence before the time-out: moving-block
 * bootstrap of the history, shifted to the effect. null when the history is shorter than a block.
 */
export function power({ history, effect, minutes, horizon, rng }: PowerQuestion): number | null {
  if (history.length <= BLOCK_MINUTES) return null;
  const shift = (name: keyof MinuteAdvantage): number =>
    effect === null ? 0 : effect[name] - history.reduce((sum, one) => sum + one[name], 0) / history.length;
  const shifts = { logLoss: shift('logLoss'), brier: shift('brier') };
  let reached = 0;
  const timeframes = history.reduce((most, { timeframe = 0 }) => Math.max(most, timeframe), 0) + 1;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const scores = new PairedScores(horizon * timeframes);
    const bars = new Float64Array(timeframes);
    let from = 0;
    for (let minute = 0; minute < minutes && scores.benefit < DECISIVE_E_VALUE; minute++) {
      if (minute % BLOCK_MINUTES === 0) from = rng.integer(history.length - BLOCK_MINUTES);
      const { logLoss, brier, timeframe = 0 } = history[from + (minute % BLOCK_MINUTES)]!;
      const step = timeframe * horizon + (bars[timeframe]!++ % horizon);
      scores.addAdvantage(step, { logLoss: within(logLoss + shifts.logLoss), brier: within(brier + shifts.brier) });
    }
    if (scores.benefit >= DECISIVE_E_VALUE) reached++;
  }
  return reached / REPEATS;
}

function within(advantage: number): number {
  return Math.max(-1, Math.min(1, advantage));
}
