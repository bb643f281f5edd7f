import { loadSettings, type Settings } from '../shared/policy/policy.ts';
import { policyHash } from '../shared/policy/policy_hash.ts';

/**
 * Settings of simulated worlds: a live market of three pairs (one symbol in two of them), look-backs below 80 bars, and
 * rules that allow trades. Everything a world depends on is set here, so that a seed gives the same world with any
 * `config/`.
 */
export function simulatedSettings(): Settings {
  known ??= makeSettings();
  return known;
}

let known: Settings | undefined;

function makeSettings(): Settings {
  const real = loadSettings({ env: {} });
  const core = {
    ...real.core,
    require_edge: true,
    leverage_reduction_rate: { drawdown: [], risk_score: [] },
    max_symbol_exposure: null,
    max_currency_exposure: null,
    news_stop: null,
    no_entry_windows: ['16:45-18:15', 'Tue 08:30-08:40'],
    min_expected_net_bps: -1,
    novelty_min: 0.25,
  };
  const decision = {
    z_entry: 1.2,
    z_exit: 0.4,
    stop: 1.5,
    max_age_bars: 12,
    beta_min: 0.01,
    beta_max: 50,
    risk_exit: 0.93,
  };
  return {
    ...real,
    core,
    minutehand: {
      ...real.minutehand,
      market: 'live',
      pairs: ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'EURUSD_USDCHF'],
      instruments: [],
      shards: { main: 'all' },
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
      decision,
      feed: {
        ...real.minutehand.feed,
        interval_ms: 60_000,
        straggler_timeout_ms: 8000,
        max_clock_skew_ms: 2000,
        max_bars_per_request: 5000,
        silence_degraded_intervals: 2.5,
        silence_halt_intervals: 5,
      },
      screen: { enabled: true, sigmas: 60, min_move_bps: 50 },
      inference: { engine: 'auto', slow_ms: 50 },
      transports: {
        ...real.minutehand.transports,
        files: { enabled: true },
        redis: {
          ...real.minutehand.transports.redis,
          enabled: 'auto',
          key_ttl_ms: 150_000,
          connect_timeout_ms: 1000,
          command_timeout_ms: 1000,
          max_batches_in_flight: 4,
        },
      },
    },
    policyHash: policyHash(core, decision, real.minutehand.symbols),
  };
}
