import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import type { ShelfName } from '../../../shared/strategies/registry.ts';
import type { RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import type { RunParameters } from '../../jobs/kinds/run_parameters.ts';
import { trainingOfRun } from '../../jobs/strategies/registry.ts';
import { canonicalJson } from '../../../shared/policy/policy_hash.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import type { RunKind, RunStatus } from '../../store/schema/jobs.ts';
import type { StageTime } from '../../jobs/progress/run_progress.ts';

export type { RunKind } from '../../store/schema/jobs.ts';

/** Whether a run searches or judges rules. */
export function isOfRules(kind: RunKind): kind is 'evolve' | 'judge' {
  return kind === 'evolve' || kind === 'judge';
}

/** Where the bundle of a run belongs; a run that makes none has the models of pairs in mind. */
export function shelfOfRun({ kind }: { readonly kind: RunKind }): ShelfName {
  return trainingOfRun(kind)?.shelf ?? 'pairs';
}

/** A run that completed, with any result of its gates. */
export const ENDED_WITH_RESULT: readonly RunStatus[] = ['adopted', 'rollout_started', 'rejected', 'found'];

/** Kinds that a full run makes needless: it learns everything from all bars. */
export const IN_FULL: readonly RunKind[] = ['full', 'incremental', 'thresholds'];

/** The trigger of the run that trains the first models of a home. */
export const FIRST_MODELS: RunTrigger = { code: 'first_models', values: {} };

/** A run that is wanted. */
export interface RunRequest {
  readonly trigger: RunTrigger;
  /** Default: full. */
  readonly kind?: RunKind | undefined;
  /** The monitor's triggers that it answers, such as `model age`. */
  readonly causes?: readonly string[] | undefined;
  readonly parameters?: RunParameters | undefined;
}

/** The trigger of a request with these parameters. */
export function requestTrigger(door: 'retrain' | 'api', parameters: RunParameters = {}): RunTrigger {
  const { settings = {}, direction_settings = {}, formulas, balance, ensemble, rule_job, ...others } = parameters;
  const given = Object.entries(others).filter(([, value]) => value !== undefined);
  const options: Record<string, string | number> = {};
  for (const [name, value] of given) options[name] = typeof value === 'number' ? value : String(value);
  const own = Object.entries({ ...settings, ...direction_settings }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  if (balance !== undefined) options['balance'] = balanceText(balance);
  if (ensemble !== undefined) Object.assign(options, ensembleOptions(ensemble));
  if (formulas !== undefined) options['generators'] = formulas.generators.join(',');
  if (rule_job !== undefined) {
    options['rule'] = rule_job.kind === 'evolve' ? rule_job.space.name : rule_job.strategy.name;
    options['subject'] = rule_job.subject;
    options['seed'] = rule_job.seed;
  }
  return { code: 'request', values: { door, options, settings: Object.fromEntries(own) } };
}

/** `members`: `gbdt,random_forest`, and the other figures by the names of the configuration. */
function ensembleOptions({
  vote_members,
  bagging = {},
  stacking = {},
}: NonNullable<RunParameters['ensemble']>): Record<string, string | number> {
  const options: Record<string, string | number> = {};
  if (vote_members !== undefined) options['members'] = vote_members.join(',');
  for (const [section, values] of Object.entries({ bagging, stacking }))
    for (const [name, value] of Object.entries(values))
      options[`${section}.${name}`] = typeof value === 'number' ? value : String(value);
  return options;
}

/** `ai1=smote,ai2=none`. */
function balanceText(balance: NonNullable<RunParameters['balance']>): string {
  return Object.entries(balance)
    .map(([role, method]) => `${role}=${method}`)
    .join(',');
}

/** One attempt to train new models. Times are ISO 8601 in UTC. */
export interface RetrainRun {
  readonly run_id: number;
  readonly kind: RunKind;
  readonly trigger: RunTrigger;
  /** 1 for the first. */
  readonly attempt: number;
  readonly started_at: string;
  finished_at: string | null;
  status: Exclude<RunStatus, 'queued'>;
  stage: string;
  /** 0 to 100 of the whole run; never falls. */
  percent: number;
  /** null while unknown, and when it has ended. */
  eta_seconds: number | null;
  /** Completed stages, in order. */
  stages: readonly StageTime[];
  model_version: string | null;
  /** The active version when it began. */
  previous_version: string | null;
  seed: number | null;
  data_from: string | null;
  data_to: string | null;
  data_hash: string | null;
  /** Holdout metrics of each model. */
  metrics: unknown;
  /** Every gate with its verdict; null until it ends. */
  gate: readonly RecordedGate[] | null;
  /** The failed gates of a rejected bundle, or why there was nothing new. */
  reasons: readonly string[];
  /** The monitor's triggers that it answers, such as `model age`. */
  readonly causes: readonly string[];
  readonly parameters: RunParameters;
  error: string | null;
  cpu_seconds: number | null;
  peak_memory_bytes: number | null;
  duration_ms: number | null;
  /** θ1 and θ2 of its bundle. */
  theta1: number | null;
  theta2: number | null;
  /** Time in which its process used a GPU, and its peak memory there; null without nvidia-smi. */
  gpu_seconds: number | null;
  gpu_memory_bytes: number | null;
}

/** What a request gets: a run that has begun, or one that is `queued`, with the time of the request as its start. */
export type RequestedRun = Omit<RetrainRun, 'status'> & { readonly status: RunStatus };

/**
 * Key of what a request has chosen; empty for a run of the configuration alone. Requests with different keys wait
 * beside each other.
 */
export function requestKey(parameters: RunParameters = {}): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return given.length === 0 ? '' : sha256Hex(canonicalJson(Object.fromEntries(given))).slice(0, 16);
}

export type NewRun = Pick<RetrainRun, 'run_id' | 'kind' | 'trigger' | 'attempt' | 'started_at'> &
  Partial<Pick<RetrainRun, 'causes' | 'parameters'>>;

/** An ended run that a trigger of the monitor caused. */
export type CausedRun = Pick<RetrainRun, 'run_id' | 'kind' | 'status' | 'finished_at' | 'causes'>;

export function newRun(run: NewRun): RetrainRun {
  return {
    causes: [],
    parameters: {},
    ...run,
    finished_at: null,
    status: 'running',
    stage: 'starting',
    percent: 0,
    eta_seconds: null,
    stages: [],
    model_version: null,
    previous_version: null,
    seed: null,
    data_from: null,
    data_to: null,
    data_hash: null,
    metrics: null,
    gate: null,
    reasons: [],
    error: null,
    cpu_seconds: null,
    peak_memory_bytes: null,
    duration_ms: null,
    theta1: null,
    theta2: null,
    gpu_seconds: null,
    gpu_memory_bytes: null,
  };
}
