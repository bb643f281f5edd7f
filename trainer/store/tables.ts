import { STRATEGY_RUNS } from '../../shared/strategies/registry.ts';
import type { Generated } from 'kysely';
import type { Importance } from '../../shared/core/news/news_event.ts';
import type { Market } from '../../shared/bar_file/bar_sink.ts';
import type { SlotName } from '../../shared/bundle/shelf_name.ts';
import type { ModelType } from '../../shared/strategies/registry.ts';
import type { EventName, Severity } from './events.ts';
import type { AccessTables } from './access_tables.ts';
import type { JobEventsTable, JobResultsTable, JobsTable } from './job_tables.ts';
import type { RecordTables } from './record_tables.ts';

/** One-minute bars; those of `market` simulated never mix with real ones. */
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
  /** The import that added it; null before imports were numbered. */
  import_number: number | null;
}

/** Auxiliary series with times of their own: funding rate, open interest … */
export interface SeriesTable {
  market: Market;
  symbol: string;
  /** `funding_rate`, `open_interest` … */
  name: string;
  /** Epoch seconds at which the value became known, UTC. */
  time: number;
  value: number;
  /** The import that added it; null before imports were numbered, and where none did. */
  import_number: number | null;
}

/** Scheduled events of the economic calendar, with when they were known. Times are epoch seconds, UTC. */
export interface NewsEventsTable {
  event_id: Generated<number>;
  time: number;
  currency: string;
  importance: Importance;
  name: string;
  /** `terminal`, or the absolute path of an imported file. */
  source: string;
  /** 0: from a file without such times. */
  known_from: number;
  /** When it was called off or moved; null = it was not. */
  known_until: number | null;
}

/** How far ahead each source of the calendar reaches. */
export interface NewsSourcesTable {
  source: string;
  confirmed_ms: number;
  /** Epoch seconds: all events before it are known. */
  covers_until: number;
}

/**
 * `accept` and `leave_out` change no stored bar: a person decided on the bars that daemons received, to learn from them
 * although they look wrong, or not to learn from those of a period.
 */
export const IMPORT_KINDS = ['import', 'replace', 'delete', 'accept', 'leave_out'] as const;
export type ImportKind = (typeof IMPORT_KINDS)[number];

/** Numbered changes of the stored bars: imports, and deletions. Each can be undone. */
export interface ImportRunsTable {
  import_number: Generated<number>;
  market: Market;
  kind: ImportKind;
  /** A path; of a deletion the symbol and the period. */
  source: string;
  /** Who did it: a user of this machine, or of the API. */
  done_by: string;
  began_ms: number;
  /** null while it runs, and when it was killed. */
  finished_ms: number | null;
  added: number;
  /** Bars that it replaced or deleted. */
  removed: number;
  rejected: number;
  /** JSON: `symbols` with their verdicts, and the codes that were `accepted`. */
  verdicts: string;
  undone_ms: number | null;
  undone_by: string | null;
}

/** Bars that a numbered change replaced or deleted, until it is undone. */
export interface RemovedBarsTable extends BarsTable {
  removed_by: number;
}

/** One row for each file that was imported, as often as it was. */
export interface ImportsTable {
  import_id: string;
  market: Market;
  symbol: string;
  /** Absolute path at the time of the import. */
  file: string;
  /** Of the file's bytes. */
  sha256: string;
  layout: string;
  /** Time zone of its timestamps; null for series. */
  timezone: string | null;
  /** Rows with content, and those that were refused. */
  rows: number;
  rejected: number;
  finished_ms: number;
  /** null before imports were numbered. */
  import_number: number | null;
}

/**
 * `candidate`: written, not evaluated or not activated yet. `active`: the active bundle. `archived`: was active.
 * `rejected`: did not pass.
 */
export type ModelStatus = 'candidate' | 'active' | 'archived' | 'rejected';

/** What has one active bundle: the pairs, or the instruments of a timeframe. */
export type RegistrySlot = SlotName;

/**
 * One row for each bundle ever registered; it stays when the bundle is removed. Times are ISO 8601 in UTC.
 */
export interface ModelRegistryTable {
  /** Its path below the folder of models: `20260101_0830`, or `direction/20260101_0830`. */
  version: string;
  slot: Generated<RegistrySlot>;
  status: ModelStatus;
  created: string;
  /** The text of manifest.json, and its sha256: the identity of the bundle. */
  manifest: string;
  manifest_sha256: string;
  /** A JSON array of texts: the failed gates. */
  reasons: string;
  /** Of the active bundle: its predecessor. */
  previous_version: string | null;
  adopted_at: string | null;
  retired_at: string | null;
  /** Time at which model_version_retention removed folder and bytes. */
  removed_at: string | null;
  /** Absolute path of its folder, where it was last registered from; null in rows of earlier versions. */
  folder: string | null;
  /** Of the owner of promotions that made it active last; null before. */
  fence: Generated<number | null>;
}

/** What a home has beside bundles, for another machine. See trainer/control/recovery/kept_home.ts. */
export interface HomeFilesTable {
  market: string;
  /** Its name in the home. */
  file: string;
  content: string;
  kept_ms: number;
}

/** One row for each market: the installation that may promote models. See trainer/store/promotion_owner.ts. */
export interface PromotionOwnersTable {
  market: string;
  /** Empty: nobody. */
  holder: string;
  fence: number;
  /** Of the server's clock, epoch ms. */
  renewed_ms: number;
}

/** Users' notes on a model. */
export interface ModelNotesTable {
  /** As in core.model_registry. */
  version: string;
  model_type: ModelType;
  notes: string;
  updated_at: string;
}

/** A view: one row per model, in the columns of the specification. On SQLite times are text and metrics JSON text. */
export interface ModelRegistryView {
  model_version: string;
  model_type: ModelType;
  status: ModelStatus;
  /** First and last day with bars that it learned from, `2019-01-01` in UTC. */
  train_period_start: string;
  train_period_end: string;
  theta1: unknown;
  theta2: unknown;
  metrics: unknown;
  artifact_path: string | null;
  notes: string | null;
  created_at: unknown;
  updated_at: unknown;
  feature_schema_hash: string;
  seed: unknown;
  data_hash: string;
  /** Policy, engine and bars of its training. */
  conditions: unknown;
}

/**
 * Every file of a bundle as written. Complete when its row in the registry exists without a time of removal.
 */
export interface ModelArtifactsTable {
  /** As in core.model_registry. */
  version: string;
  /** A plain name: ai1.onnx, manifest.json, CARD.md … */
  file: string;
  sha256: string;
  content: Buffer;
}

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
export interface TrainingRunsTable {
  run_id: Generated<number>;
  market: Market;
  /** Machine and home of the trainer that began or queued it. */
  owner: string;
  /** The training process, on the machine of the owner. */
  worker_pid: number | null;
  /** Due time of a queued run. */
  due_ms: number;
  /** Time of its trainer's last heartbeat for it. */
  beat_ms: number;
  kind: RunKind;
  /** Code of what asked for it (shared/run_trigger/), and JSON of what belongs to the code. */
  trigger: string;
  trigger_values: string | null;
  attempt: number;
  started_at: string | null;
  finished_at: string | null;
  status: RunStatus;
  stage: string;
  /** 0 to 100 of the whole run. */
  percent: number;
  /** null while unknown. */
  eta_seconds: number | null;
  /** JSON array of `{stage, duration_ms}`: completed stages. */
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
  /** JSON array of texts: the failed gates of a rejected bundle, or why there was nothing new. */
  reasons: string;
  /** JSON array of texts: the monitor's triggers that it answers; null in rows of earlier versions. */
  causes: string | null;
  /** JSON object: what the request has chosen (`RunParameters`); null in rows of earlier versions. */
  parameters: string | null;
  /** Of a queued request: hash of its parameters; else empty. Absent in an insert: empty. */
  request_key: Generated<string>;
  error: string | null;
  cpu_seconds: number | null;
  peak_memory_bytes: number | null;
  duration_ms: number | null;
  theta1: number | null;
  theta2: number | null;
  gpu_seconds: number | null;
  gpu_memory_bytes: number | null;
}

/** One row for each change of a value of the configuration, its first value included. */
export interface ConfigChangesTable {
  change_id: Generated<number>;
  changed_at: string;
  /** `core`, `retrain`, `signals` or `minutehand`. */
  part: string;
  key: string;
  /** JSON; null without an earlier value, or without a present one. */
  before: string | null;
  after: string | null;
  /** Of the whole configuration with this value; its signals have the same hash. */
  policy_hash: string | null;
  /** user@machine; null in rows of earlier versions, as are the two below. */
  changed_by: string | null;
  /** The program that first ran with it: `trainer`, or `daemon` and its shard. */
  program: string | null;
  /** Why, as MINUTEHAND_CHANGE_REASON or the change request had it; null without a reason. */
  reason: string | null;
  /** Of an approved change request, as is the commit; else null. */
  approved_by: string | null;
  commit_id: string | null;
}

/** Read position in the file of configurations that a daemon has started with. */
export interface ConfigStartsTable {
  /** Machine and absolute path. */
  file: string;
  read_lines: number;
}

/**
 * One row for each fill or refused order reported by an expert advisor; with the signal that caused it, where the
 * journal has it.
 */
export interface LiveTradesTable {
  /** account/signal_id/leg/ticket/kind: identifies duplicates. */
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
  /** Publication of the signal; null without a signal. */
  signal_ms: number | null;
  latency_ms: number | null;
  /** Of a close, in `currency`. */
  pnl: number | null;
  currency: string;
  error: string;
  /** Fields of the signal, all null until the journal has it. */
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
  /** The line as received. */
  line: string;
  /** file or redis: the transport that delivered it first. */
  source: string;
  /**
   * The file that contains it; the stream while no file does. Two programs that trade on paper have separate rows.
   */
  place: string;
  received_ms: number;
}

/** Lines that are no fills or contradict a known one; each once, however often it is received. */
export interface RefusedFillsTable {
  /** Of the line. */
  line_sha256: string;
  /** Of shared/errors.ts. */
  code: string;
  message: string;
  /** The file, or the stream. */
  place: string;
  /** Its first characters. */
  line: string;
  received_ms: number;
}

/** Read position of each result.json. */
export interface FillFilesTable {
  /** Machine and absolute path. */
  file: string;
  read_bytes: number;
  /** Hash of the beginning and the end of the part read; differs for another file at this path. */
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
  /** Identifies its content; differs for another journal at this path. */
  fingerprint: string;
  /** The newest copied time of publication. */
  generated_at_ms: number;
}

/** State of the signals of each UTC day with publications. */
export interface SignalDaysTable {
  history_table: string;
  market: string;
  /** `2026-11-20` */
  day: string;
  /** Rows ever copied from journals. */
  added: number;
  /** Value of `added` when the archive was last verified to hold all of them. */
  archived: number;
  /** Time at which its rows were deleted from the history. */
  pruned_ms: number | null;
  /** Time of the last restoration from the archive. */
  restored_ms: number | null;
}

/** Parts of the archive that were written or found. */
export interface SignalArchivesTable {
  /** Kind and path of the archive. */
  place: string;
  market: string;
  day: string;
  /** 1; higher for rows that were copied after the day was archived. */
  part: number;
  rows: number;
  bytes: number;
  /** Of the lines; of the file. */
  content_bytes: number;
  sha256: string;
  archived_ms: number;
}

/** Features of a schema. */
export interface FeatureSchemasTable {
  schema_hash: string;
  /** JSON array of name, formula, window and ddof, in the order of the values. */
  definitions: string;
}

/** One row per pair and bar. The view `core.features_named` has the columns of the schema written last. */
export interface FeaturesTable {
  market: Market;
  pair_id: string;
  schema_hash: string;
  /** Epoch seconds of the bar open. */
  time: number;
  /** float32: `real[]` on PostgreSQL, a JSON array on SQLite. */
  features: string;
}

/** One row per pair and bar; null where the bar has no such label. The columns are those of LABEL_COLUMNS. */
export interface LabelsTable {
  market: Market;
  pair_id: string;
  label_hash: string;
  time: number;
  ai1: number | null;
  ai1_end: number | null;
  ai2_drawdown: number | null;
  ai2_volatility: number | null;
  ai2_correlation: number | null;
  ai2_end: number | null;
  ai3: number | null;
  ai3_end: number | null;
}

export type AlertAction = 'trigger' | 'acknowledge' | 'resolve';

/** Alerts; trainer/control/notify/outbox.ts writes them. Times are epoch ms. */
export interface AlertsTable {
  alert_id: Generated<number>;
  market: Market;
  alert_key: string;
  /** `market key` while it is open, and for good where it happened once: unique. null when it is resolved. */
  open_key: string | null;
  event: EventName;
  severity: Severity;
  subject: string;
  text: string;
  command: string;
  version: string | null;
  /** JSON object. */
  details: string;
  opened_ms: number;
  /** Time of the last report, and the number of reports. */
  last_ms: number;
  count: number;
  /** 1 where nothing resolves it: it was over when it happened. */
  is_once: number;
  acked_ms: number | null;
  acked_by: string | null;
  resolved_ms: number | null;
}

/** The outbox: each change of an alert that is to be sent, written in the transaction of the change. */
export interface AlertMessagesTable {
  message_id: Generated<number>;
  alert_id: number;
  action: AlertAction;
  created_ms: number;
  /** Time at which its deliveries were written; null until then. */
  routed_ms: number | null;
}

/** One message on one channel. */
export interface AlertDeliveriesTable {
  delivery_id: Generated<number>;
  message_id: number;
  channel: string;
  /** `skipped`: silenced. */
  status: 'queued' | 'sent' | 'failed' | 'skipped';
  attempts: number;
  /** Earliest time of the next attempt. */
  due_ms: number;
  created_ms: number;
  sent_ms: number | null;
  /** Deliveries that were sent as one message have the same. */
  batch: string | null;
  error: string | null;
}

/** Events that are not sent for a time. */
export interface AlertSilencesTable {
  silence_id: Generated<number>;
  market: Market;
  /** Of keys; `*` stands for any text. */
  pattern: string;
  until_ms: number;
  created_ms: number;
  created_by: string;
}

export interface MigrationsTable {
  version: number;
  name: string;
  applied_ms: number;
  /** 1 = programs that do not know this version may use the tables; null = they must not. */
  is_additive: number | null;
}

/**
 * Every table by the name it has in a query: `schema.table`. On SQLite, which has no schemas, it is called
 * `schema_table`.
 */
export interface Tables extends AccessTables, RecordTables {
  'core.bars': BarsTable;
  'core.series': SeriesTable;
  'core.jobs': JobsTable;
  'core.job_events': JobEventsTable;
  'core.job_results': JobResultsTable;
  'core.news_events': NewsEventsTable;
  'core.news_sources': NewsSourcesTable;
  'core.imports': ImportsTable;
  'core.import_runs': ImportRunsTable;
  'core.removed_bars': RemovedBarsTable;
  'core.model_registry': ModelRegistryTable;
  'core.promotion_owners': PromotionOwnersTable;
  'core.home_files': HomeFilesTable;
  'core.model_artifacts': ModelArtifactsTable;
  'core.model_notes': ModelNotesTable;
  model_registry: ModelRegistryView;
  'core.training_runs': TrainingRunsTable;
  'audit.config_changes': ConfigChangesTable;
  'core.config_starts': ConfigStartsTable;
  'core.live_trades': LiveTradesTable;
  'core.refused_fills': RefusedFillsTable;
  'core.fill_files': FillFilesTable;
  'core.signal_copies': SignalCopiesTable;
  'core.signal_days': SignalDaysTable;
  'core.signal_archives': SignalArchivesTable;
  'core.feature_schemas': FeatureSchemasTable;
  'core.features': FeaturesTable;
  'core.labels': LabelsTable;
  'core.alerts': AlertsTable;
  'core.alert_messages': AlertMessagesTable;
  'core.alert_deliveries': AlertDeliveriesTable;
  'core.alert_silences': AlertSilencesTable;
  'core.migrations': MigrationsTable;
}
