import type { SignalBody } from '../../shared/signal/signal.ts';
import type { LoggedSignal } from '../log/log.ts';
import type { BatchTiming } from './stopwatch.ts';
import type { MetricsSources } from './metrics.ts';

export const NOW_MS = Date.parse('2025-10-14T12:35:01Z');

/** A daemon to which nothing happens. */
export const QUIET_SOURCES: MetricsSources = {
  budgetMs: 200,
  readyPairs: () => 0,
  haltedPairs: () => 0,
  silentPairs: () => 0,
  expiredPairs: () => 0,
  barsLateSeconds: () => 0,
  connections: () => 0,
  degradations: () => 0,
  modelCreatedMs: () => null,
  engines: () => null,
  redisMissed: () => 0,
  streamLost: () => 0,
  signalFileRetries: () => 0,
  suspectBars: () => new Map(),
  publishFailures: () => ({}),
  logLinesLost: () => 0,
  nowMs: () => NOW_MS,
};

/** The signals of one bar, HOLD NO_EDGE each unless `changes` say otherwise. */
export function batchOf(pairs: number, changes: Partial<SignalBody> = {}, seq = 1): LoggedSignal[] {
  return Array.from({ length: pairs }, (_, index) => ({
    seq,
    body: {
      timestamp: '2025-10-14T12:35:00Z',
      pair: `A${index}/B${index}`,
      z_score: 1.5,
      return_prob: 0.4 + index / 1e5,
      risk_score: 0.2,
      entry: '',
      confidence: 0.32,
      risk_flag: 0,
      theta1: 0.7,
      theta2: 0.3,
      position_scale: 0.9,
      action: 'HOLD',
      reason: 'NO_EDGE',
      target: 0,
      position_id: '',
      max_age_bars: 60,
      beta: 0.8,
      price_a: 2000,
      price_b: 20,
      pair_id: `A${index}_B${index}`,
      signal_id: index.toString(16).padStart(32, '0'),
      model_version: '20251014_0300',
      feature_schema: '0ea560cb128a6bb7',
      policy_hash: '53c31af6e3e2c10c',
      mode: 'OK',
      ...changes,
    },
  }));
}

/** A bar that went well. */
export function timingOf(changes: Partial<BatchTiming>): BatchTiming {
  return {
    signals: 10,
    features_us: 20,
    infer_us: 30,
    decide_us: 40,
    publish_us: 50,
    file_us: 600,
    shadow_us: 0.05,
    journal_us: 70,
    bar_to_signal_us: 140,
    bar_to_us: { websocket: 120, redis: 140, file: 750 },
    ...changes,
  };
}
