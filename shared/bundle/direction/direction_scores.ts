import type { DirectionModel } from './direction_model.ts';

/** Answers of a timeframe's model to the rows of a batch: up, down, range by row. */
export interface DirectionScores {
  readonly model: DirectionModel | null;
  /** null when nothing was scored. */
  readonly probabilities: Float64Array | null;
}
