import { readdir } from 'node:fs/promises';
import {
  constants,
  monitorEventLoopDelay,
  type IntervalHistogram,
  PerformanceObserver,
  type NodeGCPerformanceDetail,
  type PerformanceEntry,
} from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import { createLatencyHistogram, type LatencyHistogram } from './latency.ts';

/** One sample each; 1 ms costs two per cent of a core, ten times this. */
const DELAY_SAMPLE_MS = 10;
const NS_PER_SECOND = 1e9;
const US_PER_SECOND = 1e6;
const US_PER_MS = 1000;
const DELAY_QUANTILES = [0.5, 0.99, 1] as const;
const GC_KINDS = new Map<number | undefined, string>([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

type GarbageCollection = PerformanceEntry & { readonly detail?: NodeGCPerformanceDetail };

/** What this process costs and what holds it up. One per process, however many daemons are in it. */
export interface ProcessWatch {
  readonly registry: Registry;
  /** Garbage collections. */
  readonly pauses: LatencyHistogram;
  close(): void;
}

/**
 * Begins to watch the event loop and the garbage collector. prom-client's own process metrics are not used: their files of /proc are read
 * synchronously (0.8 ms per scrape), their garbage collections miss all but the first of a bundle, and their delays of the loop
 * include the sampling interval.
 */
export function watchProcess(): ProcessWatch {
  const registry = new Registry();
  addProcessMetrics(registry);
  const delay = addLoopDelay(registry);
  const pauses = createLatencyHistogram(
    'minutehand_gc_pause_seconds',
    'Pauses of the garbage collector, by kind.',
    'kind',
  );
  const observer = new PerformanceObserver((list) => {
    for (const { detail, duration } of list.getEntries() as GarbageCollection[]) {
      const kind = GC_KINDS.get(detail?.kind);
      if (kind !== undefined) pauses.series(kind).observe(duration * US_PER_MS);
    }
  });
  observer.observe({ entryTypes: ['gc'] });

  return {
    registry,
    pauses,
    close() {
      delay.disable();
      observer.disconnect();
    },
  };
}

function addProcessMetrics(registry: Registry): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | null | Promise<number | null>): void => {
    new Gauge({
      name: `minutehand_${name}`,
      help,
      registers,
      async collect() {
        const value = await read();
        if (value === null) this.remove();
        else this.set(value);
      },
    });
  };
  const cpu = (name: string, help: string, read: (usage: NodeJS.CpuUsage) => number): void => {
    new Counter({
      name: `minutehand_process_cpu_${name}seconds_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read(process.cpuUsage()) / US_PER_SECOND);
      },
    });
  };
  const version = new Gauge({
    name: 'minutehand_nodejs_version_info',
    help: 'Version of Node.js.',
    labelNames: ['version'],
    registers,
  });
  version.set({ version: process.version }, 1);
  cpu('user_', 'CPU time spent in user code.', ({ user }) => user);
  cpu('system_', 'CPU time spent in the system.', ({ system }) => system);
  cpu('', 'CPU time spent.', ({ user, system }) => user + system);
  const startSeconds = Math.round(Date.now() / 1000 - process.uptime());
  gauge('process_start_time_seconds', 'When the process began, in seconds since 1970.', () => startSeconds);
  gauge('process_resident_memory_bytes', 'Memory that is resident.', () => process.memoryUsage.rss());
  gauge('process_open_fds', 'Open files and sockets.', openFiles);
  gauge('nodejs_heap_size_total_bytes', 'Size of the JavaScript heap.', () => process.memoryUsage().heapTotal);
  gauge('nodejs_heap_size_used_bytes', 'Part of it that is in use.', () => process.memoryUsage().heapUsed);
  gauge('nodejs_external_memory_bytes', 'Memory outside the heap that belongs to objects in it.', () => {
    return process.memoryUsage().external;
  });
}

function addLoopDelay(registry: Registry): IntervalHistogram {
  const delay = monitorEventLoopDelay({ resolution: DELAY_SAMPLE_MS });
  delay.enable();
  new Gauge({
    name: 'minutehand_event_loop_delay_seconds',
    help: 'How late the event loop came to its work since the last scrape; quantile 1 is the longest delay.',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      for (const quantile of DELAY_QUANTILES) {
        // Node counts from sample to sample. Without one, as right after a scrape, there was no delay to see.
        const ns = delay.count === 0 ? 0 : quantile === 1 ? delay.max : delay.percentile(quantile * 100);
        this.set({ quantile }, Math.max(0, ns / NS_PER_SECOND - DELAY_SAMPLE_MS / 1000));
      }
      delay.reset();
    },
  });
  return delay;
}

/** Without the one that looks. Only Linux says. */
async function openFiles(): Promise<number | null> {
  try {
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return null;
  }
}
