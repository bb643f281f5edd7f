import { getHeapStatistics } from 'node:v8';
import type { DependencyWatch } from '../../shared/dependencies/watch.ts';
import type { Clock } from '../../shared/ports.ts';
import type { LateBars } from '../feed/arrival.ts';
import type { LeaseHealth } from '../lease/lease_keeper.ts';
import type { PipelineStatus } from '../status/pipeline_status.ts';
import type { Publishers } from '../publish/publishers.ts';
import { REMOTE_TRANSPORTS, TRANSPORT_NAMES } from '../publish/transports.ts';
import type { Metric } from '../../shared/metrics/metric.ts';
import { NoveltyHistogram } from './novelty_histogram.ts';
import type { Observed } from './observed.ts';
import type { ProcessWatch } from './process_watch.ts';
import { SignalCounter } from './signal_counter.ts';
import { STATIONS } from '../publish/stopwatch.ts';

/** Inputs of the metrics of a daemon. */
export interface MetricsSource {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly observed: Observed;
  readonly status: Pick<PipelineStatus, keyof PipelineStatus>;
  readonly publishers: Pick<Publishers, 'all' | 'links'>;
  /** null while live bars come in time. */
  lateBars(): LateBars | null;
  /** Of the lease across machines; null = none is configured. */
  lease(): LeaseHealth | null;
  /** Entries of minutehand:bars that were removed before they were read. */
  streamLost(): number;
  readonly server: { readonly connections: number };
  /** Signals of dry runs, which go nowhere. */
  dryRuns(): number;
  /** Each checked dependency and whether it is well. */
  dependencies(): DependencyWatch['states'];
  /** Of the daemon's logs, together. */
  readonly logs: { lost(): number };
}

const US_PER_SECOND = 1e6;

/** Every metric of a daemon. */
export const DAEMON_METRICS: readonly Metric<MetricsSource>[] = [
  {
    name: 'minutehand_bar_to_signal_seconds',
    type: 'histogram',
    labels: ['transport'],
    help: `From the first completing bar of a batch until a transport (${TRANSPORT_NAMES.join(', ')}) had all signals.`,
    read: ({ observed }) => observed.transports,
  },
  {
    name: 'minutehand_inference_latency_seconds',
    type: 'histogram',
    help: 'Time of the three models for one batch.',
    read: ({ observed }) => observed.inference,
  },
  {
    name: 'inference_latency',
    type: 'histogram',
    help: 'Alias of minutehand_inference_latency_seconds.',
    read: ({ observed }) => observed.inference,
  },
  {
    name: 'minutehand_station_seconds',
    type: 'histogram',
    labels: ['station'],
    help: `Time of one batch in a station (${STATIONS.join(', ')}).`,
    read: ({ observed }) => observed.stations,
  },
  {
    name: 'minutehand_dry_runs_total',
    type: 'counter',
    help: 'Unpublished signals that kept caches warm.',
    read: ({ dryRuns }) => dryRuns(),
  },
  {
    name: 'minutehand_bars_over_budget_total',
    type: 'counter',
    help: 'Bars whose slowest transport took longer than feed.budget_ms.',
    read: ({ observed }) => observed.barsOverBudget,
  },
  {
    name: 'minutehand_bars_total',
    type: 'counter',
    labels: ['outcome'],
    help: 'Minutes received, by outcome or error code.',
    read: ({ observed }) => observed.bars,
  },
  {
    name: 'minutehand_series_total',
    type: 'counter',
    labels: ['outcome'],
    help: 'Observations of auxiliary series, by outcome or error code.',
    read: ({ observed }) => observed.series,
  },
  {
    name: 'minutehand_series_age_seconds',
    type: 'gauge',
    labels: ['symbol', 'series'],
    help: 'Age of the latest event of a series.',
    read: ({ status }) =>
      status.series.map(({ symbol, series, age_seconds }) => [[symbol, series], age_seconds] as const),
  },
  {
    name: 'minutehand_bars_suspect_total',
    type: 'counter',
    labels: ['symbol'],
    help: 'Bars held back.',
    read: ({ status }) => {
      const counts = status.suspectBars;
      const symbols = new Set([...status.lastTimes.keys(), ...counts.keys()]);
      return [...symbols].map((symbol) => [symbol, counts.get(symbol) ?? 0] as const);
    },
  },
  {
    name: 'minutehand_bars_late_seconds',
    type: 'gauge',
    help: 'Delay of live bars while it makes signals expire; else 0.',
    read: ({ lateBars }) => lateBars()?.late_seconds ?? 0,
  },
  {
    name: 'minutehand_lease_held',
    type: 'gauge',
    help: '1 while this daemon may publish, 0 as a standby.',
    read: ({ lease }) => (lease()?.role === 'standby' ? 0 : 1),
  },
  {
    name: 'minutehand_lease_fence',
    type: 'gauge',
    help: 'Fence of the signals; 0 as a standby and without a lease.',
    read: ({ lease }) => lease()?.fence ?? 0,
  },
  {
    name: 'minutehand_signals_withheld_total',
    type: 'counter',
    help: 'Signals of a standby, not published.',
    read: ({ status }) => status.withheld,
  },
  {
    name: 'minutehand_bar_stream_lost_total',
    type: 'counter',
    help: 'Entries of minutehand:bars removed unread.',
    read: ({ streamLost }) => streamLost(),
  },
  {
    name: 'minutehand_signals_total',
    type: 'counter',
    labels: SignalCounter.LABELS,
    help: 'Signals published, heartbeats included.',
    read: ({ observed }) => observed.signals,
  },
  {
    name: 'minutehand_signal_novelty',
    type: 'histogram',
    labels: NoveltyHistogram.LABELS,
    shownUpTo: 0.01,
    help: 'Novelty of the candidates of entries, of pairs (`pair`) and of instruments (`instrument`): of the training rows, a share of 0.01 is below 0.01. Without a bundle that describes its rows there is none.',
    read: ({ observed }) => observed.novelty,
  },
  {
    name: 'minutehand_signals_per_minute',
    type: 'gauge',
    help: 'Signals published in the last minute.',
    read: ({ observed, clock }) => observed.rate.perMinute(clock.nowMs()),
  },
  {
    name: 'signals_per_min',
    type: 'gauge',
    help: 'Alias of minutehand_signals_per_minute.',
    read: ({ observed, clock }) => observed.rate.perMinute(clock.nowMs()),
  },
  {
    name: 'minutehand_signal_age_seconds',
    type: 'gauge',
    help: 'Time since the last signal; absent before the first.',
    read: ({ observed, clock }) => ageSeconds(observed.lastSignalMs, clock.nowMs()),
  },
  {
    name: 'minutehand_pairs_ready',
    type: 'gauge',
    help: 'Pairs whose features are warm.',
    read: ({ status }) => status.readyPairs,
  },
  {
    name: 'minutehand_pairs_silent',
    type: 'gauge',
    help: 'Pairs without bars.',
    read: ({ status }) => status.silentPairs.length,
  },
  {
    name: 'minutehand_pairs_expired',
    type: 'gauge',
    help: 'Warm pairs without a valid signal.',
    read: ({ status }) => status.expiredPairs.length,
  },
  {
    name: 'minutehand_pairs_halted',
    type: 'gauge',
    help: 'Pairs halted by a live KPI.',
    read: ({ status }) => status.haltedPairs.length,
  },
  {
    name: 'minutehand_degradations',
    type: 'gauge',
    help: 'Active degradations.',
    read: ({ status }) => status.degradations.size,
  },
  {
    name: 'minutehand_dependency_up',
    type: 'gauge',
    labels: ['dependency'],
    help: '1 while a checked dependency is well, else 0.',
    read: ({ dependencies }) => dependencies().map(([name, isWell]) => [name, isWell ? 1 : 0] as const),
  },
  {
    name: 'minutehand_inference_engine_info',
    type: 'gauge',
    labels: ['model', 'engine'],
    help: '1 for the engine that serves the model; direction models by timeframe, such as direction_1h.',
    read: ({ status }) => [
      ...Object.entries(status.models?.engines ?? {}).map((labels) => [labels, 1] as const),
      ...Object.entries(status.directionEngines).map(
        ([timeframe, engine]) => [[`direction_${timeframe}`, engine], 1] as const,
      ),
    ],
  },
  {
    name: 'minutehand_model_age_seconds',
    type: 'gauge',
    help: 'Time since the active models were trained; absent without models.',
    read: ({ status: { models }, clock }) =>
      ageSeconds(models === null ? null : Date.parse(models.manifest.created), clock.nowMs()),
  },
  {
    name: 'minutehand_model_swaps_total',
    type: 'counter',
    help: 'Activations of a model set.',
    read: ({ observed }) => observed.swaps,
  },
  {
    name: 'minutehand_models_refused_total',
    type: 'counter',
    labels: ['code'],
    help: 'Bundles refused.',
    read: ({ observed }) => observed.refusals,
  },
  {
    name: 'minutehand_model_failures_total',
    type: 'counter',
    labels: ['code'],
    help: 'Failures of model sets, slowness included.',
    read: ({ observed }) => observed.failures,
  },
  {
    name: 'minutehand_publish_failures_total',
    type: 'counter',
    labels: ['publisher'],
    help: 'Failed attempts to publish.',
    read: ({ publishers }) => publishers.all.map(({ name, failures }) => [name, failures]),
  },
  ...REMOTE_TRANSPORTS.flatMap(({ name, label }): Metric<MetricsSource>[] => [
    {
      name: `minutehand_${name}_missed_signals_total`,
      type: 'counter',
      help: `Signals that ${label} did not take.`,
      read: ({ publishers }) => publishers.links[name]?.missed ?? 0,
    },
    {
      name: `minutehand_${name}_resent_signals_total`,
      type: 'counter',
      help: `Signals that ${label} got later.`,
      read: ({ publishers }) => publishers.links[name]?.resent ?? 0,
    },
  ]),
  {
    name: 'minutehand_signal_file_retries_total',
    type: 'counter',
    help: 'Retries of signal files that were in use.',
    read: ({ publishers }) => publishers.all.reduce((sum, { retries = 0 }) => sum + retries, 0),
  },
  {
    name: 'minutehand_websocket_connections',
    type: 'gauge',
    help: 'Open WebSocket connections.',
    read: ({ server }) => server.connections,
  },
  {
    name: 'minutehand_log_lines_lost_total',
    type: 'counter',
    help: 'Lost log lines.',
    read: ({ logs }) => logs.lost(),
  },
];

/** Every metric of the process that a daemon runs in. */
export const PROCESS_METRICS: readonly Metric<ProcessWatch>[] = [
  {
    name: 'minutehand_event_loop_delay_seconds',
    type: 'summary',
    labels: ['quantile'],
    help: 'Event loop delay since the last scrape; quantile 1 is the maximum.',
    read: (watch) => watch.takeLoopDelays(),
  },
  {
    name: 'minutehand_gc_pause_seconds',
    type: 'histogram',
    labels: ['kind'],
    help: 'Pauses of the garbage collector.',
    read: ({ pauses }) => pauses,
  },
  {
    name: 'minutehand_nodejs_version_info',
    type: 'gauge',
    labels: ['version'],
    help: 'Version of Node.js.',
    read: () => [[process.version, 1]],
  },
  {
    name: 'minutehand_process_cpu_user_seconds_total',
    type: 'counter',
    help: 'CPU time in user code.',
    read: () => process.cpuUsage().user / US_PER_SECOND,
  },
  {
    name: 'minutehand_process_cpu_system_seconds_total',
    type: 'counter',
    help: 'CPU time in the system.',
    read: () => process.cpuUsage().system / US_PER_SECOND,
  },
  {
    name: 'minutehand_process_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time.',
    read: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / US_PER_SECOND;
    },
  },
  {
    name: 'minutehand_process_start_time_seconds',
    type: 'gauge',
    help: 'Start of the process, epoch seconds.',
    read: ({ startSeconds }) => startSeconds,
  },
  {
    name: 'minutehand_process_resident_memory_bytes',
    type: 'gauge',
    help: 'Resident memory.',
    read: residentBytes,
  },
  {
    name: 'minutehand_process_open_fds',
    type: 'gauge',
    help: 'Open files and sockets (Linux).',
    read: (watch) => watch.openFiles(),
  },
  {
    name: 'minutehand_nodejs_heap_size_total_bytes',
    type: 'gauge',
    help: 'JavaScript heap size.',
    read: () => getHeapStatistics().total_heap_size,
  },
  {
    name: 'minutehand_nodejs_heap_size_used_bytes',
    type: 'gauge',
    help: 'Used JavaScript heap.',
    read: () => getHeapStatistics().used_heap_size,
  },
  {
    name: 'minutehand_nodejs_external_memory_bytes',
    type: 'gauge',
    help: 'JavaScript memory outside the heap.',
    read: () => getHeapStatistics().external_memory,
  },
];

/** null where it cannot be read: it is in a file, for which no descriptor may be left. */
function residentBytes(): number | null {
  try {
    return process.memoryUsage.rss();
  } catch {
    return null;
  }
}

function ageSeconds(sinceMs: number | null, nowMs: number): number | null {
  return sinceMs === null ? null : (nowMs - sinceMs) / 1000;
}
