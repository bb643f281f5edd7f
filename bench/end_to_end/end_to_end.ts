import { setTimeout as sleep } from 'node:timers/promises';
import { readManifest } from '../../shared/bundle/bundle.ts';
import { benchModels, type BenchModels } from '../models.ts';
import { percentiles } from '../percentiles.ts';
import { openField, type Field, type Latencies, type Target, type Transport } from './field.ts';

/**
 * Microseconds from sending a minute's bars to having all its signals, for the real daemon and the null daemon of the
 * same run.
 */
export interface TransportResult {
  readonly p50_us: number;
  readonly p99_us: number;
  readonly p999_us: number;
  readonly max_us: number;
  readonly null_p50_us: number;
  readonly null_p99_us: number;
  readonly null_p999_us: number;
  readonly null_max_us: number;
  readonly ratio_p50: number;
  readonly ratio_p99: number;
  /** Minutes whose signals did not arrive: only Redis may miss some. */
  readonly missed: number;
  readonly null_missed: number;
}

export interface EndToEndResult {
  readonly pairs: number;
  /** Those of the bench, or the version of a bundle. */
  readonly models: string;
  /** Pause before each minute of a daemon; 0 = back to back. */
  readonly gap_ms: number;
  /** Measured minutes per daemon. */
  readonly minutes: number;
  readonly warm_up_minutes: number;
  readonly transports: Readonly<Partial<Record<Transport, TransportResult>>>;
}

export interface EndToEndOptions {
  readonly pairs: number;
  /** Those of the bench, or the folder of a bundle. */
  readonly models: 'trained' | 'random' | { readonly bundle: string };
  readonly minutes: number;
  readonly idleMinutes: number;
  readonly print: (line: string) => void;
}

const IDLE_GAP_MS = 2000;
const BLOCK_MINUTES = 25;
/** Minutes until V8 has compiled the hot code, in both daemons and all consumers. */
const WARM_UP_MINUTES = 300;

/**
 * Latency from bars in to signals out, as seen by clients in other processes: back to back (the next minute is sent
 * when every transport has delivered the last one and the daemon has replied to its feeder), and with idle gaps when
 * `idleMinutes` > 0. Blocks of the real and the null daemon alternate.
 */
export async function benchEndToEnd(options: EndToEndOptions): Promise<EndToEndResult[]> {
  const { pairs, models, minutes, idleMinutes, print } = options;
  const bundles = typeof models === 'object' ? [models.bundle] : bundlesOf(await benchModels(print), models);
  const field = await openField({ pairs, bundles, withNull: true });
  try {
    const results: EndToEndResult[] = [];
    print(`${pairs} pairs, ${nameOf(models)} models: ${minutes} minutes back to back …`);
    const warmUp = Math.min(WARM_UP_MINUTES, minutes);
    await inTurns(field, warmUp, BLOCK_MINUTES);
    results.push(summary(field, options, 0, warmUp, await inTurns(field, minutes, BLOCK_MINUTES)));
    if (idleMinutes > 0) {
      print(
        `${pairs} pairs, ${nameOf(models)} models: ${idleMinutes} minutes with ${IDLE_GAP_MS} ms of idleness before each …`,
      );
      results.push(summary(field, options, IDLE_GAP_MS, warmUp, await withGaps(field, idleMinutes, IDLE_GAP_MS)));
    }
    return results;
  } finally {
    await field.close();
  }
}

function nameOf(models: EndToEndOptions['models']): string {
  if (typeof models === 'string') return models;
  const { engine, version } = readManifest(models.bundle);
  return `${engine.name} (${version})`;
}

function bundlesOf({ trained, random }: BenchModels, models: 'trained' | 'random'): readonly string[] {
  return models === 'trained' ? [trained] : random;
}

/** Latencies of each daemon. */
export interface Measured {
  readonly real: readonly Latencies[];
  readonly null: readonly Latencies[];
}

async function inTurns(field: Field, minutes: number, block: number): Promise<Measured> {
  const measured = { real: [] as Latencies[], null: [] as Latencies[] };
  const run = async (target: Target, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) measured[target.kind].push(await target.minute());
  };
  for (let done = 0; done < minutes; done += block) {
    const count = Math.min(block, minutes - done);
    // The order within a block can affect the figures, so it alternates too.
    const order = (done / block) % 2 === 0 ? [field.real, field.null!] : [field.null!, field.real];
    for (const target of order) await run(target, count);
  }
  return measured;
}

/** Each daemon idles for `gapMs` before its minute; the other daemon's minute falls into the middle of that. */
async function withGaps(field: Field, minutes: number, gapMs: number): Promise<Measured> {
  const measured = { real: [] as Latencies[], null: [] as Latencies[] };
  for (let i = 0; i < minutes; i++) {
    for (const target of [field.real, field.null!]) {
      await sleep(gapMs / 2);
      measured[target.kind].push(await target.minute());
    }
  }
  return measured;
}

function summary(
  field: Field,
  { pairs, models }: EndToEndOptions,
  gapMs: number,
  warmUp: number,
  measured: Measured,
): EndToEndResult {
  return {
    pairs,
    models: nameOf(models),
    gap_ms: gapMs,
    minutes: measured.real.length,
    warm_up_minutes: warmUp,
    transports: Object.fromEntries(field.transports.map((transport) => [transport, compare(measured, transport)])),
  };
}

export function compare(measured: Measured, transport: Transport): TransportResult {
  const came = (latencies: readonly Latencies[]): number[] =>
    latencies.map((one) => one[transport]).filter((us) => !Number.isNaN(us));
  const real = percentiles(came(measured.real));
  const base = percentiles(came(measured.null));
  return {
    p50_us: real.p50,
    p99_us: real.p99,
    p999_us: real.p999,
    max_us: real.max,
    null_p50_us: base.p50,
    null_p99_us: base.p99,
    null_p999_us: base.p999,
    null_max_us: base.max,
    ratio_p50: real.p50 / base.p50,
    ratio_p99: real.p99 / base.p99,
    missed: measured.real.length - real.count,
    null_missed: measured.null.length - base.count,
  };
}
