import type { ShelfName, StrategyName } from '../../../shared/strategies/registry.ts';
import type { JobKind } from '../kinds/registry.ts';
import type { RunKind } from '../../store/schema/jobs.ts';
import type { StrategyTraining } from './strategy_training.ts';
import { DIRECTION_TRAINING } from './direction/training.ts';
import { PAIR_REVERSION_TRAINING } from './pair_reversion/training.ts';

const TRAININGS: Readonly<Record<StrategyName, StrategyTraining>> = {
  pair_reversion: PAIR_REVERSION_TRAINING,
  direction: DIRECTION_TRAINING,
};

/** The training half of each strategy; the first one's run first where all are due. */
export const ALL_TRAININGS: readonly StrategyTraining[] = Object.values(TRAININGS);

export function trainingOfShelf(name: ShelfName): StrategyTraining {
  return ALL_TRAININGS.find(({ shelf }) => shelf === name)!;
}

/** The strategy whose bundles runs of a kind make; null: such a run makes none. */
export function trainingOfRun(kind: RunKind): StrategyTraining | null {
  return ALL_TRAININGS.find(({ runs }) => runs.includes(kind)) ?? null;
}

/** The strategy whose bundles jobs of a kind make; null: such a job makes none. */
export function trainingOfJob(kind: JobKind): StrategyTraining | null {
  return ALL_TRAININGS.find(({ jobs }) => jobs.includes(kind)) ?? null;
}
