import { loadSettings } from '../../shared/policy/policy.ts';
import { benchModels } from '../models.ts';
import { percentiles, type Percentiles } from '../percentiles.ts';
import { openField, type Field, type Latencies, type Transport } from './field.ts';

/** The same number of subjects in so many daemons of one machine. */
export interface ShardsRun {
  readonly daemons: number;
  /** Of each daemon. */
  readonly pairs: number;
  /** Microseconds from sending a minute's bars to all daemons until the last of them has delivered all its signals. */
  readonly transports: Readonly<Partial<Record<Transport, Percentiles>>>;
  /** Resident memory of all daemons, bytes. */
  readonly resident_bytes: number;
}

export interface ShardsResult {
  readonly pairs: number;
  readonly minutes: number;
  readonly budget_ms: number;
  readonly runs: readonly ShardsRun[];
}

export interface ShardsOptions {
  readonly pairs: number;
  /** Measured minutes of each run. */
  readonly minutes: number;
  readonly daemons: readonly number[];
  readonly print: (line: string) => void;
}

const WARM_UP_MINUTES = 60;

/**
 * Subjects over several daemons (shards) of this machine, each with its own consumers and its own Redis: all get their
 * minute at the same time, and the next one once the last of them is done. The models are random ones of one size.
 */
export async function benchShards({ pairs, minutes, daemons, print }: ShardsOptions): Promise<ShardsResult> {
  const bundles = (await benchModels(print)).random;
  const runs: ShardsRun[] = [];
  for (const count of daemons) {
    const each = Math.ceil(pairs / count);
    print(`${pairs} pairs in ${count} daemons: ${minutes} minutes …`);
    const fields: Field[] = [];
    try {
      for (let shard = 0; shard < count; shard++)
        fields.push(await openField({ pairs: each, bundles, withNull: false }));
      for (let minute = 0; minute < WARM_UP_MINUTES; minute++) await together(fields);
      const measured: Latencies[][] = [];
      for (let minute = 0; minute < minutes; minute++) measured.push(await together(fields));
      const memories = await Promise.all(fields.map((field) => field.memory()));
      runs.push({
        daemons: count,
        pairs: each,
        transports: Object.fromEntries(
          fields[0]!.transports.map((transport) => [transport, percentiles(slowestOf(measured, transport))]),
        ),
        resident_bytes: memories.reduce((sum, { rss }) => sum + rss, 0),
      });
    } finally {
      for (const field of fields) await field.close();
    }
  }
  return { pairs, minutes, budget_ms: loadSettings({ env: {} }).minutehand.feed.budget_ms, runs };
}

function together(fields: readonly Field[]): Promise<Latencies[]> {
  return Promise.all(fields.map(({ real }) => real.minute()));
}

/** Of each minute the slowest daemon; minutes that Redis missed do not count. */
export function slowestOf(minutes: readonly (readonly Pick<Latencies, Transport>[])[], transport: Transport): number[] {
  return minutes.map((own) => Math.max(...own.map((one) => one[transport]))).filter((us) => !Number.isNaN(us));
}
