import type { DirectionProbabilities } from '../../strategies/direction/direction_input.ts';
import { isCalled } from '../../strategies/direction/direction_rule.ts';
import { directionBars } from './direction_manifest.ts';
import type { DirectionModel } from './direction_model.ts';

/** Answers of a timeframe's model to the rows of a batch: up, down, range by row. */
export interface DirectionScores {
  readonly model: DirectionModel | null;
  /** null when nothing was scored. */
  readonly probabilities: Float64Array | null;
  /** The rows that were scored; absent: nothing was. */
  readonly features?: Float32Array;
}

/** What novelty is measured by. */
type Measuring = Pick<DirectionModel, 'novelty'> & {
  readonly manifest: Pick<DirectionModel['manifest'], 'features' | 'strategy' | 'windows'>;
};

/**
 * Share of training rows that are farther out than a row, where its answer calls a side: the bar is a candidate of an
 * entry. The same live, in replay, in backtests and in explanations.
 * @param features [rows × bars × columns of the model]: the newest bar of a sequence is measured
 * @returns NaN for any other bar, and where the bundle does not describe its training rows
 */
export function candidateNovelty(
  { manifest, novelty }: Measuring,
  probabilities: DirectionProbabilities,
  features: Float32Array,
  row: number,
): number {
  if (novelty === undefined || !isCalled(probabilities, manifest.strategy)) return NaN;
  return rowNovelty({ manifest, novelty }, features, row);
}

/**
 * The same of any row, whatever its answer: what a rule acts on that reads the answers.
 * @returns NaN where the bundle does not describe its training rows
 */
export function rowNovelty({ manifest, novelty }: Measuring, features: Float32Array, row: number): number {
  if (novelty === undefined) return NaN;
  const columns = manifest.features.length;
  return novelty.of(features, (row + 1) * directionBars(manifest) * columns - columns);
}
