import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { ModelSlotId } from '../../../shared/subject/slot.ts';
import type { ModelType } from '../../../shared/strategies/registry.ts';
import { BIGINT, BYTES, DOUBLE, NUMBERED, TEXT, optional, table, textOf, withDefault } from './table.ts';

/**
 * `candidate`: written, not evaluated or not activated yet. `active`: the active bundle. `archived`: was active.
 * `rejected`: did not pass.
 */
export type ModelStatus = 'candidate' | 'active' | 'archived' | 'rejected';

/**
 * One row for each bundle ever registered; it stays when the bundle is removed. Times are ISO 8601 in UTC.
 */
const MODEL_REGISTRY = table(
  'core.model_registry',
  { key: ['version'] },
  {
    /** Its path below the folder of models: `20260101_0830`, or `direction/20260101_0830`. */
    version: TEXT,
    slot: withDefault(textOf<ModelSlotId>(), "'pairs'"),
    status: textOf<ModelStatus>(),
    created: TEXT,
    /** The text of manifest.json, and its sha256: the identity of the bundle. */
    manifest: TEXT,
    manifest_sha256: TEXT,
    /** A JSON array of texts: the failed gates. */
    reasons: TEXT,
    /** Of the active bundle: its predecessor. */
    previous_version: optional(TEXT),
    adopted_at: optional(TEXT),
    retired_at: optional(TEXT),
    /** Time at which model_version_retention removed folder and bytes. */
    removed_at: optional(TEXT),
    /** Absolute path of its folder, where it was last registered from. */
    folder: TEXT,
    /** Of the owner of promotions that made it active last; null before. */
    fence: optional(BIGINT),
  },
);

/**
 * Every file of a bundle as written. Complete when its row in the registry exists without a time of removal.
 */
const MODEL_ARTIFACTS = table(
  'core.model_artifacts',
  { key: ['version', 'file'] },
  {
    /** As in core.model_registry. */
    version: TEXT,
    /** A plain name: ai1.onnx, manifest.json, CARD.md … */
    file: TEXT,
    sha256: TEXT,
    content: BYTES,
  },
);

/** Users' notes on a model. */
const MODEL_NOTES = table(
  'core.model_notes',
  { key: ['version', 'model_type'] },
  {
    /** As in core.model_registry. */
    version: TEXT,
    model_type: textOf<ModelType>(),
    notes: TEXT,
    updated_at: TEXT,
  },
);

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

/** One row for each market: the installation that may promote models. See trainer/store/promotion_owner.ts. */
const PROMOTION_OWNERS = table(
  'core.promotion_owners',
  { key: ['market'] },
  {
    market: TEXT,
    /** Empty: nobody. */
    holder: TEXT,
    fence: BIGINT,
    /** Of the server's clock, epoch ms. */
    renewed_ms: BIGINT,
  },
);

/** What a home has beside bundles, for another machine. See trainer/control/recovery/kept_home.ts. */
const HOME_FILES = table(
  'core.home_files',
  { key: ['market', 'file'] },
  {
    market: TEXT,
    /** Its name in the home. */
    file: TEXT,
    content: TEXT,
    kept_ms: BIGINT,
  },
);

/**
 * `adopted`: activated by its training run. `promoted`: activated by a person. `rolled_back`: the predecessor was
 * activated again. `rejected`: did not pass. `rollout_started`: became the challenger of a rollout.
 */
export type ModelEventKind = 'adopted' | 'rejected' | 'promoted' | 'rolled_back' | 'rollout_started';

/** One row for each change of a bundle's status, written in the transaction of the change. */
const MODEL_EVENTS = table(
  'core.model_events',
  { unique: { columns: ['event_key'] } },
  {
    event_id: NUMBERED,
    /** Unique: two processes that report the same change write one row. */
    event_key: TEXT,
    market: textOf<Market>(),
    kind: textOf<ModelEventKind>(),
    version: TEXT,
    /** The bundle that was active before; null when none was, and for a rejected one. */
    previous_version: optional(TEXT),
    /** ISO 8601 in UTC. */
    happened_at: TEXT,
    /** The event as it is sent, JSON. */
    body: TEXT,
  },
);

/** Events that a receiver has acknowledged. */
const MODEL_EVENT_DELIVERIES = table(
  'core.model_event_deliveries',
  { key: ['event_id', 'receiver'] },
  {
    event_id: BIGINT,
    /** `redis` or `webhook`, and a hash of its address. */
    receiver: TEXT,
    sent_ms: BIGINT,
  },
);

/** Drift of each feature, the last check of each UTC day. */
const DRIFT_FIGURES = table(
  'core.drift_figures',
  { key: ['market', 'model_version', 'day', 'feature'] },
  {
    market: textOf<Market>(),
    model_version: TEXT,
    day: TEXT,
    feature: TEXT,
    psi: DOUBLE,
    /** Drift explained by chance; null where unknown. */
    psi_noise: optional(DOUBLE),
    looked_ms: BIGINT,
  },
);

export const MODEL_TABLES = [
  MODEL_REGISTRY,
  MODEL_ARTIFACTS,
  MODEL_NOTES,
  PROMOTION_OWNERS,
  HOME_FILES,
  MODEL_EVENTS,
  MODEL_EVENT_DELIVERIES,
  DRIFT_FIGURES,
] as const;
