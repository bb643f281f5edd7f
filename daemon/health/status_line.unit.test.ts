import { describe, expect, it } from 'vitest';
import type { HealthReport } from './health.ts';
import { transportsHealth } from './report.ts';
import { statusLine } from './status_line.ts';

const GOOD: HealthReport = {
  status: 'ok',
  market: 'live',
  boot_id: 'b',
  program_version: '1.0.0',
  shard: 'main',
  uptime_seconds: 1,
  server_engine: 'ws',
  server_engine_note: null,
  inference_engines: null,
  inference_notes: null,
  model_version: '20261120_0300',
  model_market: 'live',
  model_refused: null,
  shadow_version: null,
  rollout: null,
  rollout_refused: null,
  feature_schema: 'f',
  policy_hash: 'p',
  lease: null,
  pairs: 2,
  pairs_ready: 2,
  silent_pairs: [],
  expired_pairs: [],
  halted_pairs: [],
  halts: [],
  stops: [],
  halts_refused: null,
  dependencies: [],
  news: null,
  degradations: [],
  late_bars: null,
  suspect_bars: {},
  series: [],
  ...transportsHealth({}),
  bar_stream: 'off',
  bar_stream_refused: null,
  last_bars: { XAUUSD: '2026-11-20T12:34:00.000Z', XAGUSD: '2026-11-20T12:33:00.000Z' },
};

describe('the status line', () => {
  it('shows the last bar, the number of ready pairs, and the active models', () => {
    expect(statusLine(GOOD)).toBe('last bar 2026-11-20 12:34 UTC, 2 of 2 pairs ready, models 20261120_0300');
  });

  it('shows that a daemon waits on a weekend, and since when', () => {
    expect(statusLine({ ...GOOD, silent_pairs: ['A_B', 'A_C'] })).toBe(
      'waiting for bars since 2026-11-20 12:34 UTC, 2 of 2 pairs ready, models 20261120_0300',
    );
  });

  it('shows that a new daemon has neither bars nor models', () => {
    expect(statusLine({ ...GOOD, market: 'simulated', model_version: null, pairs_ready: 0, last_bars: {} })).toBe(
      'simulated market, waiting for the first bars, 0 of 2 pairs ready, no models, mode HALT',
    );
  });

  it('shows the instruments beside the pairs, or alone, and that all of them wait', () => {
    const direction = {
      instruments: 2,
      instruments_ready: 1,
      versions: {},
      inference_engines: {},
      inference_notes: {},
      refused: null,
      missing_sources: [],
    };
    const trained = { ...direction, versions: { '1m': '20261120_0800', '1h': '20261120_0900' } };
    expect(statusLine({ ...GOOD, direction, silent_pairs: ['BTCUSDT', 'ETHUSDT@1h'] })).toBe(
      'last bar 2026-11-20 12:34 UTC, no bars for BTCUSDT ETHUSDT@1h, 2 of 2 pairs ready, models 20261120_0300, ' +
        '1 of 2 instruments ready, no models, mode HALT',
    );
    const alone = { ...GOOD, pairs: 0, pairs_ready: 0, model_version: null, direction: trained };
    const models = '1 of 2 instruments ready, models 20261120_0800 (1m) 20261120_0900 (1h)';
    expect(statusLine(alone)).toBe(`last bar 2026-11-20 12:34 UTC, ${models}`);
    expect(statusLine({ ...alone, silent_pairs: ['BTCUSDT', 'ETHUSDT@1h'] })).toBe(
      `waiting for bars since 2026-11-20 12:34 UTC, ${models}`,
    );
  });

  it('shows the role under a lease', () => {
    const lease = { role: 'standby', fence: null, holder: 'a', server: 'up' } as const;
    expect(statusLine({ ...GOOD, lease })).toMatch(/^standby, last bar /);
  });

  it('names faults', () => {
    const wrong = { ...GOOD, silent_pairs: ['A_B'], halted_pairs: ['A_C'], degradations: ['late_bars', 'file'] };
    expect(statusLine(wrong)).toContain('no bars for A_B');
    expect(statusLine(wrong)).toMatch(/halted: A_C, degraded: late_bars file$/);
    expect(statusLine({ ...GOOD, expired_pairs: ['A_B', 'A_C'] })).toMatch(/, expired: A_B A_C$/);
  });
});
