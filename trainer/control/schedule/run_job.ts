import { availableParallelism } from 'node:os';
import { FEATURES_OF_BARS } from '../../../shared/policy/feature_place.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { FORMULA_SEARCH_DEFAULTS, type AutomlJob } from '../../jobs/kinds/automl_job.ts';
import { DIRECTION_DEFAULTS, DIRECTION_SEED, defaultLabel } from '../../jobs/kinds/direction_defaults.ts';
import type { DirectionJob } from '../../jobs/kinds/direction_job.ts';
import type { Job } from '../../jobs/kinds/registry.ts';
import type { TrainingKind } from '../../jobs/kinds/training_job.ts';
import type { RunKind } from '../../store/tables.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { isOfRules, type RetrainRun } from './run.ts';

/** One core stays free for the daemon. */
const WORKERS = Math.max(1, availableParallelism() - 1);

const JOB_KINDS: Readonly<Record<Exclude<RunKind, 'direction' | 'automl' | 'evolve' | 'judge'>, TrainingKind>> = {
  full: 'train',
  incremental: 'warm_start',
  thresholds: 'thresholds',
};

/** The job of a run: what its training process does. */
export function jobOfRun(run: Pick<RetrainRun, 'kind' | 'trigger' | 'parameters'>, settings: Settings): Job {
  const { kind, trigger, parameters } = run;
  const { minutehand } = settings;
  if (kind === 'direction') return directionJobOf(run, settings);
  if (kind === 'automl') return automlJobOf(run, settings);
  if (isOfRules(kind)) return ruleJobOf(run);
  const isFirst = trigger.code === 'first_models';
  return {
    kind: JOB_KINDS[kind],
    market: minutehand.market,
    window: { from: parameters.from ?? null, to: parameters.to ?? null, days: null },
    seed: parameters.seed ?? 1,
    source: { folder: null, features: featuresOf(run, settings), mid: false },
    parameters: {
      // Without models no signal can be traded: the first ones take no time for a search.
      trials: isFirst ? 0 : (parameters.trials ?? null),
      engine: parameters.engine ?? null,
      target: 'reversion',
      holdout_from: null,
      groups: null,
      ...(parameters.balance && { balance: parameters.balance }),
      ...(parameters.ensemble && { ensemble: parameters.ensemble }),
      ...(parameters.settings && { settings: parameters.settings }),
    },
    output: { folder: null, hash_name: false, is_dry_run: false },
    adopt: true,
    resources: { workers: WORKERS, cache: true },
    trigger,
  };
}

/** Where a run learns from: what its request says, else the policy; a search of θ2 learns nothing. */
function featuresOf(
  { kind, parameters }: Pick<RetrainRun, 'kind' | 'parameters'>,
  { retrain }: Settings,
): string | null {
  if (kind === 'thresholds') return null;
  const place = parameters.features ?? retrain.retrain_features;
  return place === FEATURES_OF_BARS ? null : place;
}

/** @throws RangeError for a run without its job, which no door begins */
function ruleJobOf({ kind, trigger, parameters }: Pick<RetrainRun, 'kind' | 'trigger' | 'parameters'>): Job {
  const { rule_job } = parameters;
  if (rule_job?.kind !== kind) throw new RangeError(`the run "${triggerText(trigger)}" of a rule has no job`);
  return { ...rule_job, trigger };
}

/** @throws RangeError for a run without instruments or timeframe, which no door begins */
function directionJobOf(
  { trigger, parameters }: Pick<RetrainRun, 'trigger' | 'parameters'>,
  { minutehand }: Settings,
): DirectionJob {
  const { symbols, timeframe, horizon, direction_balance, direction_settings } = parameters;
  if (symbols === undefined || timeframe === undefined)
    throw new RangeError(`the run "${triggerText(trigger)}" of a direction model names no instruments or no timeframe`);
  const label = defaultLabel(timeframe);
  return {
    kind: 'direction',
    market: minutehand.market,
    timeframe,
    symbols: [...symbols],
    window: { from: parameters.from ?? null, to: parameters.to ?? null, days: null },
    source: { folder: null, series: null },
    seed: parameters.seed ?? DIRECTION_SEED,
    parameters: {
      ...DIRECTION_DEFAULTS,
      compare: [],
      peers: [],
      trials: parameters.trials ?? DIRECTION_DEFAULTS.trials,
      label: { ...label, horizon: horizon ?? label.horizon },
      ...(direction_balance && { balance: direction_balance }),
      ...(direction_settings && { settings: direction_settings }),
    },
    output: { folder: null, is_dry_run: false },
    adopt: true,
    resources: { workers: WORKERS },
    trigger,
  };
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
