import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { STRATEGY_RUNS } from '../../../shared/strategies/registry.ts';
import { BIGINT, DOUBLE, INTEGER, NUMBERED, TEXT, optional, table, textOf, withDefault, type RowOf } from './table.ts';

/**
 * `killed`: its process ended without a result: by a signal, Ctrl-C or a power cut. `canceled`: by a person, who asked
 * for it.
 */
export const JOB_STATUSES = ['queued', 'running', 'done', 'failed', 'canceled', 'killed'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** Every job of a market, whoever started it. Times are epoch ms. */
const JOBS = table(
  'core.jobs',
  { indexes: [{ name: 'jobs_by_status', columns: ['market', 'status'] }] },
  {
    job_id: NUMBERED,
    market: textOf<Market>(),
    kind: TEXT,
    status: textOf<JobStatus>(),
    /** The document, JSON. */
    document: TEXT,
    requested_by: TEXT,
    /** A higher one begins first. */
    priority: BIGINT,
    /** `run:12`, `backtest:3`: what the trainer calls it; null: started at a terminal, or queued as a job. */
    origin: optional(TEXT),
    /** Machine and home in which it is queued or runs. */
    host: TEXT,
    pid: optional(BIGINT),
    /** The start of that process, so that another one with its number is not taken for it; null where unknown. */
    process_start: optional(TEXT),
    beat_ms: BIGINT,
    /** Threads that it asks for. */
    cores: BIGINT,
    /** Most memory that it took; null until it has ended, or where unknown. */
    peak_memory_bytes: optional(BIGINT),
    stage: TEXT,
    /** 0 to 100 of the whole job. */
    percent: DOUBLE,
    eta_seconds: optional(BIGINT),
    /** JSON: its stages and their times, see StageTime. */
    stages: TEXT,
    /** JSON: what a queued one waits for; null: nothing. */
    waits_for: optional(TEXT),
    requested_ms: BIGINT,
    started_ms: optional(BIGINT),
    finished_ms: optional(BIGINT),
    /** When a person asked for its end, and who. */
    cancel_ms: optional(BIGINT),
    cancel_by: optional(TEXT),
    error: optional(TEXT),
  },
);
export type JobsTable = RowOf<typeof JOBS>;

/** What a job has answered: the document of `--json`. */
const JOB_RESULTS = table(
  'core.job_results',
  { key: ['job_id'] },
  {
    job_id: BIGINT,
    at_ms: BIGINT,
    /** JSON. */
    result: TEXT,
  },
);

/** What happened to a job, in order. */
const JOB_EVENTS = table(
  'core.job_events',
  { indexes: [{ name: 'job_events_by_job', columns: ['job_id'] }] },
  {
    event_id: NUMBERED,
    job_id: BIGINT,
    at_ms: BIGINT,
    /** JSON of a JobEvent. */
    event: TEXT,
  },
);

/**
 * `rollout_started`: passed all gates and is the challenger of a rollout. `nothing_new`: the bars since the last
 * training are too few, or add nothing, or no formula was found. `found`: formulas were. `queued`: an attempt that is
 * not due. `killed`: the trainer ended during the run, the next attempt is queued. `failed`: the same for an error.
 * `aborted`: an error or a kill without another attempt. `stopped`: by a person, or with the trainer.
 */
export type RunStatus =
  | 'queued'
  | 'running'
  | 'adopted'
  | 'rollout_started'
  | 'rejected'
  | 'nothing_new'
  | 'found'
  | 'failed'
  | 'killed'
  | 'stopped'
  | 'aborted';

/**
 * Kinds of runs, in the order in which those that wait are begun. `full`: training on all bars. `incremental`: a warm
 * start of the active models on newer bars. `thresholds`: θ2 only. `direction`: training of the direction model of a
 * timeframe. `automl`: search of formulas; it makes no models.
 */
export const RUN_KINDS = [...STRATEGY_RUNS, 'automl', 'judge', 'evolve'] as const;
export type RunKind = (typeof RUN_KINDS)[number];

/** Training runs: current, pending and ended ones with their outcome. Times `_at` are ISO 8601 in UTC. */
const TRAINING_RUNS = table(
  'core.training_runs',
  {
    indexes: [
      {
        name: 'training_runs_queued',
        columns: ['market', 'kind', 'request_key'],
        isUnique: true,
        where: "status = 'queued'",
      },
      { name: 'training_runs_running', columns: ['market'], isUnique: true, where: "status = 'running'" },
    ],
  },
  {
    run_id: NUMBERED,
    market: textOf<Market>(),
    /** Machine and home of the trainer that began or queued it. */
    owner: TEXT,
    /** The training process, on the machine of the owner. */
    worker_pid: optional(BIGINT),
    /** Due time of a queued run. */
    due_ms: BIGINT,
    /** Time of its trainer's last heartbeat for it. */
    beat_ms: BIGINT,
    kind: textOf<RunKind>(),
    /** Code of what asked for it (shared/run_trigger/), and JSON of what belongs to the code. */
    trigger: TEXT,
    trigger_values: TEXT,
    attempt: INTEGER,
    started_at: optional(TEXT),
    finished_at: optional(TEXT),
    status: textOf<RunStatus>(),
    stage: TEXT,
    /** 0 to 100 of the whole run. */
    percent: INTEGER,
    /** null while unknown. */
    eta_seconds: optional(BIGINT),
    /** JSON array of `{stage, duration_ms}`: completed stages. */
    stages: TEXT,
    model_version: optional(TEXT),
    previous_version: optional(TEXT),
    seed: optional(BIGINT),
    data_from: optional(TEXT),
    data_to: optional(TEXT),
    data_hash: optional(TEXT),
    /** JSON: holdout metrics of each model. */
    metrics: optional(TEXT),
    /** JSON: every gate with its figure. */
    gate: optional(TEXT),
    /** JSON array of texts: the failed gates of a rejected bundle, or why there was nothing new. */
    reasons: TEXT,
    /** JSON array of texts: the monitor's triggers that it answers. */
    causes: TEXT,
    /** JSON object: what the request has chosen (`RunParameters`). */
    parameters: TEXT,
    /** Of a queued request: hash of its parameters; else empty. Absent in an insert: empty. */
    request_key: withDefault(TEXT, "''"),
    error: optional(TEXT),
    cpu_seconds: optional(DOUBLE),
    peak_memory_bytes: optional(BIGINT),
    duration_ms: optional(BIGINT),
    theta1: optional(DOUBLE),
    theta2: optional(DOUBLE),
    gpu_seconds: optional(DOUBLE),
    gpu_memory_bytes: optional(BIGINT),
  },
);
export type TrainingRunsTable = RowOf<typeof TRAINING_RUNS>;

export type BacktestStatus = 'queued' | 'running' | 'done' | 'failed' | 'canceled';

/** Backtests requested by the API. Times are epoch ms. */
const BACKTESTS = table(
  'core.backtests',
  {},
  {
    backtest_id: NUMBERED,
    market: textOf<Market>(),
    /** Machine and home of the trainer that runs it. */
    owner: TEXT,
    status: textOf<BacktestStatus>(),
    requested_by: TEXT,
    reason: TEXT,
    /** JSON: the request. */
    request: TEXT,
    policy_hash: TEXT,
    /** 0 to 100. */
    percent: DOUBLE,
    stage: TEXT,
    requested_ms: BIGINT,
    started_ms: optional(BIGINT),
    finished_ms: optional(BIGINT),
    /** JSON: the document of `minutehand backtest --json`. */
    result: optional(TEXT),
    error: optional(TEXT),
    /** How often it was begun again because its trainer was killed. */
    restarts: withDefault(INTEGER, '0'),
  },
);
export type BacktestsTable = RowOf<typeof BACKTESTS>;

export const JOB_TABLES = [JOBS, JOB_RESULTS, JOB_EVENTS, TRAINING_RUNS, BACKTESTS] as const;
