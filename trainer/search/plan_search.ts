import type { FitQueue } from '../learn/trees/fit_queue.ts';
import type { Learning } from '../learn/learning.ts';
import { searchAi1, type SearchedLearning } from './search_ai1.ts';

/** A trial trains on fewer rows than the published models, and most are pruned early. */
const FITS_PER_TRIAL = 1;

/** The search for what AI1 is learned by, beside the fits of the other models. */
export interface PlannedSearch {
  /** Work at most, in whole fits. */
  readonly fits: number;
  /** The stage of the run, for people. */
  stage(): string;
  /** Without trials, the configured learning. */
  run(learning: Learning, queue: FitQueue): Promise<Learning>;
  /** null without trials, and until `run` has ended. */
  found(): SearchedLearning | null;
}

export function planSearch(trials: number, folder: string | null): PlannedSearch {
  const fits = trials * FITS_PER_TRIAL;
  let stage = trials === 0 ? 'learning' : `learning, ${trials} trials`;
  let found: SearchedLearning | null = null;
  return {
    fits,
    stage: () => stage,
    found: () => found,
    async run(learning, queue) {
      if (trials === 0) return learning;
      const progress = queue.part(fits);
      found = await searchAi1(learning, {
        trials,
        folder,
        fit: (task) => queue.fitUrgent(task),
        onProgress: ({ done, total, best, configured }) => {
          stage = `learning, trial ${done} of ${total}, log loss ${shown(best)} (configured ${shown(configured)})`;
          progress(done / total);
        },
      });
      progress(1);
      stage = 'learning';
      return found.learning;
    },
  };
}

function shown(value: number | null): string {
  return value === null ? '–' : value.toFixed(5);
}
