import type { Engine } from '../../../../shared/policy/engines.ts';
import { nativeLearner } from './engines/engines.ts';
import { gbdt } from './gbdt.ts';
import type { TreeLearner } from './learner.ts';
import { randomForest } from './random_forest.ts';

/**
 * The learner of this name.
 * @throws MinutehandError LEARNER_MISSING when the engine's library is not on this machine
 */
export function openTreeLearner(engine: Engine): TreeLearner {
  switch (engine) {
    case 'gbdt':
      return gbdt;
    case 'random_forest':
      return randomForest;
    case 'lightgbm':
    case 'xgboost':
      return nativeLearner(engine);
  }
}
