import { createHmac } from 'node:crypto';
import type { AlertMessage } from '../message.ts';
import type { Channel } from './channel.ts';
import { openAtAddress, settingOf, type ChannelKind } from './channel_kind.ts';
import { postJson } from './http_post.ts';

export const webhook: ChannelKind = {
  open: (settings) =>
    openAtAddress(settings, 'MINUTEHAND_WEBHOOK_URL', (url) =>
      webhookChannel(url, settingOf(settings.env, 'MINUTEHAND_WEBHOOK_SECRET')),
    ),
};

/**
 * Any program: `{sent_at, messages}`. With a secret, `x-minutehand-signature` is `sha256=` and the HMAC-SHA256, in hex,
 * of `<x-minutehand-timestamp>.<body>`. A message that comes again has the same `message_id`.
 */
function webhookChannel(url: URL, secret: string | null): Channel {
  return {
    name: 'webhook',
    actions: ['trigger', 'acknowledge', 'resolve'],
    groups: true,
    send(messages, signal) {
      const timestamp = String(Math.floor(Date.now() / 1000));
      const body = JSON.stringify({ sent_at: new Date().toISOString(), messages: messages.map(plainOf) });
      const headers = {
        'x-minutehand-timestamp': timestamp,
        'idempotency-key': messages
          .map(({ message_id }) => message_id)
          .join('-')
          .slice(0, 200),
        ...(secret === null ? {} : { 'x-minutehand-signature': signatureOf(secret, timestamp, body) }),
      };
      return postJson(url, body, signal, headers);
    },
  };
}

export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

function plainOf({ opened_ms, created_ms, resolved_ms, ...rest }: AlertMessage): object {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return {
    ...rest,
    opened_at: iso(opened_ms),
    created_at: iso(created_ms),
    resolved_at: resolved_ms === null ? null : iso(resolved_ms),
  };
}
