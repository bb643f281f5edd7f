import type { TrainingJob } from './pair_reversion_job.ts';

export interface Experiment extends Pick<TrainingJob, 'market' | 'window' | 'seed' | 'resources' | 'trigger'> {
  /** Folder of SYMBOL.csv[.gz]; null: the bars of this installation. */
  readonly folder: string | null;
  /** A UTC minute; null: its fraction. */
  readonly holdoutFrom: string | null;
}

/** What jobs of experiments have in common. */
type ExperimentJob = Pick<TrainingJob, 'market' | 'window' | 'seed' | 'trigger'> & {
  readonly source: { readonly folder: string | null };
  readonly parameters: { readonly holdout_from: string | null };
};

/** As `experimentTraining`, of a job. */
export function trainingOfExperiment(
  { market, window, seed, source, parameters, trigger }: ExperimentJob,
  resources: TrainingJob['resources'],
): TrainingJob {
  const { holdout_from: holdoutFrom } = parameters;
  return experimentTraining({ market, window, seed, folder: source.folder, holdoutFrom, resources, trigger });
}

/** The training whose rows an experiment uses: configured engine, no search of parameters, no groups, no bundle. */
export function experimentTraining({ folder, holdoutFrom, ...job }: Experiment): TrainingJob {
  return {
    ...job,
    kind: 'train',
    source: { folder, features: null, mid: false },
    parameters: { trials: 0, engine: null, target: 'reversion', holdout_from: holdoutFrom, groups: {} },
    output: { folder: null, hash_name: false, is_dry_run: true },
    adopt: false,
  };
}
