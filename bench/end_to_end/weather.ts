import { basename } from 'node:path';
import { activateUnjudged } from './activate.ts';
import { benchModels } from '../models.ts';
import { percentiles, type Percentiles } from '../percentiles.ts';
import { slope, slopeRange, type Point, type SlopeRange } from '../slope.ts';
import type { Measured } from './end_to_end.ts';
import { openField, type Field, type Latencies, type Transport } from './field.ts';
import { createPace } from './pace.ts';
import { asScheduled, startTraining, type Training } from './training.ts';

/** During training and swaps, a signal counts as late above this latency. */
const LATE_US = 20_000;
const WARM_UP_MINUTES = 200;
const MB = 2 ** 20;
const MS_PER_HOUR = 3_600_000;
const BLOCKS = 24;

interface WeatherTransport {
  readonly real: Percentiles;
  readonly null: Percentiles | null;
  readonly real_over_20_ms: number;
  readonly null_over_20_ms: number | null;
}

export interface WeatherResult {
  readonly pairs: number;
  readonly pace_ms: number;
  readonly minutes: number;
  /** Hot swaps observed in the signals. */
  readonly swaps: number;
  /** Training runs that ended during the bench; null without training. */
  readonly training_runs: number | null;
  readonly transports: Readonly<Partial<Record<Transport, WeatherTransport>>>;
  readonly memory: MemoryTrend;
}

/** Resident memory of the daemon over the run. */
export interface MemoryTrend {
  readonly first_mb: number;
  readonly last_mb: number;
  /** Without the first tenth. */
  readonly slope_mb_per_hour: number;
  /** Of the means of equal blocks of the run, without its first third; absent in older records. */
  readonly bytes_per_minute?: SlopeRange;
}

export interface WeatherOptions {
  readonly pairs: number;
  /** Minutes per daemon; more if the swaps need longer. */
  readonly minutes: number;
  readonly paceMs: number;
  readonly swaps: number;
  readonly training: boolean;
  readonly withNull: boolean;
  readonly print: (line: string) => void;
}

/**
 * Minutes at a fixed pace while trainings run back to back and bundles are swapped as fast as the daemon accepts them.
 * The null daemon receives its minutes halfway between; its figures measure the machine alone.
 */
export async function benchWeather(options: WeatherOptions): Promise<WeatherResult> {
  const { pairs, paceMs, print } = options;
  const { random } = await benchModels(print);
  const field = await openField({ pairs, bundles: random, withNull: options.withNull });
  let training: Training | null = null;
  try {
    for (let i = 0; i < WARM_UP_MINUTES; i++) {
      await field.real.minute();
      await field.null?.minute();
    }
    if (options.training) training = await startTraining(asScheduled());
    print(
      `${pairs} pairs, a minute each ${paceMs} ms, ${options.swaps} swaps${options.training ? ', training' : ''} …`,
    );
    const swapper = createSwapper(
      field,
      random.map((path) => basename(path)),
    );
    const measured = { real: [] as Latencies[], null: [] as Latencies[] };
    const memory = createMemoryTrend(field);
    const pace = createPace(paceMs / (field.null === null ? 1 : 2));
    while (measured.real.length < options.minutes || swapper.swaps < options.swaps) {
      await pace();
      const latencies = await field.real.minute();
      measured.real.push(latencies);
      if (swapper.swaps < options.swaps) swapper.saw(latencies.version);
      await memory.sample(measured.real.length);
      if (field.null === null) continue;
      await pace();
      measured.null.push(await field.null.minute());
    }
    return {
      pairs,
      pace_ms: paceMs,
      minutes: measured.real.length,
      swaps: swapper.swaps,
      training_runs: training?.runs ?? null,
      transports: Object.fromEntries(field.transports.map((name) => [name, lateness(measured, name)])),
      memory: memory.trend(),
    };
  } finally {
    await training?.end();
    await field.close();
  }
}

function lateness(measured: Measured, transport: Transport): WeatherTransport {
  const of = (latencies: readonly Latencies[]): number[] =>
    latencies.map((one) => one[transport]).filter((us) => !Number.isNaN(us));
  const late = (latencies: readonly Latencies[]): number =>
    latencies.filter((one) => !(one[transport] <= LATE_US)).length;
  const hasNull = measured.null.length > 0;
  return {
    real: percentiles(of(measured.real)),
    null: hasNull ? percentiles(of(measured.null)) : null,
    real_over_20_ms: late(measured.real),
    null_over_20_ms: hasNull ? late(measured.null) : null,
  };
}

export interface Swapper {
  /** Those that the signals have shown. */
  readonly swaps: number;
  /** @param version of the last signals */
  saw(version: string): void;
}

/** Activates the next bundle as soon as the signals show that the last one is active. */
export function createSwapper(field: Field, versions: readonly string[]): Swapper {
  let swaps = 0;
  let wanted: string | null = null;
  return {
    get swaps() {
      return swaps;
    },
    saw(version) {
      if (wanted !== null && version !== wanted) return;
      if (wanted !== null) swaps++;
      wanted = versions[(versions.indexOf(version) + 1) % versions.length]!;
      activateUnjudged(field.modelsFolder, wanted);
    },
  };
}

export interface MemoryWatch {
  /** @param minute number of minutes so far */
  sample(minute: number): Promise<void>;
  trend(): MemoryTrend;
}

/** Resident memory, a sample each second. */
export function createMemoryTrend(field: Pick<Field, 'memory'>): MemoryWatch {
  const points: Point[] = [];
  const byMinute: Point[] = [];
  let nextMs = 0;
  return {
    async sample(minute) {
      const nowMs = performance.now();
      if (nowMs < nextMs) return;
      nextMs = nowMs + 1000;
      const { rss } = await field.memory();
      points.push({ x: nowMs / MS_PER_HOUR, y: rss / MB });
      byMinute.push({ x: minute, y: rss });
    },
    trend() {
      const settled = points.slice(Math.floor(points.length / 10));
      return {
        first_mb: points[0]?.y ?? NaN,
        last_mb: points.at(-1)?.y ?? NaN,
        slope_mb_per_hour: slope(settled),
        bytes_per_minute: slopeRange(blockMeans(byMinute).slice(BLOCKS / 3)),
      };
    },
  };
}

/**
 * Neighboring samples are not independent; means of long blocks nearly are. Fewer points than blocks stay as they are.
 */
function blockMeans(points: readonly Point[]): Point[] {
  if (points.length < BLOCKS) return [...points];
  return Array.from({ length: BLOCKS }, (_, i) => {
    const [from, to] = [i, i + 1].map((end) => Math.floor((end * points.length) / BLOCKS));
    const block = points.slice(from, to);
    const mean = (of: 'x' | 'y'): number => block.reduce((sum, point) => sum + point[of], 0) / block.length;
    return { x: mean('x'), y: mean('y') };
  });
}
