import type { Generated } from 'kysely';
import type { Market } from '../../shared/bar_file/bar_sink.ts';

/** Bars of one minute each; what `market` is simulated never mixes with what is real. */
export interface BarsTable {
  market: Market;
  symbol: string;
  /** Epoch seconds of the bar open, UTC. */
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  /** 0 means unknown. */
  volume: number;
  /** Price units; null where unknown. */
  spread: number | null;
}

/** Numbers beside the bars that come at times of their own: funding rate, open interest … */
export interface SeriesTable {
  market: Market;
  symbol: string;
  /** `funding_rate`, `open_interest` … */
  name: string;
  /** Epoch seconds from which on the value was known, UTC. */
  time: number;
  value: number;
}

/** One row for each file that was imported, as often as it was. */
export interface ImportsTable {
  import_id: string;
  market: Market;
  symbol: string;
  /** Absolute path at that time. */
  file: string;
  /** Of the file's bytes. */
  sha256: string;
  layout: string;
  /** The clock its stamps were read on; null for series. */
  timezone: string | null;
  /** Rows with content, and those of them that could not be taken. */
  rows: number;
  rejected: number;
  finished_ms: number;
}

/**
 * `candidate`: written, not evaluated or not activated yet. `active`: the one that trades. `archived`: was active.
 * `rejected`: did not pass.
 */
export type ModelStatus = 'candidate' | 'active' | 'archived' | 'rejected';

/**
 * One row for each bundle that was ever known here; it stays when the bundle itself is gone. Times are ISO 8601 in UTC.
 */
export interface ModelRegistryTable {
  version: string;
  status: ModelStatus;
  created: string;
  /** The text of manifest.json, and its sha256: the identity of the bundle. */
  manifest: string;
  manifest_sha256: string;
  /** A JSON array of texts: what it did not pass. */
  reasons: string;
  /** Of the active bundle: the one that was active before it. */
  previous_version: string | null;
  adopted_at: string | null;
  retired_at: string | null;
  /** When folder and bytes were removed by model_version_retention. */
  removed_at: string | null;
}

/**
 * Every file of a bundle as it was written. Complete when the row of the registry exists and has no time of removal.
 */
export interface ModelArtifactsTable {
  version: string;
  /** A plain name: ai1.onnx, manifest.json, CARD.md … */
  file: string;
  sha256: string;
  content: Buffer;
}

/**
 * `queued`: an attempt that waits for its time. `killed`: the trainer ended in the middle, the next attempt is queued.
 * `failed`: the same for an error. `aborted`: an error or a death without another attempt. `stopped`: by a person, or
 * with the trainer.
 */
export type RunStatus = 'queued' | 'running' | 'adopted' | 'rejected' | 'failed' | 'killed' | 'stopped' | 'aborted';

/** `full`: trained from scratch on all bars. `incremental`: the active models continue training on new bars. */
export type RunKind = 'full' | 'incremental';

/** Training runs: current, pending and ended ones with their outcome. Times `_at` are ISO 8601 in UTC. */
export interface TrainingRunsTable {
  run_id: Generated<number>;
  market: Market;
  /** Machine and home of the trainer that began or queued it. */
  owner: string;
  /** The process that learns, on the machine of the owner. */
  worker_pid: number | null;
  /** When a queued run is to begin. */
  due_ms: number;
  /** Time of its trainer's last heartbeat for it. */
  beat_ms: number;
  kind: RunKind;
  trigger: string;
  attempt: number;
  started_at: string | null;
  finished_at: string | null;
  status: RunStatus;
  stage: string;
  /** 0 to 100 of the whole run. */
  percent: number;
  /** null while unknown. */
  eta_seconds: number | null;
  /** JSON array of `{stage, duration_ms}`: what is done of it. */
  stages: string;
  model_version: string | null;
  previous_version: string | null;
  seed: number | null;
  data_from: string | null;
  data_to: string | null;
  data_hash: string | null;
  /** JSON: holdout metrics of each model. */
  metrics: string | null;
  /** JSON: every gate with its figure. */
  gate: string | null;
  /** JSON array of texts: what a rejected bundle did not pass. */
  reasons: string;
  error: string | null;
  cpu_seconds: number | null;
  peak_memory_bytes: number | null;
  duration_ms: number | null;
}

/** One row for each value of the configuration that is another than before, and one for each when it was first seen. */
export interface ConfigChangesTable {
  change_id: Generated<number>;
  changed_at: string;
  /** `core`, `retrain`, `signals` or `minutehand`. */
  part: string;
  key: string;
  /** JSON; null without an earlier value, or without a present one. */
  before: string | null;
  after: string | null;
  /** Of the whole configuration that has this value: signals that were decided by it carry the same. */
  policy_hash: string | null;
}

/**
 * One row for each fill, and for each order that was not made, as an expert advisor reported it; with the signal that
 * caused it, where the journal has it.
 */
export interface LiveTradesTable {
  /** account/signal_id/leg/ticket/kind: what comes a second time with the same one is the same. */
  fill_key: string;
  account: string;
  market: string;
  pair_id: string;
  position_id: string;
  signal_id: string;
  /** A, B, or empty when the whole pair was refused. */
  leg: string;
  ticket: number;
  /** open, close or refused. */
  kind: string;
  reason: string;
  symbol: string;
  broker_symbol: string;
  /** BUY or SELL; empty when the whole pair was refused. */
  side: string;
  lots: number;
  requested_price: number | null;
  filled_price: number | null;
  /** Against the requested price, computed here; above zero is worse. */
  slippage_bps: number | null;
  time_ms: number;
  /** When the signal was published; null without a signal. */
  signal_ms: number | null;
  latency_ms: number | null;
  /** Of a close, in `currency`. */
  pnl: number | null;
  currency: string;
  error: string;
  /** Of the signal, all null until the journal has shown it. */
  signal_action: string | null;
  signal_reason: string | null;
  /** Close of its bar, ISO 8601 in UTC. */
  signal_bar: string | null;
  /** Close of this leg's bar. */
  signal_price: number | null;
  model_version: string | null;
  z_score: number | null;
  return_prob: number | null;
  risk_score: number | null;
  position_scale: number | null;
  beta: number | null;
  max_age_bars: number | null;
  /** As it came. */
  line: string;
  /** file or redis: the way on which it came first. */
  source: string;
  /**
   * The file that contains it; the stream while no file has it. Of two programs that trade on paper each has its own.
   */
  place: string;
  received_ms: number;
}

/** Lines that are no fills, or contradict one that is known; each once, however often it comes. */
export interface RefusedFillsTable {
  /** Of the line. */
  line_sha256: string;
  /** Of shared/errors.ts. */
  code: string;
  message: string;
  /** The file, or the stream. */
  place: string;
  /** Its beginning. */
  line: string;
  received_ms: number;
}

/** Read position of each result.json. */
export interface FillFilesTable {
  /** Machine and absolute path. */
  file: string;
  read_bytes: number;
  /** Of the beginning and the end of what was read: another file at this path has another one. */
  fingerprint: string;
  updated_ms: number;
}

/** Copy position of the signals of each journal in the history. */
export interface SignalCopiesTable {
  /** Machine and absolute path of the journal. */
  journal: string;
  history_table: string;
  /** The last row that was copied. */
  signal_row: number;
  /** Identifies its content: another journal at this path has another one. */
  fingerprint: string;
  /** The newest moment of publication that was copied. */
  generated_at_ms: number;
}

/** State of the signals of each day, UTC, on which something was published. */
export interface SignalDaysTable {
  history_table: string;
  market: string;
  /** `2026-11-20` */
  day: string;
  /** Rows that ever came into the history from a journal. */
  added: number;
  /** Value of `added` when the archive was last verified to hold all of them. */
  archived: number;
  /** When its rows were deleted from the history. */
  pruned_ms: number | null;
  /** When they were last restored from the archive. */
  restored_ms: number | null;
}

/** Every part of the archive that was written or found. */
export interface SignalArchivesTable {
  /** Kind and path of the archive. */
  place: string;
  market: string;
  day: string;
  /** 1, and more for rows that came when the day had been archived. */
  part: number;
  rows: number;
  bytes: number;
  /** Of the lines; of the file. */
  content_bytes: number;
  sha256: string;
  archived_ms: number;
}

export interface MigrationsTable {
  version: number;
  name: string;
  applied_ms: number;
}

/**
 * Every table by the name it has in a query: `schema.table`. On SQLite, which has no schemas, it is called
 * `schema_table`.
 */
export interface Tables {
  'core.bars': BarsTable;
  'core.series': SeriesTable;
  'core.imports': ImportsTable;
  'core.model_registry': ModelRegistryTable;
  'core.model_artifacts': ModelArtifactsTable;
  'core.training_runs': TrainingRunsTable;
  'audit.config_changes': ConfigChangesTable;
  'core.live_trades': LiveTradesTable;
  'core.refused_fills': RefusedFillsTable;
  'core.fill_files': FillFilesTable;
  'core.signal_copies': SignalCopiesTable;
  'core.signal_days': SignalDaysTable;
  'core.signal_archives': SignalArchivesTable;
  'core.migrations': MigrationsTable;
}
