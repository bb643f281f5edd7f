import { MODEL_NAMES, perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import { calibrateModel, type LearnedModel } from '../calibrate/calibrate_model.ts';
import { runFit } from './trees/fit.ts';
import type { Learning } from './learning.ts';
import { modelJob } from './model_job.ts';
import { learnModel } from './model_learning.ts';

/** All three models as `train` learns and calibrates them, on the calling thread. */
export async function learnAllModels(learning: Learning): Promise<Record<ModelName, LearnedModel>> {
  const learned = await Promise.all(
    MODEL_NAMES.map(async (name) => {
      const job = modelJob(name, learning, runFit);
      const fitted = await learnModel(job.rows.trained, job, job.fit);
      return calibrateModel(job.rows.trained, fitted, !job.isWarmStart);
    }),
  );
  return perModel((name) => learned[MODEL_NAMES.indexOf(name)]!);
}
