import * as z from 'zod';
import { QUEUE_KINDS } from '../../jobs/fleet/open_fleet.ts';

import { BODY_ERRORS, FLEET_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

const count = z.number().int().min(0);
const key = z.string().describe('SHA-256 of everything that the result depends on');
const learner = z.string().describe('What does it: a learner, or `evolve` for generations of rules');
const agoMs = z.number().describe('Since then, ms, by the clock of the queue');

const identitySchema = z.object({
  version: z.string(),
  code: z.string().describe('Hash of the compiled program that learns'),
  node: z.number().int().describe('Major version of Node'),
  architecture: z.string(),
});

const resultSchema = z.object({ hash: z.string(), maker: z.string().describe('The worker') });

export const fleetSchema = z
  .object({
    queue: z
      .object({
        kind: z.enum(QUEUE_KINDS),
        name: z.string().nullable().describe('MINUTEHAND_FLEET; null: the fleet without a name'),
        place: z.string().describe('Address, without passwords'),
        blobs: z.string().describe('Where data and results are'),
        leader: identitySchema.nullable().describe('Build of the trainer that asked last; null: none has'),
      })
      .nullable()
      .describe('null: MINUTEHAND_QUEUE is not set; trainings use threads of their own'),
    tasks: z.array(
      z.object({
        learner,
        waiting: count,
        running: count,
        failed: count,
        finished: count.describe('By workers, as all that follows, since the queue exists'),
        given_up: count,
        retried: count.describe('Begun again after an error or a lost worker'),
        known: count.describe('Not done, since their result was there'),
        over_memory: count.describe('Attempts that a worker ended for their memory'),
        over_time: count.describe('Attempts that a worker ended for their time'),
        child_lost: count.describe('Attempts whose child process ended'),
        seconds: z.number().describe('Wall time of workers for those that they finished'),
      }),
    ),
    workers: z.array(
      z.object({
        name: z.string().describe('host/process'),
        learners: z.array(z.string()),
        slots: count.describe('Tasks at the same time'),
        cores: count.nullable().describe('Of its machine'),
        free_memory_mb: count.nullable().describe('Of its machine'),
        task_memory_mb: count.nullable().describe('Of each task; null: as much as there is'),
        task_cores: count.nullable().describe('Of each task; null: as many as there are'),
        gpu: z.boolean(),
        done: count.describe('Tasks since it was started'),
        running: z.array(
          z.object({
            key,
            learner,
            running_ms: z.number(),
            share: z.number().nullable().describe('Of its rounds, 0 to 1; null: it has not said'),
          }),
        ),
        silent_ms: z.number().describe('Since it was last heard of'),
        identity: identitySchema,
        is_other_build: z.boolean().describe('It takes no tasks of the build that leads'),
        is_ending: z.boolean().describe('It was asked to end, and ends once its tasks are done'),
      }),
    ),
    installations: z
      .array(
        z.object({
          name: z.string().describe('home id@host'),
          host: z.string(),
          market: z.string(),
          identity: identitySchema,
          is_other_build: z.boolean(),
          cores: count,
          load: z.number().describe('Processes that want a core, a mean of a minute; 0 on Windows'),
          free_memory_mb: count,
          silent_ms: z.number().describe('Since it was last heard of'),
          has_trainer: z.boolean(),
          daemons: z.array(
            z.object({
              shard: z.string(),
              presence: z.enum(['up', 'mute', 'down']),
              role: z.enum(['active', 'standby']).describe('standby: another machine holds the lease'),
              has_standby: z.boolean().describe('A daemon of the same machine waits to take over'),
              subjects: count.describe('Pairs and instruments'),
              degradations: z.array(z.string()),
              signal_us: z
                .number()
                .nullable()
                .describe('Time of its stations for one signal, µs; null: it published none'),
              subjects_within_budget: count
                .nullable()
                .describe('That would be answered within feed.budget_ms at this time each'),
            }),
          ),
        }),
      )
      .describe('Machines that were heard of within three minutes, and their daemons'),
    unclaimed: z
      .array(
        z.object({
          learner,
          memory_mb: count.nullable().describe('Of each task, estimated from its data; null: any'),
          cores: count,
          gpu: z.boolean(),
          waiting: count,
          lacking: z.array(z.object({ worker: z.string(), lacks: z.array(z.string()) })).describe('All workers'),
        }),
      )
      .describe('Waiting tasks that none of these workers can do, and what each lacks'),
    retries: z
      .array(
        z.object({
          key,
          learner,
          attempt: count.describe('The next one, from 2'),
          in_ms: z.number().describe('Until it may begin, ms, by the clock of the queue'),
          code: z.string(),
          message: z.string().describe('Of the last one'),
        }),
      )
      .describe(
        'Tasks that have failed and wait for their next attempt; those that come next first, a hundred at most',
      ),
    failures: z
      .array(
        z.object({
          key,
          learner,
          code: z.string(),
          message: z.string(),
          ago_ms: agoMs.nullable().describe('null: not noted'),
        }),
      )
      .describe('Tasks that were given up, and that nobody has asked for since; newest first, a hundred at most'),
    differences: z
      .array(z.object({ key, learner, kept: resultSchema, other: resultSchema, ago_ms: agoMs }))
      .describe('Two results of one task, which must be equal to the bit; newest first, a hundred at most'),
    aside: z
      .array(z.object({ place: z.string(), text: z.string().describe('Its beginning') }))
      .describe('Entries of the last week that could not be read; they hide no others, a hundred at most'),
  })
  .meta({ id: 'Fleet' });

const taskRequest = z
  .strictObject({
    key: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('Of a failed task'),
  })
  .meta({ id: 'FleetTaskRequest' });

const workerRequest = z
  .strictObject({ worker: z.string().min(1).max(300).describe('Its name, `host/process`') })
  .meta({ id: 'FleetWorkerRequest' });

const taskAnswer = z.object({ key });
const workerAnswer = z.object({ worker: z.string() });

/** Routes of `api/routes/fleet.ts`. */
export const fleetRoutes = routes({
  'GET /api/fleet': {
    role: 'viewer',
    errors: FLEET_ERRORS,
    tags: ['fleet'],
    summary: 'Queue, workers, failed tasks and results that differ, as they are now',
    response: { 200: fleetSchema },
  },
  'POST /api/fleet/tasks/retry': {
    role: 'operator',
    errors: ['TASK_UNKNOWN', 'FLEET_ABSENT', ...FLEET_ERRORS, ...BODY_ERRORS],
    tags: ['fleet'],
    summary: 'Put a failed task in again, with all its attempts',
    body: taskRequest,
    response: { 200: taskAnswer },
  },
  'POST /api/fleet/tasks/forget': {
    role: 'operator',
    errors: ['TASK_UNKNOWN', 'FLEET_ABSENT', ...FLEET_ERRORS, ...BODY_ERRORS],
    tags: ['fleet'],
    summary: 'Delete a failed task: the next training that needs it enqueues it again',
    body: taskRequest,
    response: { 200: taskAnswer },
  },
  'POST /api/fleet/workers/end': {
    role: 'operator',
    errors: ['WORKER_UNKNOWN', 'FLEET_ABSENT', ...FLEET_ERRORS, ...BODY_ERRORS],
    tags: ['fleet'],
    summary: 'Ask a worker to end once its tasks are done',
    body: workerRequest,
    response: { 200: workerAnswer },
  },
});
