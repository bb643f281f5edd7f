import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { JOB_KINDS, REQUESTED_KINDS } from '../../jobs/kinds/registry.ts';
import { jobEventSchema, jobWaitSchema } from '../../jobs/records/job_event.ts';
import { JOB_STATUSES } from '../../store/schema/jobs.ts';
import { jobResultSchema, leaguesSchema } from './leagues.ts';
import { BODY_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

const ms = z.number().describe('Epoch ms');

export const recordedJobSchema = z
  .object({
    job_id: z.number().int(),
    market: z.enum(MARKETS),
    kind: z.string(),
    status: z.enum(JOB_STATUSES).describe('killed: its process ended without a result'),
    document: z.record(z.string(), z.unknown()).describe('What is to be done: `minutehand job schema` describes it'),
    requested_by: z.string(),
    priority: z.number().int().describe('A higher one begins first'),
    origin: z.string().nullable().describe('`run:12` or `backtest:3` of the trainer; null: a terminal, or the queue'),
    host: z.string().describe('Machine and home'),
    pid: z.number().int().nullable(),
    cores: z.number().int().describe('Threads that it asks for'),
    peak_memory_bytes: z.number().nullable(),
    stage: z.string(),
    percent: z
      .number()
      .describe('Of the whole job, by the stages of the last one of its kind; of its stage where there was none'),
    eta_seconds: z.number().nullable().describe('Time left; null while unknown'),
    stages: z.array(z.object({ stage: z.string(), duration_ms: z.number() })),
    waits_for: jobWaitSchema.nullable().describe('Of a queued one'),
    beat_ms: ms,
    requested_ms: ms,
    started_ms: ms.nullable(),
    finished_ms: ms.nullable(),
    cancel_ms: ms.nullable().describe('When its end was asked for'),
    cancel_by: z.string().nullable(),
    error: z.string().nullable().describe('Why it failed; of a done one, that it succeeded in part only'),
  })
  .meta({ id: 'Job', description: 'A job, whoever started it' });

const queuedWorkSchema = z.object({
  name: z.string().describe('`run:12` or `backtest:3`, the `origin` of the job that it will be'),
  kind: z.string(),
  trigger: runTriggerSchema.nullable().describe('Of a run: what asked for it'),
  requested_by: z.string().nullable().describe('Of a backtest'),
  due_ms: ms.describe('When it may begin, epoch ms'),
});

const jobsSchema = z.object({
  jobs: z.array(recordedJobSchema).describe('Those that have not ended first, then the newest'),
  waiting: z
    .array(queuedWorkSchema)
    .describe('Runs and backtests that wait in a queue of the trainer, the oldest first: each is a job once it begins'),
});

const jobsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(200),
  status: z.enum(JOB_STATUSES).optional(),
  kind: z.enum(JOB_KINDS).optional(),
  origin: z.string().max(40).optional().describe('`run:12` or `backtest:3` of the trainer'),
});

const jobEventsQuery = z.object({
  after: z.coerce.number().int().min(0).default(0).describe('`event_id` of the last one that is known'),
  limit: z.coerce.number().int().min(1).max(5000).default(1000),
});

const jobEventsSchema = z.object({
  events: z
    .array(z.intersection(z.object({ event_id: z.number().int(), at_ms: ms }), jobEventSchema))
    .describe('In order'),
});

/** The body of `POST /api/jobs`. */
const jobRequest = z.object({
  job: z.record(z.string(), z.unknown()).describe(`A document of kind ${REQUESTED_KINDS.join(', ')}`),
  priority: z.int().min(-100).max(100).default(0).describe('A higher one begins first'),
});

const params = z.object({ job_id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });

/** Routes of `api/routes/jobs.ts`. */
export const jobRoutes = routes({
  'GET /api/jobs': {
    role: 'viewer',
    tags: ['jobs'],
    summary: 'Jobs of this market, whoever started them',
    querystring: jobsQuery,
    response: { 200: jobsSchema },
  },
  'POST /api/jobs': {
    role: 'operator',
    errors: ['JOB_INVALID', 'JOBS_TOO_MANY', 'MODEL_MARKET', ...BODY_ERRORS],
    tags: ['jobs'],
    summary: 'Queue a job on the bars of this installation',
    body: jobRequest,
    response: { 202: recordedJobSchema },
  },
  'GET /api/jobs/{job_id}': {
    role: 'viewer',
    errors: ['JOB_UNKNOWN'],
    tags: ['jobs'],
    summary: 'A job',
    params,
    response: { 200: recordedJobSchema },
  },
  'GET /api/jobs/{job_id}/events': {
    role: 'viewer',
    errors: ['JOB_UNKNOWN'],
    tags: ['jobs'],
    summary: 'What happened to a job: states, waits, progress, messages and artifacts',
    params,
    querystring: jobEventsQuery,
    response: { 200: jobEventsSchema },
  },
  'GET /api/jobs/{job_id}/result': {
    role: 'viewer',
    errors: ['JOB_UNKNOWN', 'JOB_NO_RESULT'],
    tags: ['jobs'],
    summary: 'What a league, a scan or a comparison of a day has answered',
    params,
    response: { 200: jobResultSchema },
  },
  'GET /api/leagues': {
    role: 'viewer',
    tags: ['jobs'],
    summary: 'Leagues that can be queued: their entrants, and a document of each kind',
    response: { 200: leaguesSchema },
  },
  'POST /api/jobs/{job_id}/cancel': {
    role: 'operator',
    errors: ['JOB_UNKNOWN', 'JOB_ENDED'],
    tags: ['jobs'],
    summary: 'Cancel a job, also one that was started at a terminal',
    params,
    response: { 202: recordedJobSchema },
  },
});
