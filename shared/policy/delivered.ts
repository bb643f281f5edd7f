import {
  RETRAIN_RUN_COLUMNS,
  type ConfigPart,
  type CorePolicy,
  type RetrainPolicy,
  type SignalsPolicy,
  type SymbolCosts,
} from './schema.ts';

/*
 * What minutehand is delivered with, whatever a user makes of the files in config/: the values of policy keys that a
 * file lacks, what a reset proposes, and the defaults of the JSON Schemas. A test compares them with the files as
 * delivered.
 */

const core: CorePolicy = {
  theta1_initial: 0.7,
  theta2_initial: 0.3,
  theta_search_range: { theta1: [0.6, 0.85], theta2: [0.2, 0.45] },
  theta_step: 0.01,
  risk_label_dd_threshold: 0.06,
  risk_label_vol_ratio: 1.8,
  risk_label_corr_drop: -0.15,
  require_edge: true,
  leverage_reduction_rate: { drawdown: [], risk_score: [] },
  no_entry_windows: ['16:45-18:15', 'Sun 17:00-18:30'],
  min_expected_net_bps: 0,
  max_symbol_exposure: null,
  max_currency_exposure: null,
  news_stop: null,
  novelty_min: null,
};

const retrain: RetrainPolicy = {
  retrain_cron: '0 3 1 * *',
  retrain_weekly_cron: '0 4 * * 6',
  retrain_direction_cron: '0 5 * * 0',
  rule_search_cron: null,
  rule_search_space: 'hourly',
  retrain_incremental_cron: '30 22 * * *',
  retrain_features: 'bars',
  retrain_retry_max: 2,
  retrain_retry_delay_minutes: 60,
  retrain_limit_minutes: 720,
  retrain_min_free_mb: 512,
  retrain_job_priority: 'idle',
  retrain_notification_channel: '#ml-ops',
  notification_routes: {
    critical: ['slack', 'discord', 'telegram', 'pagerduty', 'webhook', 'email'],
    warning: ['slack', 'discord', 'telegram', 'webhook', 'email'],
    info: ['slack', 'discord', 'telegram', 'webhook', 'email'],
  },
  notification_email_from: 'minutehand@localhost',
  notification_email_to: [],
  notification_telegram_chats: [],
  telegram_command_chats: [],
  notification_rate_per_minute: 6,
  notification_retry_hours: 24,
  notification_repeat_hours: 4,
  notification_link: null,
  notification_self_test_cron: '0 9 * * 1',
  parity_cron: '30 1 * * *',
  report_cron: '0 6 * * 1',
  daily_summary_cron: '15 0 * * *',
  notification_disk_min_mb: 1000,
  model_version_retention: 5,
  record_days: 400,
  quality_min_samples: 2000,
  quality_f1_floor: 0.6,
  quality_f1_gates: ['direction'],
  pass_rate_range: [0.05, 0.4],
  direction_prediction_range: [0.1, 0.9],
  direction_mean_range: [0.4, 0.6],
  direction_buy_ratio_range: [0.4, 0.6],
  direction_hour_buy_ratio_range: [0.3, 0.7],
  direction_bull_buy_ratio_range: [0.3, 0.7],
  direction_bear_sell_ratio_range: [0.3, 0.7],
  direction_variance_24h_max: 0.15,
  adopt_min_auc: 0.52,
  adopt_min_candidates: 50,
  adopt_min_sharpe_ratio: 0.9,
  adopt_min_sharpe_gain: null,
  adopt_max_auc_loss: 0.02,
  executable_share_min: 0.5,
  claims_veto: 'entries',
  adopt_by: 'swap',
  online_learning: 'off',
  delivery_target: null,
  delivery_host_keys: [],
  deployment_stages: [
    { name: 'test', allocation: 0.1, duration: '24h' },
    { name: 'pilot', allocation: 0.3, duration: '3d' },
    { name: 'rollout', allocation: 0.7, duration: '7d' },
    { name: 'full', allocation: 1, duration: 'ongoing' },
  ],
  rollout_block_minutes: 60,
  rollout_min_labels: 500,
  rollout_timeout_days: 28,
  rollout_on_timeout: 'return',
  rollout_loss_budget_bps: 25,
  rollout_entry_ratio_max: 2,
  rollout_missing_share_max: 0.05,
  rollout_fdr: 0.1,
  monitor_minutes: 60,
  monitor_days: 30,
  drift_psi_max: 0.25,
  drift_mean_shift_max: 0.5,
  drift_metric_gap: 0.15,
  win_rate_min_trades: 100,
  win_rate_noise_sigmas: null,
  drift_cooldown_hours: 24,
  model_max_age_days: 45,
  fill_min_trades: 30,
  fill_win_rate_gap: 0.15,
  fill_net_gap_bps: 1,
  fill_cost_gap: 0.25,
  kpi_window_trades: 50,
  kpi_min_trades: 20,
  kpi_win_rate_min: 0.35,
  kpi_drawdown_max: 0.03,
  kpi_refusal_rate_min: 0.2,
  kpi_refusal_rate_max: 0.98,
  kpi_false_alarm_rate: 0.05,
  risk_streak_significance: 0.01,
  change_two_person_rule: true,
  change_expiry_days: 7,
  retrain_runs_table: 'audit.retrain_runs',
  retrain_runs_columns: [...RETRAIN_RUN_COLUMNS],
};

const signals: SignalsPolicy = {
  signals_table: 'core.signals_live',
  signals_history_table: 'core.signals_history',
  archive_target: 'LOCAL',
  archive_path: 'archive',
  archive_region: 'us-east-1',
  archive_endpoint: null,
  archive_cron: '30 0 * * *',
  signals_history_days: 90,
  signals_journal_days: 60,
};

const DELIVERED: Readonly<Record<ConfigPart, object>> = { core, retrain, signals, minutehand: {} };

const COSTS: Readonly<Record<string, SymbolCosts>> = {
  XAUUSD: {
    spread_bps: 0.9,
    commission_bps: 0.2,
    slippage_bps: 0.2,
    swap_long_bps_per_night: 1.53,
    swap_short_bps_per_night: -0.42,
  },
  XAGUSD: {
    spread_bps: 6,
    commission_bps: 0.3,
    slippage_bps: 0.6,
    swap_long_bps_per_night: 1.6,
    swap_short_bps_per_night: -0.3,
  },
  AUDUSD: {
    spread_bps: 0.4,
    commission_bps: 0.3,
    slippage_bps: 0.1,
    swap_long_bps_per_night: 0.36,
    swap_short_bps_per_night: 0.14,
  },
  NZDUSD: {
    spread_bps: 0.7,
    commission_bps: 0.3,
    slippage_bps: 0.2,
    swap_long_bps_per_night: 0.67,
    swap_short_bps_per_night: -0.17,
  },
  EURUSD: {
    spread_bps: 0.2,
    commission_bps: 0.3,
    slippage_bps: 0.1,
    swap_long_bps_per_night: 0.81,
    swap_short_bps_per_night: -0.31,
  },
  GBPUSD: {
    spread_bps: 0.4,
    commission_bps: 0.3,
    slippage_bps: 0.1,
    swap_long_bps_per_night: 0.25,
    swap_short_bps_per_night: 0.25,
  },
  USDCHF: {
    spread_bps: 0.5,
    commission_bps: 0.3,
    slippage_bps: 0.1,
    swap_long_bps_per_night: -0.86,
    swap_short_bps_per_night: 1.36,
  },
  USDCAD: {
    spread_bps: 0.4,
    commission_bps: 0.3,
    slippage_bps: 0.1,
    swap_long_bps_per_night: -0.17,
    swap_short_bps_per_night: 0.67,
  },
  USDJPY: {
    spread_bps: 0.3,
    commission_bps: 0.3,
    slippage_bps: 0.1,
    swap_long_bps_per_night: -0.72,
    swap_short_bps_per_night: 1.22,
  },
  AUDNZD: {
    spread_bps: 0.9,
    commission_bps: 0.3,
    slippage_bps: 0.2,
    swap_long_bps_per_night: -0.06,
    swap_short_bps_per_night: 0.56,
  },
  EURGBP: {
    spread_bps: 0.5,
    commission_bps: 0.3,
    slippage_bps: 0.1,
    swap_long_bps_per_night: 0.81,
    swap_short_bps_per_night: -0.31,
  },
  SPXUSD: {
    spread_bps: 1,
    commission_bps: 0,
    slippage_bps: 0.2,
    swap_long_bps_per_night: 1.8,
    swap_short_bps_per_night: -0.42,
  },
  NSXUSD: {
    spread_bps: 0.9,
    commission_bps: 0,
    slippage_bps: 0.2,
    swap_long_bps_per_night: 1.8,
    swap_short_bps_per_night: -0.42,
  },
  BCOUSD: {
    spread_bps: 4,
    commission_bps: 0,
    slippage_bps: 0.5,
    swap_long_bps_per_night: 1,
    swap_short_bps_per_night: 1,
  },
};

/** All values of a policy file, as delivered; none of minutehand.yaml. */
export function allDeliveredValues(part: ConfigPart): Record<string, unknown> {
  return structuredClone(DELIVERED[part]) as Record<string, unknown>;
}

/** The delivered values of the keys that a policy file lacks. */
export function deliveredValues(part: ConfigPart, keys: readonly string[]): Record<string, unknown> {
  const values = keys.length === 0 ? {} : allDeliveredValues(part);
  return Object.fromEntries(keys.map((key) => [key, values[key]]));
}

/** The delivered costs by symbol. */
export function deliveredCosts(): Readonly<Record<string, SymbolCosts>> {
  return COSTS;
}
