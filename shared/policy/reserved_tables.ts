/**
 * Tables of the store that a policy may not name as its own table of runs or signals: it would be converted, filled or
 * dropped. Flat names, as in SQLite (`core.bars` is `core_bars`), so that no other division into schema and table
 * reaches one either. trainer/store/store.server.test.ts compares the list with a real store.
 */
const RESERVED: ReadonlySet<string> = new Set([
  'audit_api_writes',
  'audit_config_changes',
  'core_alert_deliveries',
  'core_alert_messages',
  'core_alert_silences',
  'core_alerts',
  'core_api_logins',
  'core_api_sessions',
  'core_api_tokens',
  'core_backtests',
  'core_bars',
  'core_config_starts',
  'core_feature_schemas',
  'core_features',
  'core_fill_files',
  'core_home_files',
  'core_import_runs',
  'core_imports',
  'core_labels',
  'core_live_trades',
  'core_migrations',
  'core_model_artifacts',
  'core_model_notes',
  'core_model_registry',
  'core_jobs',
  'core_job_events',
  'core_job_results',
  'core_news_events',
  'core_news_sources',
  'core_refused_fills',
  'core_removed_bars',
  'core_series',
  'core_signal_archives',
  'core_signal_copies',
  'core_signal_days',
  'core_training_runs',
  'core_change_requests',
  'core_drift_figures',
  'core_features_named',
  'core_model_event_deliveries',
  'core_model_events',
  'core_parity_results',
  'core_promotion_owners',
  'core_training_runs_queued',
  'model_registry',
  // Indexes and triggers, whose names no table may have either.
  'alert_deliveries_open',
  'alert_messages_open',
  'edit_model_notes',
  'job_events_by_job',
  'jobs_by_status',
  'live_trades_time',
  'live_trades_unjoined',
  'news_events_by_time',
  'training_runs_queued',
  'training_runs_running',
]);
/** Schemas of PostgreSQL itself, its indexes of primary keys, and tables of SQLite itself. */
const OF_THE_DATABASE = /^(?:pg_|information_schema|sqlite[_.])|_pkey$/;

/** Whether a policy may not use this table. @param table `schema.table` */
export function isReservedTable(table: string): boolean {
  return OF_THE_DATABASE.test(table) || RESERVED.has(table.replace('.', '_'));
}
