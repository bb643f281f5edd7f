import { availableParallelism } from 'node:os';
import type { Settings } from '../../../shared/policy/policy.ts';
import { FORMULA_SEARCH_DEFAULTS, type AutomlJob } from '../../jobs/kinds/automl_job.ts';
import type { Job } from '../../jobs/kinds/registry.ts';
import { trainingOfRun } from '../../jobs/strategies/registry.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { isOfRules, type RetrainRun } from './run.ts';

/** One core stays free for the daemon. */
const WORKERS = Math.max(1, availableParallelism() - 1);

/** The job of a run: what its training process does. */
export function jobOfRun(run: Pick<RetrainRun, 'kind' | 'trigger' | 'parameters'>, settings: Settings): Job {
  const { kind, trigger } = run;
  const training = trainingOfRun(kind);
  if (training !== null) return training.jobOf(run, settings, WORKERS);
  if (kind === 'automl') return automlJobOf(run, settings);
  if (isOfRules(kind)) return ruleJobOf(run);
  throw new RangeError(`the run "${triggerText(trigger)}" of the kind ${kind} has no job`);
}

/** @throws RangeError for a run without its job, which no door begins */
function ruleJobOf({ kind, trigger, parameters }: Pick<RetrainRun, 'kind' | 'trigger' | 'parameters'>): Job {
  const { rule_job } = parameters;
  if (rule_job?.kind !== kind) throw new RangeError(`the run "${triggerText(trigger)}" of a rule has no job`);
  return { ...rule_job, trigger };
}

function automlJobOf(
  { trigger, parameters }: Pick<RetrainRun, 'trigger' | 'parameters'>,
  { minutehand }: Settings,
): AutomlJob {
  return {
    kind: 'automl',
    market: minutehand.market,
    window: { from: parameters.from ?? null, to: parameters.to ?? null, days: null },
    seed: parameters.seed ?? 1,
    source: { folder: null },
    parameters: { holdout_from: null, search: parameters.formulas ?? FORMULA_SEARCH_DEFAULTS },
    // A change of the configuration is proposed and approved: PUT /api/ml/config.
    output: { write: false },
    resources: { workers: Math.min(WORKERS, parameters.workers ?? WORKERS) },
    trigger,
  };
}
