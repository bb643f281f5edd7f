import { searchFormulas, type AutomlOptions, type AutomlOutcome } from '../learning/automl/search_formulas.ts';
import { openFitPool } from '../learning/learners/trees/fit_pool.ts';
import { withTrainOptions, type TrainingContext } from './run_training.ts';
import type { TrainingJob } from './training_job.ts';

/**
 * Searches formulas on the rows that this training would have. It writes nothing.
 * @param job a training of models, whose window, market, seed and settings apply
 * @throws MinutehandError as `rehearseTraining`
 */
export async function runAutomlJob(
  job: TrainingJob,
  options: AutomlOptions,
  context: TrainingContext,
): Promise<AutomlOutcome> {
  return await withTrainOptions(job, context, async (training) => {
    const pool = openFitPool(training.workers);
    try {
      return await searchFormulas(training, options, pool);
    } finally {
      await pool.close();
    }
  });
}
