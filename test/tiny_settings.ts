import type { OpenTime } from '../shared/bar.ts';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { createSimulatedMarket, recordMarket } from '../shared/market/simulated_market.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import { loadSettings, setTimeframes, type Settings } from '../shared/policy/policy.ts';
import { policyHash } from '../shared/policy/policy_hash.ts';

/** Any part of the settings; objects are merged, lists and primitives replaced. */
export type SettingsOverrides = {
  readonly [Part in 'core' | 'retrain' | 'signals' | 'minutehand']?: PartialDeep<Settings[Part]>;
};
type PartialDeep<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [Key in keyof T]?: PartialDeep<T[Key]> }
    : T;

const TINY_TREES = { rounds: 12, learning_rate: 0.2, leaves: 7, min_data_in_leaf: 20 };
const TINY: SettingsOverrides = {
  core: {
    theta1_initial: 0.4,
    theta2_initial: 0.8,
    risk_label_dd_threshold: 0.02,
    risk_label_vol_ratio: 1.5,
    theta_search_range: { theta1: [0.3, 0.85], theta2: [0.2, 0.9] },
    require_edge: false,
    no_entry_windows: [],
    min_expected_net_bps: -100,
  },
  // The smallest θ2 range that works here. No run begins by itself, whatever time of the day it is.
  retrain: {
    // Idle ones would wait for what else the machine does.
    retrain_job_priority: 'normal',
    retrain_weekly_cron: null,
    retrain_direction_cron: null,
    rule_search_cron: null,
    rule_search_space: 'hourly',
    retrain_incremental_cron: null,
    pass_rate_range: [0.05, 0.95],
    kpi_refusal_rate_min: null,
    adopt_min_sharpe_ratio: null,
    adopt_max_auc_loss: 0.02,
  },
  minutehand: {
    // AUDUSD_USDCAD mostly has a negative beta.
    pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD'],
    windows: {
      beta_window: 30,
      z_window: 20,
      vol_short: 5,
      vol_window: 10,
      vol_long: 20,
      atr_short: 5,
      atr_long: 20,
      stability_window: 10,
      half_life_window: 20,
      pnl_window: 10,
      activity_window: 10,
      volume_window: 20,
    },
    decision: { max_age_bars: 20 },
    label: { horizon_bars: 20, target_sigma: 0.005 },
    train: {
      ai1: TINY_TREES,
      ai2: TINY_TREES,
      ai3: TINY_TREES,
      folds: 3,
      holdout_fraction: 0.25,
      max_rows: 3000,
      min_bars: 500,
    },
    search: { trials: 2, theta_evaluations: 12 },
    // Bars arrive every 20 ms here: a busy machine must not count as a silent market.
    feed: { straggler_timeout_ms: 50, silence_degraded_intervals: 500, silence_halt_intervals: 1000 },
    simulated: { bar_interval_ms: 20, history_bars: 400, await_models_ms: 0 },
    transports: { daemon: { port: 0 }, trainer: { port: 0 }, redis: { enabled: 'off' } },
    log: { level: 'silent' },
  },
};

/** Minutes of the simulated market that tiny models are trained on. */
export const TINY_MINUTES = 2400;

/** This repository's settings, read once by a process. */
let real: Settings | undefined;

/**
 * This repository's settings made small: three pairs, look-backs below 80 bars, a few rounds, free ports, no Redis, no
 * log, and rules that allow trades. A test sets whatever it depends on itself.
 */
export function tinySettings(overrides: SettingsOverrides = {}): Settings {
  real ??= loadSettings({ env: {} });
  const merged = merge(merge(real, TINY), overrides) as Settings;
  setTimeframes(merged.minutehand);
  return { ...merged, policyHash: policyHash(merged.core, merged.minutehand.decision, merged.minutehand.symbols) };
}

function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return structuredClone(base);
  if (!isRecord(base) || !isRecord(over)) return structuredClone(over);
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries([...keys].map((key) => [key, merge(base[key], over[key])]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Recorded bars of the simulated market with these settings, from its start. */
export function tinyBars(settings: Settings, minutes = TINY_MINUTES): Map<string, BarColumns> {
  const { pairs, simulated } = settings.minutehand;
  const symbols = symbolsOf(pairs.map(parsePair));
  const start = (Date.parse(simulated.start) / 1000) as OpenTime;
  return recordMarket(createSimulatedMarket({ seed: simulated.seed, symbols, start }), minutes);
}
