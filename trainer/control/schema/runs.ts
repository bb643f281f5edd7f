import * as z from 'zod';
import { RUN_KINDS } from '../../store/schema/jobs.ts';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { jobWaitSchema } from '../../jobs/records/job_event.ts';
import { recordedGateSchema } from '../../../shared/bundle/gates/gate_schema.ts';

import { routes } from './routes.ts';

export const runSchema = z
  .looseObject({
    run_id: z.number().int().describe('Number of the attempt'),
    kind: z.enum(RUN_KINDS),
    trigger: runTriggerSchema.describe('What caused it: a code, and what belongs to it'),
    attempt: z.number().int().describe('1 for the first'),
    started_at: z.string().describe('ISO 8601 in UTC; of a queued run the time from which it may begin'),
    finished_at: z.string().nullable().describe('null while running'),
    status: z
      .string()
      .describe(
        'queued, running, adopted, rollout_started, rejected, nothing_new, found, failed, killed, stopped or aborted',
      ),
    stage: z.string().describe('Stage of training'),
    percent: z.number().describe('0 to 100 of the whole run'),
    eta_seconds: z.number().nullable().describe('Time left; null while unknown'),
    stages: z.array(z.looseObject({ stage: z.string(), duration_ms: z.number() })).describe('Completed stages'),
    model_version: z.string().nullable().describe('Its bundle'),
    previous_version: z.string().nullable().describe('Active bundle at its start'),
    metrics: z
      .unknown()
      .describe(
        'Holdout metrics of each model; of a search of formulas its figures, and entries for features.yaml; of a search or judgement of rules its figures',
      ),
    gate: z.array(recordedGateSchema).nullable().describe('Every gate with its verdict'),
    reasons: z
      .array(z.string())
      .describe(
        'Failed gates of a rejected bundle, why nothing was new, or which formulas were found; of a queued run what this machine lacks for it',
      ),
    causes: z.array(z.string()).describe('Triggers of the monitor that it answers'),
    error: z.string().nullable(),
    theta1: z.number().nullable(),
    theta2: z.number().nullable(),
    cpu_seconds: z.number().nullable(),
    peak_memory_bytes: z.number().nullable(),
    duration_ms: z.number().nullable(),
  })
  .meta({ id: 'Run', description: 'A training run' });

export const runsSchema = z.object({
  runs: z.array(runSchema).describe('Those that have begun, newest first'),
  waiting: z
    .array(runSchema.extend({ waits_for: jobWaitSchema.nullable().describe('What this machine lacks for it') }))
    .describe('Queued ones, in the order in which they would begin now'),
});

/** Routes of `api/routes/runs.ts`. */
export const runRoutes = routes({
  'GET /api/runs': { role: 'viewer', tags: ['training'], summary: 'Training runs', response: { 200: runsSchema } },
});
