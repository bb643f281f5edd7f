import type { RunKind, RunStatus } from '../../store/tables.ts';
import type { StageTime } from './run_progress.ts';

export type { RunKind } from '../../store/tables.ts';

/** A run that completed, with any result of its gates. */
export const ENDED_WITH_RESULT: readonly RunStatus[] = ['adopted', 'rollout_started', 'rejected'];

/** The trigger of the run that trains the first models of a home. */
export const FIRST_MODELS = 'first models';

/** Options of `train` that an API request may set for its run. */
export const API_OPTIONS = ['seed', 'trials', 'engine', 'from', 'to'] as const;
export type ApiOptions = Partial<Readonly<Record<(typeof API_OPTIONS)[number], string>>>;

const API_TRIGGER = /^api((?: --[a-z]+ [\w.:-]+)*)$/;

/** The trigger of a run with these options: a retry has the same trigger and therefore the same options. */
export function apiTrigger(options: ApiOptions): string {
  const given = API_OPTIONS.filter((name) => options[name] !== undefined);
  return ['api', ...given.map((name) => `--${name} ${options[name]!}`)].join(' ');
}

/** Flags of `train` that are part of a trigger. */
export function flagsOfTrigger(trigger: string): readonly string[] {
  const flags = API_TRIGGER.exec(trigger)?.[1] ?? '';
  return flags === '' ? [] : flags.trim().split(' ');
}

/** One attempt to train new models. Times are ISO 8601 in UTC. */
export interface RetrainRun {
  readonly run_id: number;
  readonly kind: RunKind;
  readonly trigger: string;
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
  /** Every gate with its figure. */
  gate: unknown;
  /** The failed gates of a rejected bundle, or why there was nothing new. */
  reasons: readonly string[];
  /** The monitor's triggers that it answers, such as `model age`. */
  readonly causes: readonly string[];
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

export type NewRun = Pick<RetrainRun, 'run_id' | 'kind' | 'trigger' | 'attempt' | 'started_at'> &
  Partial<Pick<RetrainRun, 'causes'>>;

/** An ended run that a trigger of the monitor caused. */
export type CausedRun = Pick<RetrainRun, 'run_id' | 'kind' | 'status' | 'finished_at' | 'causes'>;

export function newRun(run: NewRun): RetrainRun {
  return {
    causes: [],
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
