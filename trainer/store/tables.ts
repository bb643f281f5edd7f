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

/** `candidate`: written, not judged or not put in force yet. `active`: in force. `archived`: was in force. `rejected`: did not pass. */
export type ModelStatus = 'candidate' | 'active' | 'archived' | 'rejected';

/** One row for each bundle that was ever known here; it stays when the bundle itself is gone. Times are ISO 8601 in UTC. */
export interface ModelRegistryTable {
  version: string;
  status: ModelStatus;
  created: string;
  /** The text of manifest.json, and its sha256: the identity of the bundle. */
  manifest: string;
  manifest_sha256: string;
  /** A JSON array of texts: what it did not pass. */
  reasons: string;
  /** Of the active bundle: the one that was in force before it. */
  previous_version: string | null;
  adopted_at: string | null;
  retired_at: string | null;
  /** When folder and bytes were given up by model_version_retention. */
  removed_at: string | null;
}

/** Every file of a bundle as it was written. Complete when the row of the registry is there and says nothing of removal. */
export interface ModelArtifactsTable {
  version: string;
  /** A plain name: ai1.onnx, manifest.json, CARD.md … */
  file: string;
  sha256: string;
  content: Buffer;
}

/**
 * `queued`: an attempt that waits for its time. `killed`: the trainer ended in the middle, the next attempt is queued. `failed`: the
 * same for an error. `aborted`: an error or a death without another attempt. `stopped`: by a person, or with the trainer.
 */
export type RunStatus = 'queued' | 'running' | 'adopted' | 'rejected' | 'failed' | 'killed' | 'stopped' | 'aborted';

/** `full`: learned anew from all bars. `incremental`: the models in force go on learning on what has come since. */
export type RunKind = 'full' | 'incremental';

/** Training runs: what is under way and what is to come, and what came of those that have ended. Times `_at` are ISO 8601 in UTC. */
export interface TrainingRunsTable {
  run_id: Generated<number>;
  market: Market;
  /** Machine and home of the trainer that began or queued it. */
  owner: string;
  /** The process that learns, on the machine of the owner. */
  worker_pid: number | null;
  /** When a queued run is to begin. */
  due_ms: number;
  /** When its trainer was last known to work on it. */
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
  /** null while nobody knows. */
  eta_seconds: number | null;
  /** JSON array of `{stage, duration_ms}`: what is done of it. */
  stages: string;
  model_version: string | null;
  previous_version: string | null;
  seed: number | null;
  data_from: string | null;
  data_to: string | null;
  data_hash: string | null;
  /** JSON: of each model what it is worth on the final period. */
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
  /** JSON; null where there was none, or is none any more. */
  before: string | null;
  after: string | null;
}

export interface MigrationsTable {
  version: number;
  name: string;
  applied_ms: number;
}

/** Every table by the name it has in a query: `schema.table`. On SQLite, which has no schemas, it is called `schema_table`. */
export interface Tables {
  'core.bars': BarsTable;
  'core.series': SeriesTable;
  'core.imports': ImportsTable;
  'core.model_registry': ModelRegistryTable;
  'core.model_artifacts': ModelArtifactsTable;
  'core.training_runs': TrainingRunsTable;
  'audit.config_changes': ConfigChangesTable;
  'core.migrations': MigrationsTable;
}
