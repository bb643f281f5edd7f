import { z } from 'zod';

export const alertSchema = z
  .object({
    alert_id: z.number().int(),
    key: z.string().describe('One of a kind while it is open'),
    event: z.string().describe('Of docs/reference/NOTIFICATIONS.md'),
    title: z.string().describe('The event for people'),
    severity: z.enum(['critical', 'warning', 'info']),
    subject: z.string(),
    text: z.string(),
    command: z.string().describe('What to do'),
    version: z.string().nullable().describe('Bundle concerned'),
    opened_ms: z.number().describe('Epoch ms, as the other times'),
    last_ms: z.number().describe('When it was last reported'),
    count: z.number().int(),
    state: z.enum(['open', 'acknowledged', 'over']),
    acked_by: z.string().nullable(),
    resolved_ms: z.number().nullable(),
  })
  .meta({ id: 'Alert' });

export const silenceSchema = z
  .object({
    pattern: z.string().describe('Keys; * stands for any text'),
    until_ms: z.number(),
    created_by: z.string(),
  })
  .meta({ id: 'Silence' });

export const alertsSchema = z.object({
  alerts: z.array(alertSchema).describe('Newest first'),
  silences: z.array(silenceSchema),
});

export const acknowledgedSchema = z.object({ acknowledged: z.array(z.string()).describe('Keys') });

export const silenceRequest = z
  .strictObject({
    pattern: z.string().min(1).max(200).describe('Keys; * stands for any text'),
    minutes: z.int().min(1).max(43_200).describe('How long'),
  })
  .meta({ id: 'SilenceRequest' });
