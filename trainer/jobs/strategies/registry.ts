import type { ShelfName } from '../../../shared/strategies/registry.ts';
import type { JobKind } from '../kinds/registry.ts';
import type { RunKind } from '../../store/schema/jobs.ts';
import type { StrategyTraining } from './strategy_training.ts';
import { TRAININGS } from './trainings.ts';

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
