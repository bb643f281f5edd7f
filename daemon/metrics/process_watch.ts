import { readdir } from 'node:fs/promises';
import {
  constants,
  monitorEventLoopDelay,
  PerformanceObserver,
  type NodeGCPerformanceDetail,
  type PerformanceEntry,
} from 'node:perf_hooks';
import { LatencyHistogram } from './latency.ts';
import type { Sample } from '../../shared/metrics/metric.ts';

/** One sample each; 1 ms costs two per cent of a core, ten times this. */
const DELAY_SAMPLE_MS = 10;
const NS_PER_SECOND = 1e9;
const US_PER_MS = 1000;
const DELAY_QUANTILES = [0.5, 0.99, 1] as const;
const GC_KINDS = new Map<number | undefined, string>([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);
type GarbageCollection = PerformanceEntry & { readonly detail?: NodeGCPerformanceDetail };

/**
 * Watches the event loop and the garbage collector. One per process, however many daemons are in it. prom-client's own
 * process metrics are not used: their files of /proc are read synchronously (0.8 ms per scrape), their garbage
 * collections miss all but the first of a bundle, and their delays of the loop include the sampling interval.
 */
export class ProcessWatch {
  /** Garbage collections by kind. */
  readonly pauses = new LatencyHistogram('kind');
  readonly startSeconds = Math.round(Date.now() / 1000 - process.uptime());
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_SAMPLE_MS });
  readonly #observer = new PerformanceObserver((list) => {
    for (const { detail, duration } of list.getEntries() as GarbageCollection[]) {
      const kind = GC_KINDS.get(detail?.kind);
      if (kind !== undefined) this.pauses.series(kind).observe(duration * US_PER_MS);
    }
  });

  constructor() {
    this.#delay.enable();
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Delays of the event loop since the last call, in seconds, by quantile. */
  takeLoopDelays(): Sample[] {
    const delays = DELAY_QUANTILES.map((quantile): Sample => [`${quantile}`, this.#loopDelaySeconds(quantile)]);
    this.#delay.reset();
    return delays;
  }

  /** Open files and sockets, excluding the one used for counting; null where the system does not report them. */
  async openFiles(): Promise<number | null> {
    try {
      return (await readdir('/proc/self/fd')).length - 1;
    } catch {
      return null;
    }
  }

  close(): void {
    this.#delay.disable();
    this.#observer.disconnect();
  }

  #loopDelaySeconds(quantile: number): number {
    // Node counts from sample to sample. Without one, as right after a scrape, there was no delay to see.
    if (this.#delay.count === 0) return 0;
    const ns = quantile === 1 ? this.#delay.max : this.#delay.percentile(quantile * 100);
    return Math.max(0, ns / NS_PER_SECOND - DELAY_SAMPLE_MS / 1000);
  }
}
