import * as z from 'zod';

import { BODY_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

const alertSchema = z
  .object({
    alert_id: z.number().int(),
    key: z.string().describe('Deduplication key: unique among open alerts'),
    event: z.string().describe('Of docs/reference/NOTIFICATIONS.md'),
    title: z.string().describe('Human-readable event'),
    severity: z.enum(['critical', 'warning', 'info']),
    subject: z.string(),
    text: z.string(),
    command: z.string().describe('What to do'),
    version: z.string().nullable().describe('Bundle concerned'),
    opened_ms: z.number().describe('Epoch ms, as all times here'),
    last_ms: z.number().describe('Last report'),
    count: z.number().int(),
    state: z.enum(['open', 'acknowledged', 'over']),
    acked_by: z.string().nullable(),
    resolved_ms: z.number().nullable(),
  })
  .meta({ id: 'Alert' });

const silenceSchema = z
  .object({
    pattern: z.string().describe('Keys; * stands for any text'),
    until_ms: z.number(),
    created_by: z.string(),
  })
  .meta({ id: 'Silence' });

const alertsSchema = z.object({
  alerts: z.array(alertSchema).describe('Newest first'),
  silences: z.array(silenceSchema),
});

const acknowledgedSchema = z.object({ acknowledged: z.array(z.string()).describe('Keys') });

const silenceRequest = z
  .strictObject({
    pattern: z.string().min(1).max(200).describe('Keys; * stands for any text'),
    minutes: z.int().min(1).max(43_200).describe('How long'),
  })
  .meta({ id: 'SilenceRequest' });

const alertsQuery = z.object({
  all: z.enum(['true', 'false']).default('false').describe('true: include resolved alerts'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** Routes of `api/routes/alerts.ts`. */
export const alertRoutes = routes({
  'GET /api/alerts': {
    role: 'viewer',
    tags: ['alerts'],
    summary: 'Alerts and silences',
    querystring: alertsQuery,
    response: { 200: alertsSchema },
  },
  'POST /api/alerts/{alert_id}/ack': {
    role: 'operator',
    errors: ['ALERT_UNKNOWN'],
    tags: ['alerts'],
    summary: 'Acknowledge an open alert: it is not sent again',
    params: z.object({ alert_id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) }),
    response: { 200: acknowledgedSchema },
  },
  'POST /api/alerts/silence': {
    role: 'operator',
    errors: ['SILENCE_PATTERN', ...BODY_ERRORS],
    tags: ['alerts'],
    summary: 'Do not send alerts of these keys for a time',
    body: silenceRequest,
    response: { 200: silenceSchema },
  },
});
