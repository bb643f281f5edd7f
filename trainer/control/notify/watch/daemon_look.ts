import * as z from 'zod';
import { dependencyFaultSchema } from '../../../../shared/dependencies/watch.ts';
import type { HomePaths } from '../../../../shared/home.ts';
import type { Settings, Shard } from '../../../../shared/policy/policy.ts';
import { daemonMetrics } from '../../../../shared/process/daemon_metrics.ts';
import { daemonState } from '../../../../shared/process/daemon_state.ts';
import type { Presence } from '../../../../shared/process/process_state.ts';

const OVER_BUDGET = /^minutehand_bars_over_budget_total (\d+)$/m;
const report = z.object({ code: z.string(), message: z.string(), next: z.string() }).nullable();
/** By subject. */
const refusals = z.record(
  z.string(),
  z.object({ version: z.string(), code: z.string(), message: z.string(), next: z.string() }),
);

const versions = z.record(z.string(), z.string());

/** What of a daemon's `/healthz` is watched. */
const healthSchema = z.looseObject({
  market: z.enum(['live', 'simulated', 'replay']),
  shard: z.string(),
  boot_id: z.string(),
  model_version: z.string().nullable(),
  model_refused: report.and(z.looseObject({ version: z.string() }).nullable()),
  /** Number of them. */
  pairs: z.number().optional(),
  direction: z
    .looseObject({
      versions: versions.optional(),
      rules: versions.optional(),
      rules_refused: refusals.optional(),
    })
    .optional()
    .catch(undefined),
  silent_pairs: z.array(z.string()),
  expired_pairs: z.array(z.string()),
  halts: z.array(z.looseObject({ pair_id: z.string(), reason: z.string(), seen: z.string(), limit: z.string() })),
  halts_refused: report,
  degradations: z.array(z.string()),
  dependencies: z.array(dependencyFaultSchema),
  lease: z
    .looseObject({ role: z.enum(['holder', 'standby']), holder: z.string().nullable(), server: z.string() })
    .nullable(),
  late_bars: z.looseObject({ message: z.string(), next: z.string() }).nullable(),
  redis: z.enum(['up', 'down', 'refused', 'off', 'unknown']),
  redis_missed: z.number(),
  last_bars: z.record(z.string(), z.string()),
});

export type WatchedHealth = z.infer<typeof healthSchema>;

/** One look at one daemon. */
export interface DaemonLook {
  readonly shard: string;
  readonly presence: Presence;
  readonly pid: number | null;
  readonly health: WatchedHealth | null;
  /** Bars over the latency budget since its start; null when unknown. */
  readonly overBudget: number | null;
}

/** Looks at lock, health and metrics. Never rejects. */
export async function lookAtDaemon(settings: Settings, paths: HomePaths, shard: Shard): Promise<DaemonLook> {
  const { presence, pid, url, health } = await daemonState(settings, paths, shard, healthSchema);
  return { shard: shard.name, presence, pid, health, overBudget: health === null ? null : await overBudget(url!) };
}

async function overBudget(url: string): Promise<number | null> {
  const found = OVER_BUDGET.exec(await daemonMetrics(url));
  return found === null ? null : Number(found[1]);
}
