import type { TrainingJob } from './training_job.ts';

export interface Experiment extends Pick<TrainingJob, 'market' | 'window' | 'seed' | 'resources' | 'trigger'> {
  /** Folder of SYMBOL.csv[.gz]; null: the bars of this installation. */
  readonly folder: string | null;
  /** A UTC minute; null: its fraction. */
  readonly holdoutFrom: string | null;
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
