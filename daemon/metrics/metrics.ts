import { setImmediate as loopTurn } from 'node:timers/promises';
import { Counter, Gauge, Registry } from 'prom-client';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';
import type { BatchTiming } from './stopwatch.ts';
import type { Publisher } from '../publish/publish.ts';
import { answersBars, isOverBudget } from './budget.ts';
import { createLatencyHistogram } from './latency.ts';
import { createMinuteRate } from './minute_rate.ts';
import type { ProcessWatch } from './process_watch.ts';
import { createSignalCounter } from './signal_counter.ts';

/** Rendering stops for the next loop turn after this long: what a bar that comes in the middle waits for at most. */
const SLICE_MS = 0.2;
const STATIONS = ['features', 'infer', 'decide', 'publish', 'file', 'shadow', 'journal'] as const;
const TRANSPORTS = ['websocket', 'redis', 'file'] as const satisfies readonly Publisher['name'][];

export interface MetricsSources {
  /** `feed.budget_ms` */
  readonly budgetMs: number;
  readyPairs(): number;
  silentPairs(): number;
  expiredPairs(): number;
  /** How long after their close live bars arrive, while that is too late; else 0. */
  barsLateSeconds(): number;
  haltedPairs(): number;
  connections(): number;
  degradations(): number;
  modelCreatedMs(): number | null;
  /** Which engine serves which model; null without models. */
  engines(): ModelSet['engines'] | null;
  redisMissed(): number;
  /** Entries of minutehand:bars that were removed before they were read. */
  streamLost(): number;
  /** Signal files that a reader blocked and that were tried again. */
  signalFileRetries(): number;
  publishFailures(): Readonly<Record<string, number>>;
  /** By symbol. */
  suspectBars(): ReadonlyMap<string, number>;
  /** Of the daemon's logs, together. */
  logLinesLost(): number;
  nowMs(): number;
}

export interface Metrics {
  /** A minute that came in; called once for each leg, so it only counts. */
  bar(outcome: string): void;
  /** A batch whose signals are out, in the files and journaled. */
  signals(batch: readonly { readonly body: SignalBody }[], timing: BatchTiming): void;
  swap(): void;
  modelRefused(code: string): void;
  /** A set, active or shadow, failed and was released. */
  modelFailed(code: string): void;
  /** What `/metrics` answers. Bars that come while it is made pass. */
  text(): Promise<string>;
  readonly contentType: string;
}

/**
 * What `/metrics` shows, for Prometheus. Observed after the signals are out, never before.
 * @param watch what this process shows of itself beside; null where several daemons share one, as in a simulation
 */
export function createMetrics(sources: MetricsSources, watch: ProcessWatch | null = null): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const signals = createSignalCounter();
  const rate = createMinuteRate();
  const barsByOutcome = new Map<string, { count: number }>();
  let lastSignalMs: number | null = null;

  new Counter({
    name: 'minutehand_bars_total',
    help: 'Minutes that came in, by what became of them.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const [outcome, { count }] of barsByOutcome) this.inc({ outcome }, count);
    },
  });
  new Counter({
    name: 'minutehand_bars_suspect_total',
    help: 'Bars that were held back because they do not fit the recent bars of their symbol.',
    labelNames: ['symbol'],
    registers,
    collect() {
      this.reset();
      for (const [symbol, count] of sources.suspectBars()) this.inc({ symbol }, count);
    },
  });
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const counterByCode = (name: string, help: string): Counter<'code'> =>
    new Counter({ name, help, labelNames: ['code'], registers });
  const swaps = counter('minutehand_model_swaps_total', 'Model sets activated.');
  const refusals = counterByCode('minutehand_models_refused_total', 'Bundles that were refused.');
  const failures = counterByCode('minutehand_model_failures_total', 'Model sets that failed while they served.');
  const overBudget = counter(
    'minutehand_bars_over_budget_total',
    'Bars whose signals took longer than feed.budget_ms.',
  );
  new Counter({
    name: 'minutehand_bar_stream_lost_total',
    help: 'Entries that were removed from the stream minutehand:bars before they were read.',
    registers,
    collect() {
      this.reset();
      this.inc(sources.streamLost());
    },
  });
  new Counter({
    name: 'minutehand_log_lines_lost_total',
    help: 'Log lines that could not be written.',
    registers,
    collect() {
      this.reset();
      this.inc(sources.logLinesLost());
    },
  });

  new Counter({
    name: 'minutehand_signal_file_retries_total',
    help: 'Times a signal file was tried again because another program had it open.',
    registers,
    collect() {
      this.reset();
      this.inc(sources.signalFileRetries());
    },
  });

  const inferences = createLatencyHistogram(
    'minutehand_inference_latency_seconds',
    'Time of the three models for one batch.',
  );
  const inference = inferences.series('');
  const byStation = createLatencyHistogram('minutehand_station_seconds', 'Time of one batch in a station.', 'station');
  const stations = STATIONS.map((name) => ({ us: `${name}_us` as const, time: byStation.series(name) }));
  const byTransport = createLatencyHistogram(
    'minutehand_bar_to_signal_seconds',
    'From the first completing bar of a batch until a transport had been handed all signals.',
    'transport',
  );
  const transports = TRANSPORTS.map((name) => ({ name, time: byTransport.series(name) }));

  const gauge = (name: string, help: string, read: () => number | null): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const value = read();
        if (value === null) this.remove();
        else this.set(value);
      },
    });
  };
  const { nowMs } = sources;
  gauge('minutehand_signals_per_minute', 'Signals published in the last minute.', () => rate.perMinute(nowMs()));
  gauge('minutehand_pairs_ready', 'Pairs whose features are warm.', sources.readyPairs);
  gauge('minutehand_pairs_silent', 'Pairs whose bars stay away.', sources.silentPairs);
  gauge('minutehand_pairs_expired', 'Warm pairs without a valid signal.', sources.expiredPairs);
  gauge(
    'minutehand_bars_late_seconds',
    'How long after their close live bars arrive, while signals on them are expired at publication; 0 otherwise.',
    sources.barsLateSeconds,
  );
  gauge('minutehand_pairs_halted', 'Pairs that a live KPI keeps from entering.', sources.haltedPairs);
  gauge('minutehand_websocket_connections', 'Open WebSocket connections.', sources.connections);
  gauge('minutehand_degradations', 'Things that are wrong while signals go on.', sources.degradations);
  gauge('minutehand_redis_missed_signals', 'Signals that did not reach Redis.', sources.redisMissed);
  gauge('minutehand_model_age_seconds', 'Age of the active models.', () =>
    ageSeconds(sources.modelCreatedMs(), nowMs()),
  );
  gauge('minutehand_signal_age_seconds', 'Time since the last signal.', () => ageSeconds(lastSignalMs, nowMs()));
  new Gauge({
    name: 'minutehand_publish_failures',
    help: 'Failed attempts to publish since the start.',
    labelNames: ['publisher'],
    registers,
    collect() {
      for (const [publisher, count] of Object.entries(sources.publishFailures())) this.set({ publisher }, count);
    },
  });
  new Gauge({
    name: 'minutehand_inference_engine_info',
    help: 'Which engine serves which model.',
    labelNames: ['model', 'engine'],
    registers,
    collect() {
      this.reset();
      for (const [model, engine] of Object.entries(sources.engines() ?? {})) this.set({ model, engine }, 1);
    },
  });

  async function render(): Promise<string> {
    const parts: string[] = [];
    let sliceEndMs = performance.now() + SLICE_MS;
    const breathe = async (): Promise<void> => {
      if (performance.now() < sliceEndMs) return;
      await loopTurn();
      sliceEndMs = performance.now() + SLICE_MS;
    };
    for (const each of watch === null ? [registry] : [registry, watch.registry]) {
      for (const { name } of each.getMetricsAsArray()) {
        parts.push(`${await each.getSingleMetricAsString(name)}\n`);
        await breathe();
      }
    }
    for (const { text } of [inferences, byStation, byTransport, ...(watch === null ? [] : [watch.pauses])]) {
      parts.push(text());
      await breathe();
    }
    for (const piece of signals.pieces()) {
      parts.push(piece);
      await breathe();
    }
    return parts.join('');
  }

  let rendering: Promise<string> | null = null;
  return {
    bar(outcome) {
      const counted = barsByOutcome.get(outcome);
      if (counted === undefined) barsByOutcome.set(outcome, { count: 1 });
      else counted.count++;
    },
    signals(batch, timing) {
      lastSignalMs = nowMs();
      rate.add(batch.length, lastSignalMs);
      for (const { body } of batch) signals.add(body);
      for (const each of stations) {
        const us = timing[each.us];
        // Without a shadow set this station takes no time at all, and is none.
        if (us >= 1 || each.us !== 'shadow_us') each.time.observe(us);
      }
      inference.observe(timing.infer_us);
      if (!answersBars(batch)) return;
      for (const each of transports) {
        const us = timing.bar_to_us[each.name];
        if (us !== null) each.time.observe(us);
      }
      if (isOverBudget(batch, timing, sources.budgetMs)) overBudget.inc();
    },
    swap: () => swaps.inc(),
    modelRefused: (code) => refusals.inc({ code }),
    modelFailed: (code) => failures.inc({ code }),
    text: () => (rendering ??= render().finally(() => (rendering = null))),
    contentType: registry.contentType,
  };
}

function ageSeconds(sinceMs: number | null, nowMs: number): number | null {
  return sinceMs === null ? null : (nowMs - sinceMs) / 1000;
}
