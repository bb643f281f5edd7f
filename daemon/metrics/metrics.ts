import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { BatchTiming } from '../pipeline.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';

const US_PER_SECOND = 1e6;
/** From 10 µs to the 200 ms that are promised to the EA, and beyond. */
const LATENCY_BUCKETS_SECONDS = [
  1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1,
];

export interface MetricsSources {
  readyPairs(): number;
  connections(): number;
  degradations(): number;
  modelCreatedMs(): number | null;
  redisMissed(): number;
  publishFailures(): Readonly<Record<string, number>>;
  nowMs(): number;
}

export interface Metrics {
  bar(outcome: string): void;
  signals(batch: readonly { body: SignalBody }[], timing: BatchTiming): void;
  swap(): void;
  modelRefused(code: string): void;
  text(): Promise<string>;
  readonly contentType: string;
}

/** What `/metrics` shows, for Prometheus. Observed after the signals are out, never before. */
export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'minutehand_' });
  const registers = [registry];
  const bars = new Counter({
    name: 'minutehand_bars_total',
    help: 'Minutes that came in, by what became of them.',
    labelNames: ['outcome'],
    registers,
  });
  const signals = new Counter({
    name: 'minutehand_signals_total',
    help: 'Signals published.',
    labelNames: ['pair_id', 'action', 'reason', 'mode'],
    registers,
  });
  const swaps = new Counter({ name: 'minutehand_model_swaps_total', help: 'Model sets put in force.', registers });
  const refusals = new Counter({
    name: 'minutehand_models_refused_total',
    help: 'Bundles that were refused.',
    labelNames: ['code'],
    registers,
  });
  const station = new Histogram({
    name: 'minutehand_station_seconds',
    help: 'Time of one batch in each station.',
    labelNames: ['station'],
    buckets: LATENCY_BUCKETS_SECONDS,
    registers,
  });
  const inference = new Histogram({
    name: 'minutehand_inference_latency_seconds',
    help: 'Time of the three models for one batch.',
    buckets: LATENCY_BUCKETS_SECONDS,
    registers,
  });
  const barToSignal = new Histogram({
    name: 'minutehand_bar_to_signal_seconds',
    help: 'From the completing bar until WebSocket and Redis have the signals.',
    buckets: LATENCY_BUCKETS_SECONDS,
    registers,
  });
  const gauge = (name: string, help: string, read: () => number | null): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const value = read();
        if (value !== null) this.set(value);
      },
    });
  };
  let lastSignalMs: number | null = null;
  gauge('minutehand_pairs_ready', 'Pairs whose features are warm.', sources.readyPairs);
  gauge('minutehand_websocket_connections', 'Open WebSocket connections.', sources.connections);
  gauge('minutehand_degradations', 'Things that are wrong while signals go on.', sources.degradations);
  gauge('minutehand_redis_missed_signals', 'Signals that did not reach Redis.', sources.redisMissed);
  gauge('minutehand_model_age_seconds', 'Age of the models in force.', () =>
    ageSeconds(sources.modelCreatedMs(), sources.nowMs()),
  );
  gauge('minutehand_signal_age_seconds', 'Time since the last signal.', () =>
    ageSeconds(lastSignalMs, sources.nowMs()),
  );
  new Gauge({
    name: 'minutehand_publish_failures',
    help: 'Failed attempts to publish since the start.',
    labelNames: ['publisher'],
    registers,
    collect() {
      for (const [publisher, failures] of Object.entries(sources.publishFailures())) this.set({ publisher }, failures);
    },
  });

  return {
    bar: (outcome) => bars.inc({ outcome }),
    signals(batch, timing) {
      lastSignalMs = sources.nowMs();
      for (const { body } of batch)
        signals.inc({ pair_id: body.pair_id, action: body.action, reason: body.reason, mode: body.mode });
      for (const name of ['features', 'infer', 'decide', 'publish', 'file', 'journal'] as const) {
        station.observe({ station: name }, timing[`${name}_us`] / US_PER_SECOND);
      }
      inference.observe(timing.infer_us / US_PER_SECOND);
      barToSignal.observe(timing.bar_to_signal_us / US_PER_SECOND);
    },
    swap: () => swaps.inc(),
    modelRefused: (code) => refusals.inc({ code }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function ageSeconds(sinceMs: number | null, nowMs: number): number | null {
  return sinceMs === null ? null : (nowMs - sinceMs) / 1000;
}
