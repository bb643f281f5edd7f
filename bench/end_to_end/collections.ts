import { constants, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import type { CollectedMemory, DaemonMemory } from './field.ts';

interface Collection extends PerformanceEntry {
  readonly detail: { readonly flags: number };
}

export function memoryNow(): DaemonMemory {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed, external };
}

/** Watches the garbage collections of this process. */
export function watchCollections(): { collect(): CollectedMemory } {
  let pausesUs: number[] = [];
  const forced = constants.NODE_PERFORMANCE_GC_FLAGS_FORCED;
  new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries() as Collection[])
      if ((detail.flags & forced) === 0) pausesUs.push(1000 * duration);
  }).observe({ entryTypes: ['gc'] });
  let oldAfter = oldBytes();
  return {
    /** Forces a major collection. */
    collect() {
      const promoted = Math.max(0, oldBytes() - oldAfter);
      globalThis.gc!();
      oldAfter = oldBytes();
      const pauses = pausesUs;
      pausesUs = [];
      return { ...memoryNow(), promoted, pauses };
    },
  };
}

function oldBytes(): number {
  return getHeapSpaceStatistics()
    .filter(({ space_name }) => /^(old|large_object)_space$/.test(space_name))
    .reduce((sum, { space_used_size }) => sum + space_used_size, 0);
}
