import * as z from 'zod';

import { routes } from './routes.ts';

/** Events of `GET /api/events`, with their data. */
const EVENT_KINDS = {
  signal: 'a Signal, as it was published',
  daemon: '{shard, is_connected}: connection to a daemon',
  run: 'a Run, when its state, stage or percentage changes',
  models: '{version, previous}: the active bundle, when it or an active direction bundle changes',
  backtest: '{backtest_id, status, percent}: a requested backtest, when it changes',
  job: '{job_id}: a queued job, when it changes; read /api/jobs/{job_id}',
  alert: '{}: alerts have changed; read /api/alerts',
} as const;

const eventsSchema = z.string().describe(
  `Server-sent events: ${Object.entries(EVENT_KINDS)
    .map(([name, data]) => `\`${name}\` ${data}`)
    .join('; ')}. A stream begins with the last signal of each subject and the newest run.`,
);

/** Routes of `api/routes/events.ts`. */
export const eventRoutes = routes({
  'GET /api/events': {
    role: 'viewer',
    errors: ['STREAMS_TOO_MANY'],
    tags: ['events'],
    summary: 'Server-sent events',
    produces: ['text/event-stream'],
    response: { 200: { description: 'A stream', content: { 'text/event-stream': { schema: eventsSchema } } } },
  },
});
