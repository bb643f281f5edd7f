import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import { servingSet, type ModelSet } from '../../shared/bundle/model_set.ts';
import type { DecisionPolicy, Thresholds } from '../../shared/core/decide/decide.ts';
import type { ModelName } from '../../shared/core/features/feature.ts';
import type { PairHistory } from '../dataset/pair_history.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';
import { joinColumns } from './parts.ts';

/** Rows that are scored at once: model sets must be loaded for as many. */
export const ROWS_PER_SCORE = 4096;
/**
 * AI2 and AI3 are evaluated on every seventh minute: neighbors say nearly the same, and seven favors no minute of the
 * hour.
 */
const MINUTES_PER_EVALUATED = 7;

/** What the models answer to the bars from `start` on, NaN where nobody asks; element i belongs to bar start + i. */
export interface BarScores extends Readonly<Record<ModelName, Float64Array>> {
  readonly riskScore: Float64Array;
  /** Of a model of the result; else NaN. */
  readonly resultSigmas: Float64Array;
}

export function joinScores(parts: readonly BarScores[]): BarScores {
  const join = (name: keyof BarScores): Float64Array => joinColumns(parts.map((part) => part[name]));
  return {
    ai1: join('ai1'),
    ai2: join('ai2'),
    ai3: join('ai3'),
    riskScore: join('riskScore'),
    resultSigmas: join('resultSigmas'),
  };
}

/**
 * Scores the bars from `start` on that somebody may ask for: entry candidates, those that a model is evaluated on, and
 * those at which a position may be open, which is `max_age_bars` after each candidate that passes the thresholds. The
 * others stay NaN. The first bars are all scored: a position may have been opened before them, in another part.
 * @param set loaded for `ROWS_PER_SCORE` rows
 * @param history with the features of all of these bars
 */
export async function scoreBars(
  set: ModelSet,
  history: PairHistory,
  start: number,
  policy: DecisionPolicy,
  { theta1, theta2 }: Thresholds,
): Promise<BarScores> {
  const { length, z, time } = history;
  const column = (): Float64Array => new Float64Array(length - start).fill(NaN);
  const scores = { ai1: column(), ai2: column(), ai3: column(), riskScore: column(), resultSigmas: column() };
  const farOut = Math.min(policy.z_entry, EVALUATION_BARRIERS.z_entry);
  const firstOnes = start + policy.max_age_bars;
  const isAsked = (t: number): boolean => Math.abs(z[t]!) >= farOut || isEvaluatedMinute(time[t]!) || t < firstOnes;
  const serving = servingSet(set, history.pair.id);
  await scoreWhere(serving, history, start, isAsked, scores);
  let openUntil = -1;
  const mayBeOpen = (t: number): boolean => {
    const isOpen = t <= openUntil;
    const { ai1, riskScore } = scores;
    if (Math.abs(z[t]!) >= policy.z_entry && ai1[t - start]! > theta1 && riskScore[t - start]! < theta2)
      openUntil = t + policy.max_age_bars;
    return isOpen && Number.isNaN(ai1[t - start]!);
  };
  await scoreWhere(serving, history, start, mayBeOpen, scores);
  return scores;
}

/** Asks the set about the bars that `isWanted` names, in ascending order, and puts the answers where they belong. */
async function scoreWhere(
  set: ModelSet,
  { length, row, rows, features }: PairHistory,
  start: number,
  isWanted: (t: number) => boolean,
  scores: BarScores,
): Promise<void> {
  if (start === length) return;
  const columns = features.length / rows;
  const batch = new Float32Array(ROWS_PER_SCORE * columns);
  const bars = new Int32Array(ROWS_PER_SCORE);
  for (let t = start; t < length;) {
    let count = 0;
    for (; t < length && count < ROWS_PER_SCORE; t++) {
      if (!isWanted(t)) continue;
      batch.set(features.subarray(row[t]! * columns, (row[t]! + 1) * columns), count * columns);
      bars[count++] = t - start;
    }
    if (count === 0) return;
    const asked = set.infer(batch.subarray(0, count * columns), count);
    // Trees answer at once.
    const answers = asked instanceof Promise ? await asked : asked;
    for (let i = 0; i < count; i++) {
      scores.ai1[bars[i]!] = answers.return_prob[i]!;
      scores.ai2[bars[i]!] = answers.risk_prob[i]!;
      scores.riskScore[bars[i]!] = answers.risk_score[i]!;
      scores.ai3[bars[i]!] = answers.position_scale[i]!;
      scores.resultSigmas[bars[i]!] = answers.result_sigmas[i]!;
    }
  }
}

/** Whether AI2 and AI3 are evaluated on the bar. */
export function isEvaluatedMinute(time: number): boolean {
  return (time / SECONDS_PER_BAR) % MINUTES_PER_EVALUATED === 0;
}
