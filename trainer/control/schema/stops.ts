import * as z from 'zod';
import { STOP_KINDS } from '../../../shared/bundle/halts.ts';

import { BODY_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

const subjects = z.array(z.string().min(1).max(80)).min(1).max(1000).optional().describe('Default: all');

const stopRequest = z
  .strictObject({
    kind: z.enum(STOP_KINDS).describe('entries: nothing is entered. close: open positions are closed too'),
    subjects,
    reason: z.string().trim().min(1).max(500).describe('Shown on every page, and kept in the audit'),
  })
  .meta({ id: 'StopRequest' });

const resumeRequest = z.strictObject({ subjects }).nullish();

export const stopSchema = z.object({
  pair_id: z.string().describe('Subject, or * for all'),
  kind: z.enum(STOP_KINDS),
  reason: z.string(),
  by: z.string(),
  since: z.string(),
});

const stopsSchema = z.object({ stops: z.array(stopSchema) }).meta({ id: 'Stops' });

/** Routes of `api/routes/stops.ts`. */
export const stopRoutes = routes({
  'GET /api/stops': {
    role: 'viewer',
    errors: ['HALTS_FORMAT'],
    tags: ['signals'],
    summary: 'What a person has stopped',
    response: { 200: stopsSchema },
  },
  'POST /api/stops': {
    role: 'operator',
    errors: ['HALTS_FORMAT', 'PAIR_UNKNOWN', 'HOME_LOCKED', ...BODY_ERRORS],
    tags: ['signals'],
    summary: 'Stop entries, or close positions too, from the next bar on',
    body: stopRequest,
    response: { 200: stopsSchema },
  },
  'POST /api/stops/resume': {
    role: 'operator',
    errors: ['HALTS_FORMAT', 'PAIR_UNKNOWN', 'STOP_OF_ALL', 'HOME_LOCKED', ...BODY_ERRORS],
    tags: ['signals'],
    summary: 'Lift stops of a person',
    body: resumeRequest,
    response: { 200: stopsSchema },
  },
});
