import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { failedGateSchema } from '../../../shared/bundle/gates/gate_schema.ts';
import { directionModelsSchema } from './models.ts';
import { stopSchema } from './stops.ts';

import { routes } from './routes.ts';

const daemonSchema = z.object({
  shard: z.string().describe('Its shard'),
  presence: z.enum(['up', 'mute', 'down']).describe('up: responds; mute: runs but does not respond; down: not running'),
  is_connected: z.boolean().describe('Whether the trainer receives its signals'),
  model_version: z.string().nullable().describe('Bundle in use'),
  has_models: z.boolean().describe('Whether models, or a rule of each pair, answer'),
  model_refused: z
    .looseObject({
      version: z.string().describe('Bundle'),
      code: z.string(),
      message: z.string(),
      next: z.string(),
    })
    .nullable()
    .describe('Why the active bundle is not in use'),
  rules_refused: z
    .array(
      z.object({
        subject: z.string(),
        version: z.string().describe('Bundle'),
        code: z.string(),
        message: z.string(),
        next: z.string(),
      }),
    )
    .describe('Why rules do not answer for their subjects'),
  degradations: z.array(z.string()).describe('Reasons of mode DEGRADED'),
  halts: z.array(z.looseObject({ pair_id: z.string().describe('Halted subject, or all') })).describe('Active halts'),
  silent: z.array(z.string()).describe('Subjects without bars'),
  expired: z.array(z.string()).describe('Subjects whose last signal has expired'),
  redis: z.string().describe('up, down, refused, off or unknown'),
  last_bars: z.record(z.string(), z.string()).describe('Open of the last bar of each symbol'),
  latency_us_p50: z.number().nullable().describe('Median from the bars of a minute to its published signals, µs'),
  latency_us_p99: z.number().nullable().describe('99th percentile of the same, µs'),
  bars_total: z.number().nullable().describe('Bars since its start'),
});

const statusSchema = z.object({
  status: z.enum(['idle', 'training']).describe('Activity of the trainer'),
  market: z.enum(MARKETS),
  bar_interval_ms: z.number().describe('Wall-clock time of a one-minute bar of this market'),
  time: z.iso.datetime().describe('Clock of this machine'),
  active_version: z.string().nullable().describe('Active bundle of pairs'),
  direction_models: directionModelsSchema,
  active_error: z
    .string()
    .nullable()
    .describe('Why daemons refuse active.json or its bundle; the entry of pairs in refused_models'),
  refused_models: z
    .array(
      z.object({
        slot: z.string().describe('As in despite_gates'),
        version: z.string().describe('Empty: the pointer cannot be read'),
        code: z.string(),
        message: z.string(),
        next: z.string(),
      }),
    )
    .describe(
      'Models that a pointer names and daemons refuse: a damaged, unsigned or expired pointer, changed or missing files, another market, timeframe or feature schema. Models that a daemon has loaded before go on until its next start',
    ),
  stops: z.array(stopSchema).describe('What a person has stopped; see POST /api/stops'),
  despite_gates: z
    .array(
      z.object({
        slot: z
          .string()
          .describe('pairs, or direction with its timeframe; challenger, of a direction model with its timeframe'),
        version: z.string(),
        gates: z.array(failedGateSchema).describe('Failed gates, and those without a recorded verdict'),
        reason: z.string().describe('Empty: none was stated'),
        by: z.string(),
        at: z.string(),
      }),
    )
    .describe('Models in use although gates failed or have no verdict'),
  policy_hash: z.string().describe('Hash of the configuration loaded by the trainer'),
  is_ready: z
    .boolean()
    .describe('Every daemon is up with models, no halts and no degradations, and no models are refused'),
  daemons: z.array(daemonSchema),
  schedules: z.array(
    z.object({
      name: z.string(),
      cron: z.string().describe('UTC'),
      next: z.iso.datetime().nullable().describe('Next time; null = never'),
    }),
  ),
});

const statusRoute = {
  role: 'viewer',
  tags: ['status'],
  summary: 'Daemons, models, schedules',
  response: { 200: statusSchema },
} as const;

/** Routes of `api/routes/status.ts`. */
export const statusRoutes = routes({
  'GET /api/status': statusRoute,
  'GET /api/ml/status': statusRoute,
});
