/** A table of the store or of a journal. */
export interface StoredTable {
  readonly what: string;
  /** Why it does not grow without end, what deletes from it, or how fast it grows. */
  readonly bound: string;
}

const RECORD_DAYS = '`record_days`, from when they end.';
const PER_DECISION = 'A row for each decision of a person.';
const PER_TRAINING = 'A row for each training: some four hundred a year by the delivered schedules.';

/** Tables of the store, as SQLite names them. test/storage.chain.test.ts compares the list with a real store. */
export const STORE_TABLES: Readonly<Record<string, StoredTable>> = {
  core_bars: { what: 'Imported bars.', bound: 'What is imported; `bars undo` and `bars delete` take it back.' },
  core_series: { what: 'Imported auxiliary series.', bound: 'What is imported.' },
  core_news_events: {
    what: 'Events of the economic calendar.',
    bound: 'What is imported; a terminal sends some 20,000 a year.',
  },
  core_news_sources: { what: 'How far ahead the calendar reaches.', bound: 'One for each source.' },
  core_imports: { what: 'Imported files.', bound: 'A row for each file.' },
  core_import_runs: { what: 'Numbered imports and removals.', bound: PER_DECISION },
  core_removed_bars: { what: 'Bars that a removal can be undone with.', bound: 'Until they are restored.' },
  core_features: { what: 'Features of `features` in the store.', bound: 'Replaced by each build.' },
  core_feature_schemas: { what: 'Their names.', bound: 'One for each schema.' },
  core_labels: { what: 'Their labels.', bound: 'Replaced by each build.' },
  core_model_registry: { what: 'Bundles that were trained.', bound: PER_TRAINING },
  core_home_files: {
    what: 'Marks of pointers, and halts, for another machine.',
    bound: 'One for each file and market.',
  },
  core_promotion_owners: { what: 'The installation that may promote models.', bound: 'One for each market.' },
  core_model_notes: { what: 'Notes on bundles.', bound: PER_DECISION },
  core_model_artifacts: {
    what: 'Bytes of bundles.',
    bound: '`model_version_retention`; of rules that are, or were, in use, the newest 100.',
  },
  core_training_runs: { what: 'Trainings, queued and ended.', bound: PER_TRAINING },
  audit_retrain_runs: { what: 'Trainings, in the columns of `retrain_runs_columns`.', bound: PER_TRAINING },
  core_signals_live: { what: 'Last signal of each pair.', bound: 'One for each pair.' },
  core_signals_history: {
    what: 'Signals.',
    bound: '`signals_history_days`, once archived; of a simulated market, twelve hours.',
  },
  core_signal_copies: { what: 'Position of each copy.', bound: 'One for each journal.' },
  core_signal_days: { what: 'Days of signals.', bound: 'A row a day.' },
  core_signal_archives: { what: 'Archive files.', bound: 'A row or two a day.' },
  core_live_trades: {
    what: 'Fills.',
    bound: 'Real and demo accounts: kept. Paper accounts of a simulated market: `record_days`.',
  },
  core_refused_fills: { what: 'Lines that are no fills.', bound: '`record_days`, and the newest 10,000.' },
  core_fill_files: { what: 'Read position of each file of fills.', bound: 'One for each file.' },
  core_alerts: { what: 'Alerts.', bound: RECORD_DAYS },
  core_alert_messages: { what: 'Their messages.', bound: 'With their alerts.' },
  core_alert_deliveries: { what: 'Their deliveries.', bound: 'With their alerts.' },
  core_alert_silences: { what: 'Silences.', bound: RECORD_DAYS },
  core_model_events: { what: 'Changes of bundles.', bound: PER_TRAINING },
  core_model_event_deliveries: { what: 'Their deliveries.', bound: 'One for each event and receiver.' },
  core_drift_figures: { what: 'Drift by feature and day.', bound: '`record_days`.' },
  core_parity_results: { what: 'Daily certificates.', bound: 'A row for each shard and day.' },
  core_backtests: { what: 'Backtests from the dashboard.', bound: RECORD_DAYS },
  core_jobs: { what: 'Jobs, whoever started them.', bound: RECORD_DAYS },
  core_job_events: {
    what: 'Their progress and messages.',
    bound: '`record_days`; at most a few thousand for each job.',
  },
  core_job_results: {
    what: 'Answers of leagues, scans and comparisons of a day.',
    bound: '`record_days`; at most 4 MB for each job.',
  },
  core_api_tokens: { what: 'Tokens.', bound: PER_DECISION },
  core_api_logins: { what: 'Login links.', bound: RECORD_DAYS },
  core_api_sessions: { what: 'Sessions.', bound: RECORD_DAYS },
  core_change_requests: { what: 'Proposed changes.', bound: PER_DECISION },
  core_config_starts: { what: 'Read position of `config_<shard>.jsonl`.', bound: 'One for each shard.' },
  core_migrations: { what: 'Version of the tables.', bound: 'A row for each version.' },
  audit_api_writes: {
    what: 'Audit.',
    bound: 'Never deleted: an entry, some 500 bytes, for each change by a person, a command or the schedule.',
  },
  audit_config_changes: { what: 'Changed values.', bound: 'A row for each changed value.' },
};

/** Tables of a journal. */
export const JOURNAL_TABLES: Readonly<Record<string, StoredTable>> = {
  inputs: {
    what: 'Bars and everything else that took effect.',
    bound: 'Kept, 0.7 GB a year for ten pairs; of a simulated market, 30 of its days.',
  },
  signals: { what: 'Answers.', bound: '`signals_journal_days`, once archived; of a simulated market, 30 of its days.' },
  shadow_signals: { what: 'Answers of a shadow set.', bound: 'As the signals.' },
  boots: { what: 'Starts.', bound: 'A row of 150 bytes for each start.' },
  policies: { what: 'Policies that were in effect.', bound: 'A row for each policy.' },
  feed_position: { what: 'Position in the stream of bars.', bound: 'One row.' },
  pruned_signals: { what: 'What was deleted.', bound: 'One row.' },
};
