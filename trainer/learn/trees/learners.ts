import { librariesFrom, type EngineLibraries } from './engines/engine_library.ts';
import { nativeLearner } from './engines/engines.ts';
import { gbdt } from './gbdt.ts';
import type { Engine, Learner } from './learner.ts';
import { randomForest } from './random_forest.ts';

/**
 * The learner of this name. Only `lightgbm` and `xgboost` look at `libraries`.
 * @throws MinutehandError LEARNER_MISSING when the engine's library is not on this machine
 */
export function openLearner(engine: Engine, libraries: EngineLibraries = librariesFrom()): Learner {
  switch (engine) {
    case 'gbdt':
      return gbdt;
    case 'random_forest':
      return randomForest;
    case 'lightgbm':
    case 'xgboost':
      return nativeLearner(engine, libraries);
  }
}
