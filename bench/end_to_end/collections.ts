import { constants, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import type { CollectedMemory, DaemonMemory, Pause } from './field.ts';
import { instantNs } from './instant.ts';

interface Collection extends PerformanceEntry {
  readonly detail: { readonly flags: number; readonly kind: number };
}

const KINDS: Readonly<Record<number, Pause['kind']>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weak',
};

export function memoryNow(): DaemonMemory {
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed, external };
}

/** Watches the garbage collections of this process. */
export function watchCollections(): { takePauses(): Pause[]; collect(): CollectedMemory } {
  const pauses: Pause[] = [];
  const forced = constants.NODE_PERFORMANCE_GC_FLAGS_FORCED;
  new PerformanceObserver((list) => {
    const originNs = instantNs() - 1e6 * performance.now();
    for (const { startTime, duration, detail } of list.getEntries() as Collection[])
      // The daemon forces minor ones, this watch major ones.
      if ((detail.flags & forced) === 0 || KINDS[detail.kind] === 'minor')
        pauses.push({
          kind: KINDS[detail.kind] ?? 'major',
          atNs: originNs + 1e6 * startTime,
          us: 1000 * duration,
        });
  }).observe({ entryTypes: ['gc'] });
  /** Those since the last call. */
  const takePauses = (): Pause[] => pauses.splice(0);
  let oldAfter = oldBytes();
  return {
    takePauses,
    /** Forces a major collection. */
    collect() {
      const promoted = Math.max(0, oldBytes() - oldAfter);
      globalThis.gc!();
      oldAfter = oldBytes();
      return { ...memoryNow(), promoted, pauses: takePauses() };
    },
  };
}

function oldBytes(): number {
  return getHeapSpaceStatistics()
    .filter(({ space_name }) => /^(old|large_object)_space$/.test(space_name))
    .reduce((sum, { space_used_size }) => sum + space_used_size, 0);
}
