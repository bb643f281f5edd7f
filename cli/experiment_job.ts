import type { Settings } from '../shared/policy/policy.ts';
import type { TrainingJob } from '../trainer/jobs/training_job.ts';
import { instantOf, parseDay, parseInteger, parseWindow, parseWorkers } from './period.ts';

/** Options of a command that uses the rows of a training and writes no bundle. */
export interface ExperimentFlags {
  readonly data?: string;
  readonly from?: string;
  readonly to?: string;
  readonly days?: string;
  readonly holdoutFrom?: string;
  readonly seed: string;
  readonly workers?: string;
}

/**
 * The training whose rows an experiment uses: configured engine, no search, no groups, no bundle.
 * @param command recorded as its trigger
 * @param cache whether features and labels are kept
 * @throws MinutehandError USAGE
 */
export function experimentJob(
  flags: ExperimentFlags,
  settings: Settings,
  command: string,
  cache: boolean,
): TrainingJob {
  return {
    kind: 'train',
    // Bars of files count as live ones.
    market: flags.data === undefined ? settings.minutehand.market : 'live',
    window: parseWindow(flags),
    seed: parseInteger(flags.seed, '--seed'),
    source: { folder: flags.data ?? null, features: null, mid: false },
    parameters: {
      trials: 0,
      engine: null,
      target: 'reversion',
      holdout_from: flags.holdoutFrom === undefined ? null : instantOf(parseDay(flags.holdoutFrom, '--holdout-from')),
      groups: {},
    },
    output: { folder: null, hash_name: false, is_dry_run: true },
    adopt: false,
    resources: { workers: parseWorkers(flags.workers), cache },
    trigger: { code: 'command', text: command },
  };
}
