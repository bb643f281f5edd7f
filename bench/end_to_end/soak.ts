import { basename } from 'node:path';
import type { Settings } from '../../shared/policy/policy.ts';
import { benchModels } from '../models.ts';
import { percentiles, type Percentiles } from '../percentiles.ts';
import { slopeRange, type Point, type SlopeRange } from '../slope.ts';
import { openField, type CollectedMemory, type Field, type Pause, type Transport } from './field.ts';
import { createPace } from './pace.ts';
import { createMemoryTrend, createSwapper, type MemoryTrend } from './weather.ts';

const WARM_UP_MINUTES = 200;
/** Heap samples, each after a forced major collection, at equal intervals. */
const COLLECTIONS = 24;
/** Compiled code grows the heap until warm-up ends. */
const SETTLING_SHARE = 1 / 3;
/** Leak limit: 50 MB in a year of minutes. */
const LEFT_BYTES_PER_MINUTE_MAX = 100;
/** Above this, what a bar allocates survives young collections; its texts alone are 20 kB. */
const PROMOTED_BYTES_PER_MINUTE_MAX = 4096;
const LONG_PAUSE_US = 1000;
/** Shorter runs do not show the slope of resident memory: the allocator still settles. */
const RESIDENT_MINUTES = 20_000;

export interface PauseTrend extends Percentiles {
  readonly over_1_ms: number;
}

/** Heap usage over the run. */
export interface HeapTrend {
  readonly collections: number;
  /** JavaScript heap and external memory after a major collection, first and last measured sample. */
  readonly first_left_mb: number;
  readonly last_left_mb: number;
  readonly left_bytes_per_minute: SlopeRange;
  /** Bytes promoted to the old generation: median over the intervals between measured collections. */
  readonly promoted_bytes_per_minute: number;
  /** Collections that V8 made, in microseconds of the wall clock; a kind that did not occur is absent. */
  readonly pauses: Readonly<Partial<Record<Pause['kind'], PauseTrend>>>;
}

export interface SoakResult {
  readonly pairs: number;
  readonly pace_ms: number;
  readonly duration_ms: number;
  readonly minutes: number;
  /** Hot swaps that showed in the signals. */
  readonly swaps: number;
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
  /** Ends the run instead of `durationMs`. */
  readonly minutes?: number;
  /** Two bundles take turns, so often at most, at equal intervals. */
  readonly swaps?: number;
  readonly paceMs: number;
  readonly print: (line: string) => void;
  /** Models and configuration; those of the bench unless given. */
  readonly bundles?: readonly string[];
  readonly settings?: Settings;
}

/** Why a soak has failed; null when it has not. */
export function soakFailure({
  heap,
  memory,
  minutes,
}: Pick<SoakResult, 'heap'> & Partial<Pick<SoakResult, 'memory' | 'minutes'>>): string | null {
  const { slope, low } = heap.left_bytes_per_minute;
  const promoted = heap.promoted_bytes_per_minute;
  if (promoted > PROMOTED_BYTES_PER_MINUTE_MAX)
    return `${promoted.toFixed(0)} bytes a minute reach the old generation (limit ${PROMOTED_BYTES_PER_MINUTE_MAX})`;
  const resident = memory?.bytes_per_minute;
  if (resident !== undefined && (minutes ?? 0) >= RESIDENT_MINUTES && resident.low > LEFT_BYTES_PER_MINUTE_MAX)
    return `resident memory grows by ${resident.slope.toFixed(0)} bytes a minute, with 99 % confidence by more than ${resident.low.toFixed(0)} (limit ${LEFT_BYTES_PER_MINUTE_MAX})`;
  if (low <= LEFT_BYTES_PER_MINUTE_MAX) return null;
  return `what is left after collections grows by ${slope.toFixed(0)} bytes a minute, with 99 % confidence by more than ${low.toFixed(0)} (limit ${LEFT_BYTES_PER_MINUTE_MAX})`;
}

/** Milliseconds since the start, and the latency of each transport. */
type SoakMinute = { readonly atMs: number } & Readonly<Record<Transport, number>>;

/** The daemon alone for a long time at an accelerated pace. */
export async function benchSoak(options: SoakOptions): Promise<SoakResult> {
  const { pairs, durationMs, paceMs, swaps = 0, print, settings } = options;
  const bundles = options.bundles ?? (await benchModels(print)).random;
  const field = await openField({ pairs, bundles, withNull: false, exposeGc: true, ...(settings && { settings }) });
  try {
    for (let i = 0; i < WARM_UP_MINUTES; i++) await field.real.minute();
    const length = options.minutes === undefined ? `${Math.round(durationMs / 1000)} s` : `${options.minutes} minutes`;
    print(`${pairs} pairs, a minute each ${paceMs} ms for ${length}, ${swaps} swaps …`);
    const memory = createMemoryTrend(field);
    const heap = createHeapTrend(field, options.minutes ?? durationMs);
    const swapper = createSwapper(
      field,
      bundles.map((path) => basename(path)),
    );
    const pace = createPace(paceMs);
    const startMs = performance.now();
    const measured: SoakMinute[] = [];
    for (;;) {
      const atMs = performance.now() - startMs;
      const done = options.minutes === undefined ? atMs / durationMs : measured.length / options.minutes;
      if (done >= 1) break;
      const { version, file, redis, websocket } = await field.real.minute();
      measured.push({ atMs, file, redis, websocket });
      if (swapper.swaps < swaps * done) swapper.saw(version);
      await memory.sample(measured.length);
      await heap.sample(measured.length, options.minutes === undefined ? atMs : measured.length - 1);
      await pace();
    }
    return {
      pairs,
      pace_ms: paceMs,
      duration_ms: Math.round(measured.at(-1)!.atMs),
      minutes: measured.length,
      swaps: swapper.swaps,
      memory: memory.trend(),
      heap: heap.trend(),
      transports: Object.fromEntries(field.transports.map((name) => [name, ends(measured, name)])),
    };
  } finally {
    await field.close();
  }
}

/** Latencies in the first and in the last minute of the wall clock, and in all. */
function ends(
  measured: readonly SoakMinute[],
  transport: Transport,
): { first: Percentiles; last: Percentiles; all: Percentiles } {
  const lastMs = measured.at(-1)!.atMs;
  const within = (from: number, to: number): Percentiles =>
    percentiles(
      measured
        .filter(({ atMs, [transport]: us }) => atMs >= from && atMs <= to && !Number.isNaN(us))
        .map(({ [transport]: us }) => us),
    );
  return { first: within(0, 60_000), last: within(lastMs - 60_000, lastMs), all: within(0, lastMs) };
}

const MB = 2 ** 20;

export interface HeapWatch {
  /**
   * @param minute number of minutes so far
   * @param at how far the run is, in the units of its length
   */
  sample(minute: number, at: number): Promise<void>;
  trend(): HeapTrend;
}

/** Forces COLLECTIONS major collections during the run and records the heap after each. */
export function createHeapTrend(field: Pick<Field, 'collect'>, length: number): HeapWatch {
  const left: Point[] = [];
  const collected: CollectedMemory[] = [];
  return {
    async sample(minute, at) {
      if (at < (left.length * length) / COLLECTIONS) return;
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
        pauses: byKind(pauses),
        collections: left.length,
        first_left_mb: (settled[0]?.y ?? NaN) / MB,
        last_left_mb: (settled.at(-1)?.y ?? NaN) / MB,
        left_bytes_per_minute: slopeRange(settled),
      };
    },
  };
}

function byKind(pauses: readonly Pause[]): HeapTrend['pauses'] {
  const kinds = [...new Set(pauses.map(({ kind }) => kind))].sort();
  const trends = kinds.map((kind) => {
    const us = pauses.filter((pause) => pause.kind === kind).map((pause) => pause.us);
    return [kind, { ...percentiles(us), over_1_ms: us.filter((one) => one > LONG_PAUSE_US).length }] as const;
  });
  return Object.fromEntries(trends);
}
