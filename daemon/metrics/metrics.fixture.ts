import type { EpochMs } from '../../shared/bar.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';
import type { LoggedSignal } from '../log/log.ts';
import { byTransport } from '../publish/transports.ts';
import type { BatchTiming } from '../publish/stopwatch.ts';
import type { MetricsSource } from './metrics.ts';
import { Exposition } from './exposition.ts';
import { Observed } from './observed.ts';
import type { ProcessWatch } from './process_watch.ts';

export const NOW_MS = Date.parse('2025-10-14T12:35:01Z');

/** A daemon to which nothing happens. */
const QUIET: Omit<MetricsSource, 'observed'> = {
  clock: { nowMs: () => NOW_MS as EpochMs },
  status: {
    models: null,
    rollout: null,
    policyHash: 'p',
    stopsForNews: false,
    degradations: new Set(),
    isDegraded: () => false,
    lastTimes: new Map(),
    suspectBars: new Map(),
    series: [],
    silentPairs: [],
    expiredPairs: [],
    haltedPairs: [],
    rules: {},
    directions: {},
    directionEngines: {},
    directionEngineNotes: {},
    sources: [],
    readyInstruments: 0,
    withheld: 0,
    readyPairs: 0,
  },
  publishers: { all: [], links: {} },
  lateBars: () => null,
  lease: () => null,
  streamLost: () => 0,
  dependencies: () => [['journal_file', true]],
  dryRuns: () => 0,
  server: { connections: 0 },
  logs: { lost: () => 0 },
};

export type SourceChanges = Partial<Omit<MetricsSource, 'status' | 'observed'>> & {
  readonly status?: Partial<MetricsSource['status']>;
};

/** Metrics of an idle daemon, except for `changes`. */
export function openMetrics(
  { status = {}, ...changes }: SourceChanges = {},
  watch: ProcessWatch | null = null,
): { readonly observed: Observed; readonly exposition: Exposition } {
  const quiet = { ...QUIET, ...changes };
  const observed = new Observed(200, quiet.clock);
  // Getters stay getters: each scrape reads them.
  const changedStatus = Object.defineProperties({ ...QUIET.status }, Object.getOwnPropertyDescriptors(status));
  return { observed, exposition: new Exposition({ ...quiet, observed, status: changedStatus }, watch) };
}

/** The signals of one bar, HOLD NO_EDGE each unless `changes` override it. */
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
      expected_net_bps: 0.5,
      leverage_reduction_rate: 1,
      ...changes,
    },
  }));
}

type Times = BatchTiming['bar_to_us'];

/** A bar without a fault. A transport that `bar_to_us` does not name is not used. */
export function timingOf({
  bar_to_us = { websocket: 120, redis: 140, file: 750 },
  ...changes
}: Partial<Omit<BatchTiming, 'bar_to_us'>> & { readonly bar_to_us?: Partial<Times> }): BatchTiming {
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
    bar_to_us: { ...byTransport(() => null), ...bar_to_us },
    ...changes,
  };
}
