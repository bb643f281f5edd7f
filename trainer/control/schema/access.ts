import * as z from 'zod';

import { routes } from './routes.ts';

const roleSchema = z.enum(['viewer', 'operator', 'approver']).describe('Each role includes those before it');

const loginRequest = z
  .strictObject({
    code: z.string().max(200).optional().describe('Code of a one-time login link'),
    token: z.string().max(200).optional().describe('A bearer token'),
  })
  .refine(({ code, token }) => (code === undefined) !== (token === undefined), 'either code or token')
  .meta({ id: 'LoginRequest' });

const sessionsSchema = z.object({
  sessions: z.array(
    z.object({
      session_id: z.string().describe('Names the session; it is not its cookie'),
      name: z.string(),
      role: roleSchema,
      token_id: z.string().nullable().describe('The token with which it was opened; null: a login link'),
      created_ms: z.number().describe('Epoch ms'),
      expires_ms: z.number(),
      current: z.boolean().describe('Whether this request belongs to it'),
    }),
  ),
});

const sessionPath = z.object({ session_id: z.string().regex(/^[0-9a-f]{16}$/) });

export const sessionSchema = z
  .object({
    name: z.string().describe('The current session'),
    role: roleSchema,
    via: z.enum(['session', 'token']).describe('Kind of credentials'),
    csrf_token: z.string().nullable().describe('Required value of the header x-csrf-token in writes; null for tokens'),
  })
  .meta({ id: 'Session' });

/** Routes of `api/routes/session.ts`. */
export const sessionRoutes = routes({
  'POST /api/session': {
    role: 'public',
    tags: ['access'],
    summary: 'Log in by a login link’s code or a token',
    body: loginRequest,
    response: { 200: sessionSchema },
  },
  'GET /api/sessions': {
    role: 'viewer',
    tags: ['access'],
    summary: 'Open sessions: your own; for approvers, all',
    response: { 200: sessionsSchema },
  },
  'DELETE /api/sessions/{session_id}': {
    role: 'viewer',
    tags: ['access'],
    summary: 'End a session: your own; for approvers, any',
    params: sessionPath,
    response: { 204: z.null().describe('Ended') },
  },
  'GET /api/session': {
    role: 'viewer',
    tags: ['access'],
    summary: 'The current session',
    response: { 200: sessionSchema },
  },
  'DELETE /api/session': {
    role: 'viewer',
    tags: ['access'],
    summary: 'Log out',
    response: { 204: z.null().describe('Logged out') },
  },
});
