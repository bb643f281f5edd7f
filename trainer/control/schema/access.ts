import * as z from 'zod';

export const roleSchema = z.enum(['viewer', 'operator', 'approver']).describe('Each role includes those before it');

export const loginRequest = z
  .strictObject({
    code: z.string().max(200).optional().describe('Code of a one-time login link'),
    token: z.string().max(200).optional().describe('A bearer token'),
  })
  .refine(({ code, token }) => (code === undefined) !== (token === undefined), 'either code or token')
  .meta({ id: 'LoginRequest' });

export const sessionsSchema = z.object({
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

export const sessionPath = z.object({ session_id: z.string().regex(/^[0-9a-f]{16}$/) });

export const sessionSchema = z
  .object({
    name: z.string().describe('The current session'),
    role: roleSchema,
    via: z.enum(['session', 'token']).describe('Kind of credentials'),
    csrf_token: z.string().nullable().describe('Required value of the header x-csrf-token in writes; null for tokens'),
  })
  .meta({ id: 'Session' });
