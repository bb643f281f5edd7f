import { benchModels } from '../models.ts';
import type { CpuPlaces } from './cpu_profile.ts';
import { openField, type Target } from './field.ts';

/** Where the main threads of daemon and null daemon spend a minute of many pairs. */
export interface ProfileResult {
  readonly pairs: number;
  /** Profiled minutes of each daemon. */
  readonly minutes: number;
  /** Microseconds a minute by place, from a sampling profiler, the largest first. */
  readonly daemon_us: CpuPlaces;
  readonly null_daemon_us: CpuPlaces;
}

export interface ProfileOptions {
  readonly pairs: number;
  readonly minutes: number;
  readonly print: (line: string) => void;
}

const WARM_UP_MINUTES = 60;

/** Back to back, the trained models, one daemon after the other. */
export async function benchProfile({ pairs, minutes, print }: ProfileOptions): Promise<ProfileResult> {
  const field = await openField({ pairs, bundles: [(await benchModels(print)).trained], withNull: true });
  try {
    print(`profile of ${pairs} pairs: ${minutes} minutes of each daemon …`);
    for (const target of [field.real, field.null!]) await runMinutes(target, WARM_UP_MINUTES);
    return {
      pairs,
      minutes,
      daemon_us: await placesOf(field.real, minutes),
      null_daemon_us: await placesOf(field.null!, minutes),
    };
  } finally {
    await field.close();
  }
}

/** Microseconds a minute by place of the main thread, back to back, the largest first. */
export async function placesOf(target: Target, minutes: number): Promise<CpuPlaces> {
  return perMinute(await target.profiled(() => runMinutes(target, minutes)), minutes);
}

export async function runMinutes(target: Target, minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute++) await target.minute();
}

/** Sums over minutes, as means per minute, the largest first. */
export function perMinute(sums: Readonly<Record<string, number>>, minutes: number): Record<string, number> {
  const rows = Object.entries(sums).map(([name, sum]) => [name, sum / minutes] as const);
  return Object.fromEntries(rows.sort(([, a], [, b]) => b - a));
}
