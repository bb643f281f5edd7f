import type { Settings } from '../../shared/policy/policy.ts';
import { benchModels } from '../models.ts';
import { percentiles, type Percentiles } from '../percentiles.ts';
import { slopeRange, type Point, type SlopeRange } from '../slope.ts';
import { openField, type CollectedMemory, type Field, type Latencies, type Transport } from './field.ts';
import { createPace } from './pace.ts';
import { createMemoryTrend, type MemoryTrend } from './weather.ts';

const WARM_UP_MINUTES = 200;
/** Heap samples, each after a forced major collection, at equal intervals. */
const COLLECTIONS = 24;
/** Compiled code grows the heap until warm-up ends. */
const SETTLING_SHARE = 1 / 3;
/** Leak limit: 50 MB in a year of minutes. */
const LEFT_BYTES_PER_MINUTE_MAX = 100;
/** Above this, what a bar allocates survives young collections; its texts alone are 20 kB. */
const PROMOTED_BYTES_PER_MINUTE_MAX = 4096;

/** Heap usage over the run. */
export interface HeapTrend {
  readonly collections: number;
  /** JavaScript heap and external memory after a major collection, first and last measured sample. */
  readonly first_left_mb: number;
  readonly last_left_mb: number;
  readonly left_bytes_per_minute: SlopeRange;
  /** Bytes promoted to the old generation: median over the intervals between measured collections. */
  readonly promoted_bytes_per_minute: number;
  /** Microseconds of unforced collections; null without any. */
  readonly pauses: Percentiles | null;
}

export interface SoakResult {
  readonly pairs: number;
  readonly pace_ms: number;
  readonly duration_ms: number;
  readonly minutes: number;
  readonly memory: MemoryTrend;
  readonly heap: HeapTrend;
  /** Microseconds, in the first and the last wall-clock minute. */
  readonly transports: Readonly<
    Partial<Record<Transport, { readonly first: Percentiles; readonly last: Percentiles; readonly all: Percentiles }>>
  >;
}

export interface SoakOptions {
  readonly pairs: number;
  readonly durationMs: number;
  readonly paceMs: number;
  readonly print: (line: string) => void;
  /** Models and configuration; those of the bench unless given. */
  readonly bundles?: readonly string[];
  readonly settings?: Settings;
}

/** Why a soak failed; null if it passed. */
export function soakFailure({ heap }: Pick<SoakResult, 'heap'>): string | null {
  const { slope, low } = heap.left_bytes_per_minute;
  const promoted = heap.promoted_bytes_per_minute;
  if (promoted > PROMOTED_BYTES_PER_MINUTE_MAX)
    return `${promoted.toFixed(0)} bytes a minute reach the old generation (limit ${PROMOTED_BYTES_PER_MINUTE_MAX})`;
  if (low <= LEFT_BYTES_PER_MINUTE_MAX) return null;
  return `what is left after collections grows by ${slope.toFixed(0)} bytes a minute, with 99 % confidence by more than ${low.toFixed(0)} (limit ${LEFT_BYTES_PER_MINUTE_MAX})`;
}

/** The daemon alone for a long time at an accelerated pace. */
export async function benchSoak(options: SoakOptions): Promise<SoakResult> {
  const { pairs, durationMs, paceMs, print, settings } = options;
  const bundles = options.bundles ?? (await benchModels(print)).random;
  const field = await openField({ pairs, bundles, withNull: false, exposeGc: true, ...(settings && { settings }) });
  try {
    for (let i = 0; i < WARM_UP_MINUTES; i++) await field.real.minute();
    print(`${pairs} pairs, a minute each ${paceMs} ms for ${Math.round(durationMs / 1000)} s …`);
    const memory = createMemoryTrend(field);
    const heap = createHeapTrend(field, durationMs);
    const pace = createPace(paceMs);
    const startMs = performance.now();
    const measured: { atMs: number; latencies: Latencies }[] = [];
    for (;;) {
      const atMs = performance.now() - startMs;
      if (atMs >= durationMs) break;
      measured.push({ atMs, latencies: await field.real.minute() });
      await memory.sample();
      await heap.sample(measured.length, atMs);
      await pace();
    }
    const lastMs = measured.at(-1)!.atMs;
    const within = (transport: Transport, from: number, to: number): Percentiles =>
      percentiles(
        measured
          .filter(({ atMs, latencies }) => atMs >= from && atMs <= to && !Number.isNaN(latencies[transport]))
          .map(({ latencies }) => latencies[transport]),
      );
    return {
      pairs,
      pace_ms: paceMs,
      duration_ms: Math.round(lastMs),
      minutes: measured.length,
      memory: memory.trend(),
      heap: heap.trend(),
      transports: Object.fromEntries(
        field.transports.map((transport) => [
          transport,
          {
            first: within(transport, 0, 60_000),
            last: within(transport, lastMs - 60_000, lastMs),
            all: within(transport, 0, lastMs),
          },
        ]),
      ),
    };
  } finally {
    await field.close();
  }
}

const MB = 2 ** 20;

export interface HeapWatch {
  /** @param minute number of minutes so far */
  sample(minute: number, atMs: number): Promise<void>;
  trend(): HeapTrend;
}

/** Forces COLLECTIONS major collections during the run and records the heap after each. */
export function createHeapTrend(field: Pick<Field, 'collect'>, durationMs: number): HeapWatch {
  const left: Point[] = [];
  const collected: CollectedMemory[] = [];
  return {
    async sample(minute, atMs) {
      if (atMs < (left.length * durationMs) / COLLECTIONS) return;
      const memory = await field.collect();
      collected.push(memory);
      left.push({ x: minute, y: memory.heap + memory.external });
    },
    trend() {
      const first = Math.floor(left.length * SETTLING_SHARE);
      const settled = left.slice(first);
      const intervals = settled.slice(1).map(({ x }, i) => collected[first + i + 1]!.promoted / (x - settled[i]!.x));
      const pauses = collected.slice(first + 1).flatMap((memory) => memory.pauses);
      return {
        promoted_bytes_per_minute: intervals.length === 0 ? NaN : percentiles(intervals).p50,
        pauses: pauses.length === 0 ? null : percentiles(pauses),
        collections: left.length,
        first_left_mb: (settled[0]?.y ?? NaN) / MB,
        last_left_mb: (settled.at(-1)?.y ?? NaN) / MB,
        left_bytes_per_minute: slopeRange(settled),
      };
    },
  };
}
