import type { Settings } from '../shared/policy/policy.ts';
import { experimentTraining } from '../trainer/jobs/kinds/experiment_training.ts';
import type { TrainingJob } from '../trainer/jobs/kinds/pair_reversion_job.ts';
import { parseHoldoutFrom, parseInteger, parseWindow, parseWorkers } from './period.ts';

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
 * The training whose rows an experiment uses.
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
  return experimentTraining({
    // Bars of files count as live ones.
    market: flags.data === undefined ? settings.minutehand.market : 'live',
    window: parseWindow(flags),
    seed: parseInteger(flags.seed, '--seed'),
    folder: flags.data ?? null,
    holdoutFrom: parseHoldoutFrom(flags.holdoutFrom),
    resources: { workers: parseWorkers(flags.workers), cache },
    trigger: { code: 'command', values: { command } },
  });
}
