import { SECONDS_PER_BAR } from '../../../../../shared/bar.ts';
import { bundleModels, type BundleModel } from '../../../../../shared/bundle/bundle_models.ts';
import { servingSet, type BatchScores, type ModelSet } from '../../../../../shared/bundle/model_set.ts';
import type { DecisionPolicy, Thresholds } from '../../../../../shared/strategies/pair_reversion/pair_input.ts';
import { sequenceBars } from '../../../../../shared/core/features/windows.ts';
import type { ModelName } from '../../../../../shared/core/features/feature.ts';
import type { PairHistory } from '../../../history/pair_history.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';

/** Rows per batch; model sets must be loaded for this many. */
export const ROWS_PER_SCORE = 4096;
/**
 * AI2 and AI3 are evaluated on every seventh minute: neighbors are nearly identical, and seven favors no minute of the
 * hour.
 */
const MINUTES_PER_EVALUATED = 7;

/** Model answers, one element per bar of the history; NaN where none is needed. */
export interface BarScores extends Readonly<Record<ModelName, Float64Array>> {
  readonly riskScore: Float64Array;
  /** Answers of the model of the result; otherwise NaN. */
  readonly resultSigmas: Float64Array;
  /** Share of AI1's training rows that are farther out; NaN where the bundle does not describe them. */
  readonly novelty: Float64Array;
}

export const SCORE_COLUMNS = ['ai1', 'ai2', 'ai3', 'riskScore', 'resultSigmas', 'novelty'] as const;

export function emptyScores(length: number): BarScores {
  const column = (): Float64Array => new Float64Array(length).fill(NaN);
  return {
    ai1: column(),
    ai2: column(),
    ai3: column(),
    riskScore: column(),
    resultSigmas: column(),
    novelty: column(),
  };
}

const RETURN_MODELS: readonly BundleModel[] = ['ai1', 'net'];
const RISK_MODELS: readonly BundleModel[] = ['ai2'];
const SCALE_MODELS: readonly BundleModel[] = ['ai3'];

/**
 * Scores the bars from `start` on, each model only where its answer decides or is evaluated. Other elements stay NaN.
 *
 * - AI1 and the model of the result: entry candidates of the policy and of the evaluation.
 * - AI2: candidates that pass `theta1`; bars at which a position may be open, i.e. `max_age_bars` after each entry by
 * both thresholds and after `start` (a position may have been opened in the previous part); evaluated minutes.
 * - AI3: entries by both thresholds; evaluated minutes.
 * @param whole loaded for `ROWS_PER_SCORE` rows
 * @param history with the features of all of these bars
 * @param scores written to: NaN, one element per bar of the history
 */
export async function scoreBars(
  whole: ModelSet,
  history: PairHistory,
  start: number,
  policy: DecisionPolicy,
  { theta1, theta2 }: Thresholds,
  scores: BarScores = emptyScores(history.length),
): Promise<BarScores> {
  const set = servingSet(whole, history.pair.id);
  const { z, time } = history;
  const { ai1, ai2, ai3, riskScore, resultSigmas, novelty } = scores;
  const batch = newBatch(history, sequenceBars(set.schema.windows));
  const farOut = Math.min(policy.z_entry, EVALUATION_BARRIERS.z_entry);
  const bars = { set, history, start, batch };
  await scoreWhere(bars, {
    models: RETURN_MODELS,
    isWanted: (t) => Math.abs(z[t]!) >= farOut,
    take(t, answers, i) {
      ai1[t] = answers.return_prob[i]!;
      resultSigmas[t] = answers.result_sigmas[i]!;
      if (answers.novelty !== undefined) novelty[t] = answers.novelty(i);
    },
  });

  const takeRisk = (t: number, answers: BatchScores, i: number): void => {
    ai2[t] = answers.risk_prob[i]!;
    riskScore[t] = answers.risk_score[i]!;
  };
  const firstOnes = start + policy.max_age_bars;
  const isLikely = (t: number): boolean => Math.abs(z[t]!) >= policy.z_entry && ai1[t]! > theta1;
  const needsRisk = (t: number): boolean => t < firstOnes || isEvaluatedMinute(time[t]!) || isLikely(t);
  await scoreWhere(bars, { models: RISK_MODELS, isWanted: needsRisk, take: takeRisk });

  const isEntry = (t: number): boolean => isLikely(t) && riskScore[t]! < theta2;
  let openUntil = -1;
  const mayBeOpen = (t: number): boolean => {
    const isOpen = t <= openUntil;
    if (isEntry(t)) openUntil = t + policy.max_age_bars;
    return isOpen && Number.isNaN(riskScore[t]!);
  };
  await scoreWhere(bars, { models: RISK_MODELS, isWanted: mayBeOpen, take: takeRisk });

  const needsScale = (t: number): boolean => isEvaluatedMinute(time[t]!) || isEntry(t);
  await scoreWhere(bars, {
    models: SCALE_MODELS,
    isWanted: needsScale,
    take(t, answers, i) {
      ai3[t] = answers.position_scale[i]!;
    },
  });
  return scores;
}

/**
 * Scores every bar from `start` on by all models.
 * @param set loaded for `ROWS_PER_SCORE` rows
 */
export async function scoreAllBars(set: ModelSet, history: PairHistory, start: number): Promise<BarScores> {
  const scores = emptyScores(history.length);
  const { ai1, ai2, ai3, riskScore, resultSigmas, novelty } = scores;
  const serving = servingSet(set, history.pair.id);
  const batch = newBatch(history, sequenceBars(serving.schema.windows));
  await scoreWhere(
    { set: serving, history, start, batch },
    {
      models: bundleModels(serving.manifest),
      isWanted: (t) => history.row[t]! >= 0,
      take(t, answers, i) {
        ai1[t] = answers.return_prob[i]!;
        ai2[t] = answers.risk_prob[i]!;
        ai3[t] = answers.position_scale[i]!;
        riskScore[t] = answers.risk_score[i]!;
        resultSigmas[t] = answers.result_sigmas[i]!;
        if (answers.novelty !== undefined) novelty[t] = answers.novelty(i);
      },
    },
  );
  return scores;
}

/** Rows to score, with their bars. */
interface Batch {
  readonly rows: Float32Array;
  /** Of a row of the history. */
  readonly columns: number;
  readonly bars: Int32Array;
}

/** @param sequence rows of the history that make one row of the batch */
function newBatch({ features, rows }: PairHistory, sequence: number): Batch {
  const columns = rows === 0 ? 0 : features.length / rows;
  return {
    rows: new Float32Array(ROWS_PER_SCORE * sequence * columns),
    columns,
    bars: new Int32Array(ROWS_PER_SCORE),
  };
}

/** Bars of a history from `start` on, and what scores them. */
interface ScoredBars {
  readonly set: ModelSet;
  readonly history: PairHistory;
  readonly start: number;
  readonly batch: Batch;
}

interface WantedScores {
  readonly models: readonly BundleModel[];
  /** Asked once for each bar, in ascending order. */
  isWanted(t: number): boolean;
  /** @param i row of the answer to the bar `t` */
  take(t: number, answers: BatchScores, i: number): void;
}

/** Scores the wanted bars with these models, in ascending order. */
async function scoreWhere(
  { set, history: { length, row, features }, start, batch: { rows, columns, bars } }: ScoredBars,
  { models, isWanted, take }: WantedScores,
): Promise<void> {
  const width = rows.length / ROWS_PER_SCORE;
  for (let t = start; t < length;) {
    let count = 0;
    for (; t < length && count < ROWS_PER_SCORE; t++) {
      if (!isWanted(t)) continue;
      const from = (row[t]! + 1) * columns - width;
      // Creating a view of each row would take longer than the loop.
      for (let c = 0; c < width; c++) rows[count * width + c] = features[from + c]!;
      bars[count++] = t;
    }
    if (count === 0) return;
    const asked = set.infer(rows.subarray(0, count * width), count, models);
    // Trees answer synchronously.
    const answers = asked instanceof Promise ? await asked : asked;
    for (let i = 0; i < count; i++) take(bars[i]!, answers, i);
  }
}

/** Whether AI2 and AI3 are evaluated on the bar. */
export function isEvaluatedMinute(time: number): boolean {
  return (time / SECONDS_PER_BAR) % MINUTES_PER_EVALUATED === 0;
}
