import { availableParallelism } from 'node:os';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { TrainingJob, TrainingKind } from '../../jobs/training_job.ts';
import type { RunKind } from '../../store/tables.ts';
import { FIRST_MODELS, type RetrainRun } from './run.ts';

/** One core stays free for the daemon. */
const WORKERS = Math.max(1, availableParallelism() - 1);

const JOB_KINDS: Readonly<Record<RunKind, TrainingKind>> = {
  full: 'train',
  incremental: 'warm_start',
  thresholds: 'thresholds',
};

/** The job of a run: what its training process does. */
export function jobOfRun(
  { kind, trigger, parameters }: Pick<RetrainRun, 'kind' | 'trigger' | 'parameters'>,
  { minutehand }: Settings,
): TrainingJob {
  const isFirst = trigger === FIRST_MODELS;
  return {
    kind: JOB_KINDS[kind],
    market: minutehand.market,
    window: { from: parameters.from ?? null, to: parameters.to ?? null, days: null },
    seed: parameters.seed ?? 1,
    source: { folder: null, features: null, mid: false },
    parameters: {
      // Without models no signal can be traded: the first ones take no time for a search.
      trials: isFirst ? 0 : (parameters.trials ?? null),
      engine: parameters.engine ?? null,
      target: 'reversion',
      holdout_from: null,
      groups: null,
    },
    output: { folder: null, hash_name: false, is_dry_run: false },
    adopt: true,
    resources: { workers: WORKERS, cache: true },
    trigger: { code: codeOf(trigger, isFirst), text: trigger },
  };
}

function codeOf(trigger: string, isFirst: boolean): TrainingJob['trigger']['code'] {
  if (isFirst) return 'first_models';
  if (trigger.startsWith('monitor')) return 'monitor';
  return trigger.endsWith('schedule') ? 'schedule' : 'request';
}
