import type { RunStatus } from '../store/tables.ts';

/** One attempt to make new models. Times are ISO 8601 in UTC. */
export interface RetrainRun {
  readonly run_id: number;
  readonly trigger: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly started_at: string;
  finished_at: string | null;
  status: Exclude<RunStatus, 'queued'>;
  stage: string;
  model_version: string | null;
  /** What was in force when it began. */
  previous_version: string | null;
  seed: number | null;
  data_from: string | null;
  data_to: string | null;
  data_hash: string | null;
  /** Of each model what it is worth on the final period. */
  metrics: unknown;
  /** Every gate with its figure. */
  gate: unknown;
  /** What a rejected bundle did not pass. */
  reasons: readonly string[];
  error: string | null;
  cpu_seconds: number | null;
  peak_memory_bytes: number | null;
  duration_ms: number | null;
}

export function newRun(run_id: number, trigger: string, attempt: number, started_at: string): RetrainRun {
  return {
    run_id,
    trigger,
    attempt,
    started_at,
    finished_at: null,
    status: 'running',
    stage: 'starting',
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
  };
}
