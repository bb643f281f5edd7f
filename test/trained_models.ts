import { train, type TrainResult } from '../trainer/learning/training/pipeline.ts';
import { tinyTraining, type TinyModelOptions } from './tiny_models.ts';

/** Trains on the simulated market by the sources under test, in about a second. Activates nothing. */
export async function trainTinyModels(
  folder: string,
  options: TinyModelOptions = {},
): Promise<{ version: string; path: string; result: TrainResult }> {
  const result = await train(tinyTraining(folder, options));
  return { version: result.version, path: result.path, result };
}
