import type { Generated } from 'kysely';
import type { Market } from '../../shared/bar_file/bar_sink.ts';

/**
 * `adopted`: activated by its training run. `promoted`: activated by a person. `rolled_back`: the predecessor was
 * activated again. `rejected`: did not pass. `rollout_started`: became the challenger of a rollout.
 */
export type ModelEventKind = 'adopted' | 'rejected' | 'promoted' | 'rolled_back' | 'rollout_started';

/** One row for each change of a bundle's status, written in the transaction of the change. */
export interface ModelEventsTable {
  event_id: Generated<number>;
  /** Unique: two processes that report the same change write one row. */
  event_key: string;
  market: Market;
  kind: ModelEventKind;
  version: string;
  /** The bundle that was active before; null when none was, and for a rejected one. */
  previous_version: string | null;
  /** ISO 8601 in UTC. */
  happened_at: string;
  /** The event as it is sent, JSON. */
  body: string;
}

/** Events that a receiver has acknowledged. */
export interface ModelEventDeliveriesTable {
  event_id: number;
  /** `redis` or `webhook`, and a hash of its address. */
  receiver: string;
  sent_ms: number;
}

/** Drift of each feature, the last check of each UTC day. */
export interface DriftFiguresTable {
  market: Market;
  model_version: string;
  day: string;
  feature: string;
  psi: number;
  /** Drift explained by chance; null where unknown. */
  psi_noise: number | null;
  looked_ms: number;
}

/** Last result of `minutehand parity` for each UTC day of a shard. */
export interface ParityResultsTable {
  market: Market;
  shard: string;
  day: string;
  /** EQUAL, EXPLAINED or MISMATCH. */
  verdict: string;
  signals: number;
  /** Signals that the replay reproduced byte for byte. */
  equal_signals: number;
  mismatches: number;
  certified_ms: number;
}

export type BacktestStatus = 'queued' | 'running' | 'done' | 'failed' | 'canceled';

/** Backtests requested by the API. Times are epoch ms. */
export interface BacktestsTable {
  backtest_id: Generated<number>;
  market: Market;
  /** Machine and home of the trainer that runs it. */
  owner: string;
  status: BacktestStatus;
  requested_by: string;
  reason: string;
  /** JSON: the request. */
  request: string;
  policy_hash: string;
  /** 0 to 100. */
  percent: number;
  stage: string;
  requested_ms: number;
  started_ms: number | null;
  finished_ms: number | null;
  /** JSON: the document of `minutehand backtest --json`. */
  result: string | null;
  error: string | null;
  /** How often it was begun again because its trainer was killed. */
  restarts: Generated<number>;
}

export interface RecordTables {
  'core.model_events': ModelEventsTable;
  'core.model_event_deliveries': ModelEventDeliveriesTable;
  'core.drift_figures': DriftFiguresTable;
  'core.parity_results': ParityResultsTable;
  'core.backtests': BacktestsTable;
}
