import * as z from 'zod';
import { dependencyFaultSchema, type DependencyFault } from '../../shared/dependencies/watch.ts';
import type { HomePaths } from '../../shared/home.ts';
import { askProcess, getJson, type ProcessState } from '../../shared/process/process_state.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { RolloutState } from '../../trainer/control/rollout/watch.ts';
import type { WaitingRun } from '../../trainer/control/schedule/retrainer.ts';
import type { RetrainRun } from '../../trainer/control/schedule/run.ts';

/** Contents of the trainer's /healthz. */
const saidSchema = z.looseObject({
  status: z.enum(['ok', 'degraded']),
  /** Things outside the trainer that fail. */
  dependencies: z.array(z.custom<DependencyFault>((value) => dependencyFaultSchema.safeParse(value).success)),
  active_version: z.string().nullable(),
  direction_models: z.array(z.looseObject({ timeframe: z.string(), version: z.string().nullable() })).default([]),
  program_version: z.string(),
  active_error: z
    .object({ code: z.string(), message: z.string(), next: z.string(), slot: z.string().optional() })
    .optional(),
  last_run: z.custom<RetrainRun | null>(
    (value) => value === null || typeof (value as RetrainRun | undefined)?.run_id === 'number',
  ),
  rollout: z
    .custom<RolloutState | null>(
      (value) => value === null || typeof (value as RolloutState | undefined)?.id === 'string',
    )
    .default(null),
  channels: z.object({ names: z.array(z.string()), problems: z.array(z.string()) }),
  schedules: z.array(z.object({ name: z.string(), cron: z.string(), next: z.string().nullable() })),
});

const runsSchema = z.looseObject({
  waiting: z.array(z.custom<WaitingRun>((value) => typeof (value as WaitingRun | undefined)?.run_id === 'number')),
});

export interface TrainerState extends ProcessState<z.infer<typeof saidSchema>> {
  /** Runs that wait for their turn, in its order; empty where they cannot be asked for. */
  readonly waiting: readonly WaitingRun[];
}

export async function lookAtTrainer({ minutehand }: Settings, paths: HomePaths): Promise<TrainerState> {
  const state = await askProcess(paths, 'trainer', minutehand.transports.trainer, '/healthz', saidSchema);
  const runs = state.health === null ? null : await getJson(`${state.url}/runs`, runsSchema);
  return { ...state, waiting: runs?.waiting ?? [] };
}
