import type { TrainingWarning } from '../../../shared/bundle/training_warning.ts';

/**
 * A warning where a model gives all rows the same answer; none for a single row.
 * @param answers [rows × width]
 * @param width probabilities of each row
 */
export function constantAnswersWarnings(answers: ArrayLike<number>, width = 1): TrainingWarning[] {
  if (answers.length <= width) return [];
  for (let i = width; i < answers.length; i++) if (answers[i] !== answers[i - width]) return [];
  return [{ code: 'CONSTANT_ANSWERS' }];
}
