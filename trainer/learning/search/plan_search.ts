import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES, type ModelName } from '../../../shared/core/features/feature.ts';
import type { Barriers } from '../strategies/pair_reversion/label/reversion.ts';
import type { FitQueue } from '../learners/trees/fit_queue.ts';
import type { Learning } from '../learners/learning.ts';
import { searchedNetwork } from '../learners/networks/network_parameters.ts';
import { searchModel, withSearched, type SearchedLearning } from './search_model.ts';

/** A trial trains on fewer rows than the published models, and most are pruned early. */
const FITS_PER_TRIAL = 1;

/** The search of training parameters, in addition to the fits. */
export interface PlannedSearch {
  readonly trials: number;
  /** The stage of the run, as text. */
  stage(): string;
  /** Returns the learning of a model; without trials, the configured one. */
  run(name: ModelName, learning: Learning, queue: FitQueue): Promise<Learning>;
  /** null without trials, and until all models were searched. */
  found(): FoundLearning | null;
}

/** Results of the searches for all models together. */
export interface FoundLearning {
  readonly settings: Learning['settings'];
  readonly barriers: Barriers;
  readonly reports: Pick<NonNullable<Manifest['search']>, ModelName>;
}

/** Maximum work of a search, in whole fits. */
export function searchFits(trials: number): number {
  return trials * FITS_PER_TRIAL * MODEL_NAMES.length;
}

export function planSearch(trials: number, folder: string | null): PlannedSearch {
  const found = new Map<ModelName, SearchedLearning>();
  const under = new Map<ModelName, string>();
  return {
    trials,
    stage() {
      if (trials === 0 || found.size === MODEL_NAMES.length) return 'learning';
      return under.size === 0 ? `learning, ${trials} trials` : `learning, ${[...under.values()].join('; ')}`;
    },
    found: () => (found.size < MODEL_NAMES.length ? null : together(found)),
    async run(name, learning, queue) {
      if (trials === 0) return learning;
      const progress = queue.part(trials * FITS_PER_TRIAL);
      const searched = await searchModel(name, learning, {
        trials,
        folder,
        fitTrees: queue.fitUrgent,
        onProgress: ({ done, total, best, configured }) => {
          under.set(
            name,
            `${name} trial ${done} of ${total}, log loss ${shown(best)} (configured ${shown(configured)})`,
          );
          progress(done / total);
        },
      });
      under.delete(name);
      found.set(name, searched);
      progress(1);
      return searched.learning;
    },
  };
}

function together(found: ReadonlyMap<ModelName, SearchedLearning>): FoundLearning {
  const ai1 = found.get('ai1')!;
  const settings = MODEL_NAMES.reduce((sum, name) => {
    const { train } = found.get(name)!.learning.settings.minutehand;
    const network = searchedNetwork(train, name);
    return withSearched(sum, name, { trees: train[name], network });
  }, ai1.learning.settings);
  const reports = { ai1: ai1.report, ai2: found.get('ai2')!.report, ai3: found.get('ai3')!.report };
  return { settings, barriers: ai1.barriers, reports };
}

function shown(value: number | null): string {
  return value === null ? '–' : value.toFixed(5);
}
