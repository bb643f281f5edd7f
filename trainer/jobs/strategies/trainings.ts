import type { StrategyName } from '../../../shared/strategies/registry.ts';
import type { StrategyTraining } from './strategy_training.ts';
import { PAIR_REVERSION_TRAINING } from './pair_reversion/training.ts';
import { DIRECTION_TRAINING } from './direction/training.ts';

export const TRAININGS: Readonly<Record<StrategyName, StrategyTraining>> = {
  pair_reversion: PAIR_REVERSION_TRAINING,
  direction: DIRECTION_TRAINING,
};
