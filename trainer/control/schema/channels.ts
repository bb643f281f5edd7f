import * as z from 'zod';
import { CHANNEL_NAMES } from '../../../shared/notification_channels.ts';
import { SEVERITIES } from '../../store/schema/events.ts';

import { routes } from './routes.ts';

const name = z.enum(CHANNEL_NAMES);

const channelParams = z.object({ channel: name });

const channelsSchema = z.object({
  channels: z.array(
    z.object({
      name,
      is_open: z.boolean().describe('The environment names it, and it can be used'),
      variable: z.string().describe('Environment variable that opens it'),
      problem: z.string().nullable().describe('Why it is not open although the environment names it'),
      severities: z.array(z.enum(SEVERITIES)).describe('What it receives, by notification_routes'),
    }),
  ),
});

const channelTestSchema = z.object({
  channel: name,
  taken: z.boolean().describe('The channel accepted the message; whether a person sees it, only a person knows'),
  failure: z.string().nullable().describe('Why it did not'),
});

/** Routes of `api/routes/channels.ts`. */
export const channelRoutes = routes({
  'GET /api/alerts/channels': {
    role: 'viewer',
    tags: ['alerts'],
    summary: 'Notification channels: which are open, what they receive, what is wrong with the others',
    response: { 200: channelsSchema },
  },
  'POST /api/alerts/channels/{channel}/test': {
    role: 'operator',
    errors: ['CHANNEL_CLOSED'],
    tags: ['alerts'],
    summary: 'Send a test message on one channel, at once; three attempts',
    params: channelParams,
    response: { 200: channelTestSchema },
  },
});
