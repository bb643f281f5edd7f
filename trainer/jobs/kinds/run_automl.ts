import { DEFAULT_CANDIDATE_BYTES } from '../../learning/automl/candidate_cache.ts';
import { searchFormulas, type AutomlOutcome } from '../../learning/automl/search_formulas.ts';
import { openFitPool } from '../../learning/learners/trees/fit_pool.ts';
import { codeHash } from '../fleet/own_code.ts';
import type { AutomlJob } from './automl_job.ts';
import { trainingOfExperiment } from './experiment_training.ts';
import { withTrainOptions, type TrainingContext } from './run_training.ts';

const MS_PER_MINUTE = 60_000;

/**
 * Searches formulas on the rows that a training of these bars would have. It writes nothing but scores of
 * candidates, which the next search of the same rows uses.
 * @throws MinutehandError as `rehearseTraining`, and USAGE without a candidate
 */
export async function runAutomlJob(job: AutomlJob, context: TrainingContext): Promise<AutomlOutcome> {
  const { search } = job.parameters;
  const options = {
    generators: search.generators,
    windowBars: search.window_bars,
    candidates: search.candidates,
    most: search.most,
    mostOf: search.most_of,
    level: search.level,
    parts: search.parts,
    memoryGb: search.memory_gb,
    limitMs: search.limit_minutes == null ? null : search.limit_minutes * MS_PER_MINUTE,
    nowMs: () => performance.now(),
    isShuffled: search.shuffle_labels,
    cache:
      job.resources.cache === false
        ? null
        : { folder: context.paths.candidateCache, maxBytes: DEFAULT_CANDIDATE_BYTES, code: codeHash() },
  };
  return await withTrainOptions(
    trainingOfExperiment(job, { workers: job.resources.workers, cache: false }),
    context,
    async (training) => {
      const pool = (training.openPool ?? openFitPool)(training.workers);
      try {
        return await searchFormulas(training, options, pool);
      } finally {
        await pool.close();
      }
    },
  );
}
