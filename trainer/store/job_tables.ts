import type { Generated } from 'kysely';
import type { Market } from '../../shared/bar_file/bar_sink.ts';

/**
 * `killed`: its process ended without a result: by a signal, Ctrl-C or a power cut. `canceled`: by a person, who asked
 * for it.
 */
export const JOB_STATUSES = ['queued', 'running', 'done', 'failed', 'canceled', 'killed'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** Every job of a market, whoever started it. Times are epoch ms. */
export interface JobsTable {
  job_id: Generated<number>;
  market: Market;
  kind: string;
  status: JobStatus;
  /** The document, JSON. */
  document: string;
  requested_by: string;
  /** A higher one begins first. */
  priority: number;
  /** `run:12`, `backtest:3`: what the trainer calls it; null: started at a terminal, or queued as a job. */
  origin: string | null;
  /** Machine and home in which it is queued or runs. */
  host: string;
  pid: number | null;
  /** The start of that process, so that another one with its number is not taken for it; null where unknown. */
  process_start: string | null;
  beat_ms: number;
  /** Threads that it asks for. */
  cores: number;
  /** Most memory that it took; null until it has ended, or where unknown. */
  peak_memory_bytes: number | null;
  stage: string;
  /** 0 to 100 of the whole job. */
  percent: number;
  eta_seconds: number | null;
  /** JSON: its stages and their times, see StageTime. */
  stages: string;
  /** JSON: what a queued one waits for; null: nothing. */
  waits_for: string | null;
  requested_ms: number;
  started_ms: number | null;
  finished_ms: number | null;
  /** When a person asked for its end, and who. */
  cancel_ms: number | null;
  cancel_by: string | null;
  error: string | null;
}

/** What a job has answered: the document of `--json`. */
export interface JobResultsTable {
  job_id: number;
  at_ms: number;
  /** JSON. */
  result: string;
}

/** What happened to a job, in order. */
export interface JobEventsTable {
  event_id: Generated<number>;
  job_id: number;
  at_ms: number;
  /** JSON of a JobEvent. */
  event: string;
}
